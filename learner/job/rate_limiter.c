#include "learner/job/rate_limiter.h"
#include <math.h>

void rate_limiter_init(struct rate_limiter *limiter, double utd, uint64_t slack, uint64_t learning_starts) {
  *limiter = (struct rate_limiter){.utd = utd, .slack = slack, .base_steps = learning_starts};
}

void rate_limiter_rebase(struct rate_limiter *limiter, uint64_t refill) {
  limiter->base_steps = limiter->steps + refill;
  limiter->base_updates = limiter->updates;
}

bool rate_limiter_started(const struct rate_limiter *limiter) { return limiter->steps >= limiter->base_steps; }

uint64_t rate_limiter_owed(const struct rate_limiter *limiter) {
  if (!rate_limiter_started(limiter)) return 0;
  if (limiter->utd <= 0) return UINT64_MAX;
  const double total = floor(limiter->utd * (double)(limiter->steps - limiter->base_steps));
  const double owed = total - (double)(limiter->updates - limiter->base_updates);
  return owed > 0 ? (uint64_t)owed : 0;
}

static uint64_t to_count(double steps) { return steps < 0x1p63 ? (uint64_t)steps : UINT64_MAX; }

uint64_t rate_limiter_needed(const struct rate_limiter *limiter) {
  if (limiter->utd <= 0) return 0;
  const double done = (double)(limiter->updates - limiter->base_updates);
  // + 1: the quotient may have been rounded down
  return to_count((double)limiter->base_steps + ceil((done + 1) / limiter->utd) + 1);
}

uint64_t rate_limiter_allowed(const struct rate_limiter *limiter) {
  if (limiter->utd <= 0) return UINT64_MAX;
  const double done = (double)(limiter->updates - limiter->base_updates);
  const double held = (double)limiter->base_steps + floor(done / limiter->utd) + (double)limiter->slack;
  const uint64_t needed = rate_limiter_needed(limiter), allowed = to_count(held);
  return allowed > needed ? allowed : needed;
}
