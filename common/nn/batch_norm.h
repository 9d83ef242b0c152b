// Batch normalization (Ioffe and Szegedy 2015): each column of a matrix x (rows x width) by the statistics of its rows.
//
//   mean = sum x / rows    variance = sum (x - mean)^2 / rows    normal = (x - mean) inverse,  inverse =
//   1/sqrt(variance + epsilon) y = scale normal + shift
//
// Backward, from dy = dL/dy:
//
//   dshift = sum dy    dscale = sum dy normal
//   dx = scale inverse (dy - dshift/rows - normal dscale/rows)
//
// Where a ReLU follows, y and dy are those before and behind it: dy counts only where y > 0.
//
// Sums run over the rows in their order, in double, so that the bits do not depend on how columns and rows are divided
// among threads: the sums are made by columns, everything else by rows.
#ifndef CORSAC_COMMON_NN_BATCH_NORM_H
#define CORSAC_COMMON_NN_BATCH_NORM_H

#include "common/nn/real.h"
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
  size_t width;
  const real *scale, *shift;
  real *mean, *inverse; // of the batch at hand
  bool relu;            // a ReLU follows
};

// Columns that a sum covers, of all rows.
struct batch_norm_columns {
  size_t begin, end;
};

// Fills mean and inverse of the columns from x (rows x width, a row every ldx reals). running_mean and running_variance
// (width) move towards the batch's statistics, unless NULL.
void batch_norm_measure(const struct batch_norm *norm, struct batch_norm_kind kind, struct batch_norm_columns columns,
                        size_t rows, const real *x, size_t ldx, real *running_mean, real *running_variance);

// y = scale normal + shift, through the ReLU if one follows:   x (rows x width, a row every ldx reals), y (rows x
// width)
void batch_norm_apply(const struct batch_norm *norm, size_t rows, const real *x, size_t ldx, real *y);

// dscale and dshift (width) of the columns:   x as in batch_norm_measure, dy (rows x width)
void batch_norm_gradient(const struct batch_norm *norm, struct batch_norm_columns columns, size_t rows, const real *x,
                         size_t ldx, const real *dy, real *dscale, real *dshift);

// dx (rows x width) of some rows of a batch of batch_rows, given the gradients of all of its rows. dx may be dy.
struct batch_norm_sums {
  size_t batch_rows;
  const real *dscale, *dshift; // (width)
};
void batch_norm_backward(const struct batch_norm *norm, struct batch_norm_sums sums, size_t rows, const real *x,
                         size_t ldx, const real *dy, real *dx);

// The same normalization with fixed statistics as y = factor x + offset: factor = scale/sqrt(variance + epsilon),
// offset = shift - mean factor; all (width).
void batch_norm_fold(struct batch_norm_kind kind, const struct batch_norm *norm, const real *running_mean,
                     const real *running_variance, real *factor, real *offset);
#endif
