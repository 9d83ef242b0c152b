// Moves whole messages between ranks, in order per pair of ranks, without ever blocking. Two implementations under the
// same loops: MPI (transport_mpi.h) and, in one process, loopback (transport_loopback.h).
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_H
#define CORSAC_COMMON_WIRE_TRANSPORT_H

#include "common/base/status.h"
#include "common/wire/shared_weights.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One rank's end.
struct transport;

struct transport_statistics {
  uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
  size_t memory; // bytes held in send and receive buffers now
};

// 0: the learner. 1 .. size - 1: actors.
int transport_rank(const struct transport *transport);
int transport_size(const struct transport *transport);

// How messages to people name a rank of this transport: as MPI_COMM_WORLD does, and so a hostfile and ps. 0 in one
// process.
int transport_world_rank(const struct transport *transport, int rank);

// All ends are in one process, from now on.
void transport_is_one_process(struct transport *transport);

// Takes a copy, starts the transfer and returns at once. The protocol bounds how much may be under way (credits, one
// WEIGHTS a node), not the transport.
enum status transport_send(struct transport *transport, int to, const void *bytes, size_t size, struct error *error);

// The next message that has arrived, from anyone. *size is 0 where there is none. *bytes stays valid until the next
// receive. STATUS_FORMAT: rank *from sent what is no message of ours; it is lost.
enum status transport_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                              struct error *error);

// Sends that the other side has not taken over yet. Makes progress, too.
size_t transport_unsent(struct transport *transport);

// Waits with backoff, at most `seconds`, until the other sides have taken over everything. false: something is still
// under way; its peer may be dead.
bool transport_flush(struct transport *transport, double seconds);

// Collective over all ranks, at start-up. Makes shared-memory weights (shared_weights.h) on each node, for contents of
// up to the `capacity` of the node's first rank. On rank 0's node rank 0 writes them; on other nodes whichever rank has
// received newer ones. capacity 0: this rank does without. Where there is no such memory the node does without, and its
// first rank warns why: weights still go as messages.
enum status transport_shared_weights_open(struct transport *transport, size_t capacity, struct error *error);

// NULL: this rank sees none.
struct shared_weights *transport_shared_weights(struct transport *transport);

// The capacity that they were opened with. 0: they were not.
size_t transport_shared_weights_asked(const struct transport *transport);

// The first rank that sees the same ones. -1: this rank sees none.
int transport_shared_weights_home(const struct transport *transport, int rank);

// Whether that rank may run on the same cores of the same machine as this one: none of the two is bound. Of other ranks
// it is known only after transport_mpi_share_cores.
bool transport_shares_cores(const struct transport *transport, int rank);

struct transport_statistics transport_statistics(const struct transport *transport);

// Not collective; does not wait. NULL is fine.
void transport_destroy(struct transport *transport);

#endif
