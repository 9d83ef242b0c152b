// How the environments of a job are spread over its actors, how large an actor's batches are, how often sides tell of
// themselves. Both compute it from the configuration, so it never travels.
#ifndef CORSAC_COMMON_WIRE_ASSIGNMENT_H
#define CORSAC_COMMON_WIRE_ASSIGNMENT_H

#include "common/config/config.h"
#include <stdint.h>

struct assignment {
  uint32_t first, count; // environments [first, first + count) of the job; count 0: a surplus rank, which idles
  uint32_t batch_steps;  // an actor ships its batch when it holds this many steps
  uint32_t most_steps; // that a batch can hold: where environments were missing in a step, the last one goes past that
  uint32_t batch_rows; // rows that a batch must be able to hold: steps, and what the n-step windows held back or emit
                       // as tails
};
// For actor `actor` (0-based) of `actors`. The first envs % actors actors have one environment more, so surplus ranks
// are the last ones.
struct assignment assignment_of(const struct config *config, uint32_t actors, uint32_t actor);
uint32_t assignment_active(const struct config *config,
                           uint32_t actors); // actors that have an environment: 0 .. active - 1
// s after which a side that has had nothing to say says so: four times in an actor_timeout, or each second.
double heartbeat_seconds(const struct config *config);
#endif
