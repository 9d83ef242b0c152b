#include "common/nn/layer_norm.h"
#include "common/base/vectorize.h"
#include <math.h>

static const real NORM_EPSILON = (real)1e-5;

// Comparisons are written so that NaN passes.
VECTORIZE void layer_norm_relu(size_t count, real *x) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] <= 0 ? 0 : x[i];
}

// A sum is kept in this many parts, so that it can be vectors. The parts are added in a fixed order.
enum { LANES = 16 };

static real sum_lanes(const real *lane) {
  real sum = 0;
  for (size_t j = 0; j < LANES; j++) sum += lane[j];
  return sum;
}

VECTORIZE static real sum(size_t count, const real *x) {
  real lane[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (size_t j = 0; j < LANES; j++) lane[j] += x[i + j];
  }
  for (size_t j = 0; i + j < count; j++) lane[j] += x[i + j];
  return sum_lanes(lane);
}

VECTORIZE static real dot(size_t count, const real *x, const real *y) {
  real lane[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (size_t j = 0; j < LANES; j++) lane[j] += x[i + j] * y[i + j];
  }
  for (size_t j = 0; i + j < count; j++) lane[j] += x[i + j] * y[i + j];
  return sum_lanes(lane);
}

VECTORIZE real layer_norm_row(size_t width, const real *scale, const real *shift, real *restrict normal,
                              real *restrict y) {
  real mean = sum(width, y) / (real)width;
  for (size_t i = 0; i < width; i++) normal[i] = y[i] - mean;
  real inverse = 1 / (real)sqrt(dot(width, normal, normal) / (real)width + NORM_EPSILON);
  for (size_t i = 0; i < width; i++) {
    normal[i] *= inverse;
    y[i] = scale[i] * normal[i] + shift[i];
  }
  return inverse;
}

VECTORIZE void layer_norm_row_backward(size_t width, const real *scale, const real *normal, real inverse,
                                       const real *restrict dn, real *restrict dz) {
  for (size_t i = 0; i < width; i++) dz[i] = dn[i] * scale[i];
  real mean = sum(width, dz) / (real)width, along = dot(width, dz, normal) / (real)width;
  for (size_t i = 0; i < width; i++) dz[i] = inverse * (dz[i] - mean - normal[i] * along);
}

VECTORIZE void layer_norm_gradient(size_t rows, size_t count, size_t width, const real *restrict dn,
                                   const real *restrict normal, real *restrict dscale, real *restrict dshift) {
  for (size_t i = 0; i < count; i++) dscale[i] = dshift[i] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < count; i++) {
      dscale[i] += dn[r * width + i] * normal[r * width + i];
      dshift[i] += dn[r * width + i];
    }
  }
}
