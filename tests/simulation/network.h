// The simulated transport: messages keep their order for each pair of ranks, take the time that the plan says, and wait
// while a host is cut off. What was sent to a process that has ended is lost; so is what a killed one had not got out.
#ifndef CORSAC_TESTS_SIMULATION_NETWORK_H
#define CORSAC_TESTS_SIMULATION_NETWORK_H

#include "common/wire/transport.h"

#include <stdbool.h>
#include <stdint.h>

struct network;
struct network *network_create(void);
void network_destroy(struct network *network);

// The ends of a start of the job, one for each rank.
void network_open(struct network *network, uint32_t size);
struct transport *network_end(struct network *network, int rank);
void network_release(struct network *network);

// The process has ended. killed: what it sent and what has not arrived is lost.
void network_close(struct transport *end, bool killed);

// A cut host is back: what waited for it is sent.
void network_heal(struct network *network);

// When the next message arrives at this end, or has arrived; INFINITY: none is under way.
double network_next_arrival(const struct transport *end);

// Messages and bytes that have arrived and were not taken, and that are under way, to and from the learner.
struct network_load {
  uint64_t messages, bytes;
};
struct network_load network_load_to(const struct network *network, int rank);

#endif
