// Layer normalization (Ba, Kiros and Hinton 2016) of one row at a time, eps 1e-5, and the ReLU behind it.
#ifndef CORSAC_COMMON_NN_LAYER_NORM_H
#define CORSAC_COMMON_NN_LAYER_NORM_H

#include "common/nn/real.h"
#include <stddef.h>

// x (count) <- max(0, x), NaN passing
void layer_norm_relu(size_t count, real *x);

// y (width), a product z -> normal = (z - mean) / sqrt(variance + eps), y = scale normal + shift. Returns
// 1/sqrt(variance + eps).
real layer_norm_row(size_t width, const real *scale, const real *shift, real *restrict normal, real *restrict y);

// From dn (width), the gradient of scale normal + shift, to dz, the gradient of the product:
//   d = dn scale,   dz = inverse (d - mean(d) - normal mean(d normal))
void layer_norm_row_backward(size_t width, const real *scale, const real *normal, real inverse, const real *restrict dn,
                             real *restrict dz);

// Of `count` columns of dn and normal (rows x count, a row every `width` reals):
//   dscale = column sums of dn normal,   dshift = column sums of dn
void layer_norm_gradient(size_t rows, size_t count, size_t width, const real *restrict dn, const real *restrict normal,
                         real *restrict dscale, real *restrict dshift);
#endif
