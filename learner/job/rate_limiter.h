// How many updates are owed for the steps that were made, and how many steps the actors may make: utd updates for each
// step past learning_starts, enforced both ways. It counts and reads no clock; the counts are in the checkpoint, so
// that a resume repays no debt.
//
//   owed updates  = floor(utd (steps - base_steps)) - (updates - base_updates)
//   allowed steps = base_steps + (updates - base_updates) / utd + slack         (no limit where utd = 0)
//
// Slack covers the rows that all actors may have in flight, so that one slow actor does not use up the others' share.
// The allowed steps are never fewer than the next update needs, whatever the slack: with a utd below 1/slack both sides
// would wait for ever.
//
// base_steps is learning_starts in a new run.
//
// by_transition: utd counts the transitions of all agents in place of steps, and so do slack and what is allowed and
// needed. When to start is a number of steps all the same. Where each environment has one agent both counts agree.
#ifndef CORSAC_LEARNER_JOB_RATE_LIMITER_H
#define CORSAC_LEARNER_JOB_RATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limiter {
  double utd;
  uint64_t slack;
  uint64_t steps, updates; // environment steps inserted, updates made
  uint64_t base_steps, base_updates;
  bool by_transition;
  uint64_t transitions;      // inserted
  uint64_t base_transitions; // those of base_steps; until it has started those so far
};

void rate_limiter_init(struct rate_limiter *limiter, double utd, uint64_t slack, uint64_t learning_starts);

// From now on: `refill` steps without updates, then as in a new run.
void rate_limiter_rebase(struct rate_limiter *limiter, uint64_t refill);

// Counts steps and the transitions that agents made in them.
void rate_limiter_add(struct rate_limiter *limiter, uint64_t steps, uint64_t transitions);

// What utd counts, so far.
static inline uint64_t rate_limiter_count(const struct rate_limiter *limiter) {
  return limiter->by_transition ? limiter->transitions : limiter->steps;
}

// True when steps >= base_steps.
bool rate_limiter_started(const struct rate_limiter *limiter);

// Updates to make now; UINT64_MAX where utd = 0 and it has started.
uint64_t rate_limiter_owed(const struct rate_limiter *limiter);

// The number of environment steps (or transitions) that may exist in all; UINT64_MAX: no limit.
uint64_t rate_limiter_allowed(const struct rate_limiter *limiter);

// The number of steps at which the next update is owed, whatever the slack; 0 where utd = 0. Whoever promises steps in
// batches has to promise at least these, or both sides wait.
uint64_t rate_limiter_needed(const struct rate_limiter *limiter);
#endif
