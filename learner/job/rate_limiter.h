// How many updates are owed for the data that came, and how much data the actors may still make: utd updates per step
// past the start, enforced both ways. Counters, not clocks: they are part of the checkpoint, so a resume repays no
// debt.
//
//   owed updates   = floor(utd (steps - base_steps)) - (updates - base_updates)
//   allowed steps  = base_steps + (updates - base_updates) / utd + slack          (no limit where utd = 0)
//
// and never fewer steps than the next update needs, whatever the slack: a utd below 1/slack must not stop both sides
// for ever.
//
// base_steps is learning_starts in a new run.
#ifndef CORSAC_LEARNER_JOB_RATE_LIMITER_H
#define CORSAC_LEARNER_JOB_RATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limiter {
  double utd;
  uint64_t slack;
  uint64_t steps, updates; // environment steps inserted, updates made
  uint64_t base_steps, base_updates;
};
void rate_limiter_init(struct rate_limiter *limiter, double utd, uint64_t slack, uint64_t learning_starts);
void rate_limiter_rebase(struct rate_limiter *limiter,
                         uint64_t refill);                     // from now on: `refill` more steps, then as if new
bool rate_limiter_started(const struct rate_limiter *limiter); // steps >= base_steps
uint64_t
rate_limiter_owed(const struct rate_limiter *limiter); // updates to do now; UINT64_MAX where utd = 0 and started
uint64_t rate_limiter_allowed(
    const struct rate_limiter *limiter); // total of environment steps that may exist; UINT64_MAX: no limit
// The total of steps at which the next update is owed, whatever the slack; 0 where utd = 0. Whoever promises steps in
// batches has to promise at least these, or both sides wait.
uint64_t rate_limiter_needed(const struct rate_limiter *limiter);
#endif
