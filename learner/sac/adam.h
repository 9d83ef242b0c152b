// Adam (Kingma and Ba 2015) as PyTorch defines it: betas 0.9 and 0.999, eps 1e-8 outside the root, bias correction in
// double.
//
//   m <- b1 m + (1 - b1) g      v <- b2 v + (1 - b2) g^2      p <- p - lr/(1 - b1^t) m / (sqrt(v)/sqrt(1 - b2^t) + eps)
#ifndef CORSAC_LEARNER_SAC_ADAM_H
#define CORSAC_LEARNER_SAC_ADAM_H

#include "common/base/status.h"
#include "common/nn/real.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Of step t: rate = lr / (1 - b1^t), correction = 1 / sqrt(1 - b2^t).
struct adam_factors {
  double rate, correction;
};

struct adam {
  size_t size; // number of parameters
  double learning_rate;
  uint64_t step; // steps made
  struct adam_factors factors;
  real *m, *v; // (size) first and second moments
};

enum status adam_init(struct adam *adam, size_t size, double learning_rate, struct error *error);
void adam_release(struct adam *adam);

// Counts the step, whose rate is `share` of the learning rate. Then any threads call adam_apply on any split of
// [0, size).
void adam_begin(struct adam *adam, double share);

// Makes the step of parameters[begin..end). Returns whether their second moments are finite, and with them the
// gradient: a parameter with an infinite one would never move again. The step is made either way.
bool adam_apply(const struct adam *adam, size_t begin, size_t end, const real *gradient, real *parameters);

// Adam of one number, in double.
struct adam_scalar {
  double m, v, learning_rate;
  uint64_t step;
};
void adam_scalar_apply(struct adam_scalar *adam, double gradient, double *parameter);
#endif
