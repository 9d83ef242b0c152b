// What `corsac explain` found out, and how it is shown.
#ifndef CORSAC_LAUNCH_POLICY_EXPLAIN_H
#define CORSAC_LAUNCH_POLICY_EXPLAIN_H

#include "launch/policy/explain_math.h"
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct explanation {
  const char *file, *env;
  uint64_t env_steps, policy_version, seed;
  size_t obs_dim, dim;       // dim: of the action
  const float *obs;          // (obs_dim) after the reset
  const double *low, *high;  // (dim) of the environment's actions
  const double *head, *eps;  // (2 dim), (dim)
  struct explain_road *road; // (dim)
  double log_probability;    // of the sample
  // Gradients with respect to head, and the same by central differences: (2 dim) each.
  double *log_probability_gradient, *log_probability_difference;
  // Of what needs the critics; samples 0: the file has none.
  size_t samples;
  uint32_t critics;
  double alpha, q;                                   // q: min Q of the sample
  double *objective_gradient, *objective_difference; // (2 dim) of alpha log pi - min Q
  struct explain_moments moments[EXPLAIN_ESTIMATORS];
};
// Text of at most 100 columns.
void explain_print(FILE *out, const struct explanation *explanation);
json_t *explain_json(const struct explanation *explanation); // to be released by the caller
// How many times the samples of pathwise another estimator needs for the same precision: the ratio of the variances,
// each summed over head. 1 where pathwise has none.
double explain_price(const struct explanation *explanation, enum explain_estimator estimator);
#endif
