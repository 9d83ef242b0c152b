#include "learner/rate_limiter.h"
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

uint64_t rate_limiter_allowed(const struct rate_limiter *limiter) {
  if (limiter->utd <= 0) return UINT64_MAX;
  const double done = (double)(limiter->updates - limiter->base_updates);
  const double held = floor(done / limiter->utd) + (double)limiter->slack;
  const double next = ceil((done + 1) / limiter->utd) + 1; // + 1: the quotient may have been rounded down
  const double allowed = (double)limiter->base_steps + fmax(held, next);
  return allowed < 0x1p63 ? (uint64_t)allowed : UINT64_MAX;
}
