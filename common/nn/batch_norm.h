// Batch normalization (Ioffe and Szegedy 2015): each column of a matrix x (rows x width) by the statistics of its rows.
//
//   mean = sum x / rows    variance = sum (x - mean)^2 / rows    inverse = 1/sqrt(variance + epsilon)
//   normal = (x - mean) inverse    y = scale normal + shift
//
// Backward, from dy = dL/dy:
//
//   dshift = sum dy    dscale = sum dy normal
//   dx = scale inverse (dy - dshift/rows - normal dscale/rows)
//
// Where a ReLU follows, y and dy are those before and behind it: dy counts only where y > 0.
//
// Everything is done by columns, of all rows: threads may have different columns. Sums run over the rows in their
// order, so the bits do not depend on how columns are divided.
#ifndef CORSAC_COMMON_NN_BATCH_NORM_H
#define CORSAC_COMMON_NN_BATCH_NORM_H

#include "common/nn/linalg.h"
#include <stdbool.h>
#include <stddef.h>

// Which kind of batch norm. The authors of XQC and FlashSAC differ in both numbers.
struct batch_norm_kind {
  double epsilon;
  bool unbiased; // running variances are variance rows/(rows - 1)
};

// running <- (1 - BATCH_NORM_MOMENTUM) running + BATCH_NORM_MOMENTUM batch
#define BATCH_NORM_MOMENTUM 0.01

// One layer's arrays, all (width).
struct batch_norm {
  struct batch_norm_kind kind;
  size_t width, ld; // ld: reals from row to row of y, dy and dx
  const real *scale, *shift;
  real *mean, *inverse; // of the batch at hand
  bool relu;            // a ReLU follows
};

// Fills mean and inverse of the columns from x (rows x width). running_mean and running_variance (width) move towards
// the batch's statistics, unless NULL.
void batch_norm_measure(const struct batch_norm *norm, const struct linalg_columns *columns,
                        const struct linalg_rows *x, real *running_mean, real *running_variance);

// y (rows x width) = scale normal + shift, through the ReLU if one follows, of the columns.
void batch_norm_apply(const struct batch_norm *norm, const struct linalg_columns *columns, const struct linalg_rows *x,
                      real *y);

// dscale and dshift (width) of the columns from dy (rows x width), which becomes dx.
void batch_norm_backward(const struct batch_norm *norm, const struct linalg_columns *columns,
                         const struct linalg_rows *x, real *dscale, real *dshift, real *dy);

// The same normalization with fixed statistics as y = factor x + offset: factor = scale/sqrt(variance + epsilon),
// offset = shift - mean factor; all (width).
void batch_norm_fold(const struct batch_norm *norm, const real *running_mean, const real *running_variance,
                     real *factor, real *offset);
#endif
