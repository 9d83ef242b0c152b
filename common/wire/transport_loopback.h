// Several ranks in one process and one thread, with queues in memory. For `corsac train` without mpirun, and for tests.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_LOOPBACK_H
#define CORSAC_COMMON_WIRE_TRANSPORT_LOOPBACK_H

#include "common/wire/transport.h"

// ends[0..size-1] get one end each. The last end that is destroyed frees the memory between them.
enum status transport_loopback_create(int size, struct transport **ends, struct error *error);

// For tests, before shared weights are opened: this end is on another node, which is known by its first end.
void transport_loopback_move(struct transport *end, int home);

#endif
