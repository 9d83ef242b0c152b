// Rows that an update learns from.
#ifndef CORSAC_LEARNER_SAC_SAC_BATCH_H
#define CORSAC_LEARNER_SAC_SAC_BATCH_H

#include "common/nn/real.h"
#include <stddef.h>
#include <stdint.h>

struct sac_batch {
  size_t rows, width; // width: obs_dim + act_dim, what a critic reads
  real *input;        // (rows x width) [s | a], s normalised, a in [-1, 1]
  real *
      next_input; // (rows x width) [s' | ], s' normalised; the update writes a' behind s'. It stands right behind input
  real *reward;   // (rows) before reward_scale
  real *discount; // (rows) gamma^n, or 0 where the episode terminated
  real *noise;    // (rows x act_dim) N(0, 1), for a_new
  real *noise_next; // (rows x act_dim) N(0, 1), for a'
  double progress;  // of the run, 0 to 1: where learning rates stand
  uint32_t *subset; // (target_subset) distinct critics that form the minimum in y
};
#endif
