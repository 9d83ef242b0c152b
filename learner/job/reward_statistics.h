// Rewards of unit scale: how large discounted returns are, over all rows in the order in which they were inserted. When
// a batch is taken its rewards are divided by
//
//   deviation   sqrt(Var G) + 1e-8
//   bounded     max(sqrt(Var G + 1e-8), max |G| / value_max)
//
// For each environment G <- gamma G + r at every step, from 0 at an episode's begin. Var G divides by the count; of
// fewer than two values it is 1. (Programs that set G to r at an episode's last step, and let that r go on into the
// next episode, differ from this by one value an episode.)
//
// The learner sees rows, not steps. A row of k steps counts as one step with the reward r / (1 + gamma + ... +
// gamma^(k-1)). Its discount tells k.
//
// With n_step 1 all of this is exact. An episode ends with a row of discount 0, or where the next row of the
// environment does not begin with the observation that the last one ended with; a hash of that is kept.
//
// With n_step > 1 the reward of a step is smoothed over the k steps of its row: an approximation. An episode ends with
// a row of one step, which is exact but for these cases:
// - The rows of a terminated episode's end have discount 0, whatever their k. They are taken to be of n, n - 1, ..., 1
//   steps. That is wrong for a terminated episode of fewer than n steps: its rewards are divided by too much, and the
//   next one may be taken for a part of it where it is as short.
// - Where rows are lost (an actor died, a resume without its environments' states) the new episode goes on from the
//   old.
#ifndef CORSAC_LEARNER_JOB_REWARD_STATISTICS_H
#define CORSAC_LEARNER_JOB_REWARD_STATISTICS_H

#include "common/config/config.h"
#include "common/base/status.h"
#include <stdbool.h>
#include <stdint.h>

enum reward_scaling { REWARD_RAW, REWARD_DEVIATION, REWARD_BOUNDED };

struct reward_statistics {
  uint64_t count;
  double mean, m2, highest; // of G; highest: of |G|
  double *returns;          // (environments) G
  uint64_t *last;           // (environments) what the row before was: see reward_statistics.c
  uint64_t breaks;          // rows so far that do not go on from the row before, though that ended no episode

  enum reward_scaling scaling;
  uint32_t environments, n;
  double gamma, value_max;
  float *discount; // (n) gamma^k of a row of k = 1 + index steps
  double *weight;  // (n) 1 + gamma + ... + gamma^(k-1)
};

// As normalize_rewards, gamma, n_step and value_max say, of so many environments; each agent of one counts as an
// environment here. With normalize_rewards none nothing is allocated, and no
// other function may be called but _release and _scale.
enum status reward_statistics_init(struct reward_statistics *statistics, const struct config *config,
                                   uint32_t environments, struct error *error);
void reward_statistics_release(struct reward_statistics *statistics);

// One row of a replay; obs and next_obs are (obs_dim).
struct reward_row {
  const float *obs, *next_obs;
  float reward, discount;
};
void reward_statistics_update(struct reward_statistics *statistics, uint32_t environment, uint32_t obs_dim,
                              const struct reward_row *row);

// The next row of the environment begins an episode.
void reward_statistics_end_episode(struct reward_statistics *statistics, uint32_t environment);

// Forgets all rows.
void reward_statistics_clear(struct reward_statistics *statistics);

// What a reward is divided by.
double reward_statistics_scale(const struct reward_statistics *statistics);
#endif
