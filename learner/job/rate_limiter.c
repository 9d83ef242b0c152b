#include "learner/job/rate_limiter.h"
#include <math.h>

void rate_limiter_init(struct rate_limiter *limiter, double utd, uint64_t slack, uint64_t learning_starts) {
  *limiter = (struct rate_limiter){.utd = utd, .slack = slack, .base_steps = learning_starts};
}

void rate_limiter_rebase(struct rate_limiter *limiter, uint64_t refill) {
  limiter->base_steps = limiter->steps + refill;
  limiter->base_updates = limiter->updates;
  limiter->base_transitions = limiter->transitions;
}

// Of steps that lie on both sides of base_steps those before it have their share of the transitions.
void rate_limiter_add(struct rate_limiter *limiter, uint64_t steps, uint64_t transitions) {
  const uint64_t missing = limiter->base_steps > limiter->steps ? limiter->base_steps - limiter->steps : 0;
  if (missing > 0)
    limiter->base_transitions = limiter->transitions + (missing < steps ? transitions * missing / steps : transitions);
  limiter->steps += steps;
  limiter->transitions += transitions;
}

static uint64_t base_of(const struct rate_limiter *limiter) {
  return limiter->by_transition ? limiter->base_transitions : limiter->base_steps;
}

bool rate_limiter_started(const struct rate_limiter *limiter) { return limiter->steps >= limiter->base_steps; }

uint64_t rate_limiter_owed(const struct rate_limiter *limiter) {
  if (!rate_limiter_started(limiter)) return 0;
  if (limiter->utd <= 0) return UINT64_MAX;
  const double total = floor(limiter->utd * (double)(rate_limiter_count(limiter) - base_of(limiter)));
  const double owed = total - (double)(limiter->updates - limiter->base_updates);
  return owed > 0 ? (uint64_t)owed : 0;
}

static uint64_t to_count(double steps) { return steps < 0x1p63 ? (uint64_t)steps : UINT64_MAX; }

uint64_t rate_limiter_needed(const struct rate_limiter *limiter) {
  if (limiter->utd <= 0 || (limiter->by_transition && !rate_limiter_started(limiter))) return 0;
  const double done = (double)(limiter->updates - limiter->base_updates);
  // + 1: the quotient may have been rounded down
  return to_count((double)base_of(limiter) + ceil((done + 1) / limiter->utd) + 1);
}

uint64_t rate_limiter_allowed(const struct rate_limiter *limiter) {
  // Steps before the start make an unknown number of transitions. Credits bound those.
  if (limiter->utd <= 0 || (limiter->by_transition && !rate_limiter_started(limiter))) return UINT64_MAX;
  const double done = (double)(limiter->updates - limiter->base_updates);
  const double held = (double)base_of(limiter) + floor(done / limiter->utd) + (double)limiter->slack;
  const uint64_t needed = rate_limiter_needed(limiter), allowed = to_count(held);
  return allowed > needed ? allowed : needed;
}
