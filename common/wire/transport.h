// Moves whole messages between ranks, in order per pair of ranks, without ever blocking. Two implementations under the
// same loops: MPI (transport_mpi.h) and, in one process, loopback (transport_loopback.h).
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_H
#define CORSAC_COMMON_WIRE_TRANSPORT_H

#include "common/base/status.h"
#include "common/wire/shared_weights.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport; // one rank's end

struct transport_statistics {
  uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
  size_t memory; // bytes held in send and receive buffers now
};

int transport_rank(const struct transport *transport); // 0: the learner, 1..size-1: actors
int transport_size(const struct transport *transport);
// How messages to people name a rank of this transport: as it is in MPI_COMM_WORLD, and so in a hostfile and in ps; 0
// in one process.
int transport_world_rank(const struct transport *transport, int rank);
void transport_is_one_process(struct transport *transport); // from now on
// Takes a copy and starts the transfer; returns at once. How much may be under way is bounded by the protocol (credits,
// tokens), not here.
enum status transport_send(struct transport *transport, int to, const void *bytes, size_t size, struct error *error);
// The next message that has arrived, from anyone. *size = 0: none. *bytes stays valid until the next receive.
// STATUS_FORMAT: what rank *from sent is no message of ours, and lost.
enum status transport_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                              struct error *error);
size_t
transport_unsent(struct transport *transport); // sends not yet handed over to the other side; also makes progress
// Waits with backoff until all is handed over, at most `seconds`. false: something is still under way (the peer may be
// gone).
bool transport_flush(struct transport *transport, double seconds);
// Collective over all ranks, at start-up. A shared weights (common/wire/shared_weights.h) in memory that the ranks of a
// node share, for contents of up to its first rank's `capacity` bytes. On rank 0's node rank 0 writes it; on others who
// has got something to put up. capacity 0: this rank does without. Where there is no such memory there is no shared
// weights on that node, and its first rank warns why: messages still go.
enum status transport_shared_weights_open(struct transport *transport, size_t capacity, struct error *error);
struct shared_weights *transport_shared_weights(struct transport *transport); // NULL: this rank sees none
size_t
transport_shared_weights_asked(const struct transport *transport); // the capacity it was opened with, 0: it was not
int transport_shared_weights_home(const struct transport *transport,
                                  int rank); // first rank that sees the same one, -1: it sees none
struct transport_statistics transport_statistics(const struct transport *transport);
void transport_destroy(struct transport *transport); // not collective, does not wait; NULL is fine

#endif
