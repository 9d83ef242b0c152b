#include "actor/noise_hold.h"

#include "common/base/random.h"

double noise_hold_weight(uint32_t most) {
  double weight = 0;
  for (uint32_t n = 1; n <= most; n++) weight += 1 / ((double)n * n);
  return weight;
}

// The first n at which the sum of n^-2 exceeds a uniform share of the whole.
uint32_t noise_hold_length(const struct noise_hold_rule *rule, uint64_t step) {
  struct random random = random_stream(rule->seed, RANDOM_HOLD, rule->environment, step);
  random.counter[0] = rule->agent; // a block of the stream is each agent's own
  const double share = random_uniform(&random) * rule->weight;
  double sum = 1;
  uint32_t n = 1;
  while (n < rule->most && sum <= share) {
    n++;
    sum += 1 / ((double)n * n);
  }
  return n;
}

bool noise_hold_find(const struct noise_hold_rule *rule, struct noise_hold *hold, uint64_t step,
                     uint32_t episode_length) {
  const uint64_t begin = step - episode_length % NOISE_HOLD_SPAN;
  if (hold->until > step && hold->from >= begin) return false;
  if (hold->until <= begin || hold->from < begin) *hold = (struct noise_hold){begin, begin};
  while (hold->until <= step) {
    hold->from = hold->until;
    hold->until += noise_hold_length(rule, hold->from);
  }
  return true;
}
