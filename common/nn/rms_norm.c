#include "common/nn/rms_norm.h"
#include <math.h>

real rms_norm_row(size_t width, const real *gain, const real *x, real *y) {
  double square = 0;
  for (size_t j = 0; j < width; j++) square += (double)x[j] * (double)x[j];
  const real inverse = (real)(1 / sqrt(square / (double)width + RMS_NORM_EPSILON));
  for (size_t j = 0; j < width; j++) y[j] = gain[j] * (x[j] * inverse);
  return inverse;
}

void rms_norm_row_backward(size_t width, const real *gain, const real *x, real inverse, const real *dy, real *dx) {
  double along = 0;
  for (size_t j = 0; j < width; j++) along += (double)(gain[j] * dy[j]) * (double)(x[j] * inverse);
  const real mean = (real)(along / (double)width);
  for (size_t j = 0; j < width; j++) dx[j] = inverse * (gain[j] * dy[j] - x[j] * inverse * mean);
}
