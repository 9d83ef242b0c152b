// What `corsac explain` found out, and how it is shown.
#ifndef CORSAC_LAUNCH_POLICY_EXPLAIN_H
#define CORSAC_LAUNCH_POLICY_EXPLAIN_H

#include "common/nn/history.h"
#include "launch/policy/explain_math.h"
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct explanation {
  const char *file, *env;
  uint64_t env_steps, policy_version, seed;
  size_t obs_dim, dim;       // dim: of the action
  size_t agents, agent;      // of the environment; whose observation it is
  const float *obs;          // (obs_dim) after the reset
  struct history history;    // what the networks see: after a reset the observation, as often as they see one
  double *slope;             // (history_width) how far each number of the input moves the mean
  const double *low, *high;  // (dim) of the environment's actions
  struct explain_path *path; // (dim)
  double log_probability;    // of the sample

  // Gradients with respect to the head, and the same by central differences: (2 dim) each.
  double *log_probability_gradient, *log_probability_difference;

  // What needs the critics; samples 0: the file has none.
  size_t samples;
  uint32_t critics;
  double alpha, q;                                   // q: min Q of the sample
  double *objective_gradient, *objective_difference; // (2 dim) of alpha log pi - min Q
  struct explain_moments moments[EXPLAIN_ESTIMATORS];
};

// Prints text of at most 100 columns.
void explain_print(FILE *out, const struct explanation *explanation);

// The caller owns the result; NULL: no memory, or a number that is not finite.
json_t *explain_json(const struct explanation *explanation);
#endif
