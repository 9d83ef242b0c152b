// RMS norm (Zhang and Sennrich 2019) of a row, as the networks' last hidden layer has it:
//
//   y = gain x inverse,   inverse = 1/sqrt(mean x^2 + 1e-8)
#ifndef CORSAC_COMMON_NN_RMS_NORM_H
#define CORSAC_COMMON_NN_RMS_NORM_H

#include "common/nn/real.h"
#include <stddef.h>

#define RMS_NORM_EPSILON 1e-8

// x, gain, y (width); y may be x. Returns inverse.
real rms_norm_row(size_t width, const real *gain, const real *x, real *y);

// dx = inverse (d - normal mean(d normal)),  d = gain dy,  normal = x inverse
void rms_norm_row_backward(size_t width, const real *gain, const real *x, real inverse, const real *dy, real *dx);
#endif
