// Running mean and variance of observations (Welford 1962). The count has 64 bits, the sums are doubles, and
// observations are added in insertion order.
#ifndef CORSAC_COMMON_NN_NORMALIZER_H
#define CORSAC_COMMON_NN_NORMALIZER_H

#include "common/base/status.h"
#include "common/nn/real.h"
#include <stddef.h>
#include <stdint.h>

#define NORMALIZER_CLIP 10.0 // normalised observations are clipped to +-10

struct normalizer {
  size_t dim;
  uint64_t count;
  double *mean, *m2; // (dim)
};

enum status normalizer_init(struct normalizer *normalizer, size_t dim, struct error *error);
void normalizer_release(struct normalizer *normalizer);

// Both have the same dim.
void normalizer_copy(struct normalizer *to, const struct normalizer *from);

// Adds one observation (dim).
void normalizer_update(struct normalizer *normalizer, const float *obs);

// shift (dim) = mean, scale (dim) = 1/sqrt(m2/count + 1e-8); 0 and 1 while count < 2. These are sent to actors.
void normalizer_export(const struct normalizer *normalizer, float *shift, float *scale);

// out (rows x dim) = clip((obs - shift) * scale)
void normalizer_apply(size_t rows, size_t dim, const float *shift, const float *scale, const float *obs, real *out);
#endif
