// How the environments of a job are spread over its actors, how large an actor's batches are, and how often both sides
// send a heartbeat. Both sides compute it from the configuration, so it is never sent.
#ifndef CORSAC_COMMON_WIRE_ASSIGNMENT_H
#define CORSAC_COMMON_WIRE_ASSIGNMENT_H

#include "common/config/config.h"
#include <stdint.h>

struct assignment {
  uint32_t first, count;      // environments [first, first + count) of the job; count 0: a surplus rank, which idles
  uint32_t agents;            // of these environments; count, where each has one
  uint32_t batch_steps;       // an actor sends its batch when it holds this many steps
  uint32_t most_steps;        // that a batch can hold: more, where environments were missing in a step before the last
  uint32_t batch_rows;        // that a batch can hold: transitions, and what n-step windows held back or emit as tails
  uint32_t batch_transitions; // of batch_steps steps
};
// For actor `actor` (0-based) of `actors`. The first envs % actors actors have one environment more, so surplus ranks
// are the last ones.
struct assignment assignment_of(const struct config *config, uint32_t actors, uint32_t actor);
// The same where environments have several agents. agents: (config->envs) of each environment of the job; NULL: one. A
// batch has about send_steps transitions, and at least a step of each environment: many agents make it no larger than
// that.
struct assignment assignment_with_agents(const struct config *config, uint32_t actors, uint32_t actor,
                                         const uint32_t *agents);
// That of one actor, which knows only the agents of its own environments, agents (assignment->count).
void assignment_take_agents(struct assignment *assignment, const struct config *config, const uint32_t *agents);
// The number of actors that have an environment: 0 .. active - 1.
uint32_t assignment_active(const struct config *config, uint32_t actors);
// Seconds without a message after which a side sends a heartbeat: a quarter of actor_timeout, at most 1.
double heartbeat_seconds(const struct config *config);
#endif
