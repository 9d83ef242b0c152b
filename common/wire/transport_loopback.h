// Several ranks in one process and one thread: queues in memory. For `corsac train` without mpirun, and for tests.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_LOOPBACK_H
#define CORSAC_COMMON_WIRE_TRANSPORT_LOOPBACK_H

#include "common/wire/transport.h"

// ends[0..size-1] get one end each; the memory between them goes with the last end destroyed.
enum status transport_loopback_create(int size, struct transport **ends, struct error *error);
// For tests, before its shared weights is opened: this end is on another node, which is known by the first end there.
void transport_loopback_move(struct transport *end, int home);

#endif
