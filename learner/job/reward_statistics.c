#include "learner/job/reward_statistics.h"

#include "common/base/memory.h"
#include <assert.h>
#include <math.h>
#include <string.h>

// What `last` says of the row before:
//
//   0                 an episode ended with it, or there was none
//   IS_HASH | hash    it was of one step; the episode goes on if the next row begins with the observation of this hash
//   m, 0 < m < n      the episode ended with the last step of that row, and m more rows of the episode follow
//   n                 the row was full, and the episode goes on (n > 1)
static const uint64_t IS_HASH = (uint64_t)1 << 63;

static enum reward_scaling scaling_of(const struct config *config) {
  if (strcmp(config->normalize_rewards, "deviation") == 0) return REWARD_DEVIATION;
  return strcmp(config->normalize_rewards, "bounded") == 0 ? REWARD_BOUNDED : REWARD_RAW;
}

enum status reward_statistics_init(struct reward_statistics *statistics, const struct config *config,
                                   uint32_t environments, struct error *error) {
  static const char what[] = "the statistics of rewards";
  *statistics = (struct reward_statistics){.scaling = scaling_of(config),
                                           .environments = environments,
                                           .n = (uint32_t)config_row_steps(config),
                                           .gamma = config->gamma,
                                           .value_max = config->value_max};
  if (statistics->scaling == REWARD_RAW) return STATUS_OK;
  statistics->returns = memory_alloc(statistics->environments, sizeof *statistics->returns, what, error);
  statistics->last = memory_alloc(statistics->environments, sizeof *statistics->last, what, error);
  statistics->discount = memory_alloc(statistics->n, sizeof *statistics->discount, what, error);
  statistics->weight = memory_alloc(statistics->n, sizeof *statistics->weight, what, error);
  if (!statistics->returns || !statistics->last || !statistics->discount || !statistics->weight) {
    reward_statistics_release(statistics);
    return STATUS_MEMORY;
  }
  double power = 1, weight = 0;
  for (uint32_t k = 0; k < statistics->n; k++) {
    statistics->weight[k] = weight += power;
    statistics->discount[k] = (float)(power *= statistics->gamma); // as actor/n_step.c computes a row's
  }
  return STATUS_OK;
}

void reward_statistics_release(struct reward_statistics *statistics) {
  memory_free(statistics->returns);
  memory_free(statistics->last);
  memory_free(statistics->discount);
  memory_free(statistics->weight);
  *statistics = (struct reward_statistics){0};
}

// Equal bits give equal hashes. The multiplier is 2^64 divided by the golden ratio.
static uint64_t hash_of(const float *obs, uint32_t obs_dim) {
  uint64_t hash = obs_dim;
  for (uint32_t i = 0; i < obs_dim; i++) {
    uint32_t word;
    memcpy(&word, &obs[i], sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash | IS_HASH;
}

// How many steps the row is the sum of.
static uint32_t steps_of(const struct reward_statistics *statistics, uint64_t last, bool goes_on, float discount) {
  if (discount == 0) { // terminated: the row before tells
    if (goes_on) return 1;
    return last > 0 && last < statistics->n ? (uint32_t)last : statistics->n;
  }
  for (uint32_t k = statistics->n; k > 1; k--)
    if (discount == statistics->discount[k - 1]) return k;
  return 1; // logged transitions may have discounts of their own
}

static void add(struct reward_statistics *statistics, double value) {
  const double delta = value - statistics->mean;
  statistics->count++;
  statistics->mean += delta / (double)statistics->count;
  statistics->m2 += delta * (value - statistics->mean);
  if (fabs(value) > statistics->highest) statistics->highest = fabs(value);
}

void reward_statistics_update(struct reward_statistics *statistics, uint32_t environment, uint32_t obs_dim,
                              const struct reward_row *row) {
  assert(environment < statistics->environments);
  const uint64_t last = statistics->last[environment];
  const uint32_t n = statistics->n;
  bool goes_on = last & IS_HASH && last == hash_of(row->obs, obs_dim);
  const uint32_t k = steps_of(statistics, last, goes_on, row->discount);
  goes_on |= last == k || (last == n && n > 1);
  statistics->breaks += last > 0 && !goes_on;

  double *G = &statistics->returns[environment];
  *G = (goes_on ? statistics->gamma * *G : 0) + (double)row->reward / statistics->weight[k - 1];
  add(statistics, *G);

  if (row->discount == 0)
    statistics->last[environment] = k - 1;
  else if (k == 1)
    statistics->last[environment] = hash_of(row->next_obs, obs_dim);
  else
    statistics->last[environment] = k == n ? n : k - 1;
}

void reward_statistics_end_episode(struct reward_statistics *statistics, uint32_t environment) {
  statistics->last[environment] = 0;
}

void reward_statistics_clear(struct reward_statistics *statistics) {
  statistics->count = statistics->breaks = 0;
  statistics->mean = statistics->m2 = statistics->highest = 0;
  for (uint32_t e = 0; e < statistics->environments; e++) {
    statistics->returns[e] = 0;
    statistics->last[e] = 0;
  }
}

double reward_statistics_scale(const struct reward_statistics *statistics) {
  if (statistics->scaling == REWARD_RAW) return 1;
  const double variance = statistics->count > 1 ? statistics->m2 / (double)statistics->count : 1;
  if (statistics->scaling == REWARD_DEVIATION) return sqrt(variance) + 1e-8;
  return fmax(sqrt(variance + 1e-8), statistics->highest / statistics->value_max);
}
