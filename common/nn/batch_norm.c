#include "common/nn/batch_norm.h"
#include "common/base/vectorize.h"
#include <math.h>

// Columns whose sums are kept at once: they stay in registers, or nearly, while the rows go by.
enum { WIDE = 64 };

// sum[j] = sum over the rows of x[r][j],  square[j] = sum (x[r][j] - mean[j])^2,  j < count <= WIDE
VECTORIZE static void sum_columns(size_t count, size_t rows, const real *restrict x, size_t ldx, double *restrict sum) {
  for (size_t j = 0; j < count; j++) sum[j] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < count; j++) sum[j] += (double)x[r * ldx + j];
  }
}

VECTORIZE static void sum_squares(size_t count, size_t rows, const real *restrict x, size_t ldx,
                                  const double *restrict mean, double *restrict square) {
  for (size_t j = 0; j < count; j++) square[j] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < count; j++) {
      const double difference = (double)x[r * ldx + j] - mean[j];
      square[j] += difference * difference;
    }
  }
}

static void track(real *running, double value) {
  *running = (real)((1 - BATCH_NORM_MOMENTUM) * (double)*running + BATCH_NORM_MOMENTUM * value);
}

void batch_norm_measure(const struct batch_norm *norm, struct batch_norm_kind kind, struct batch_norm_columns columns,
                        size_t rows, const real *x, size_t ldx, real *running_mean, real *running_variance) {
  const double unbiased = kind.unbiased && rows > 1 ? (double)rows / (double)(rows - 1) : 1;
  for (size_t begin = columns.begin; begin < columns.end; begin += WIDE) {
    const size_t count = columns.end - begin < WIDE ? columns.end - begin : WIDE;
    double mean[WIDE], square[WIDE];

    sum_columns(count, rows, x + begin, ldx, mean);
    for (size_t j = 0; j < count; j++) mean[j] /= (double)rows;
    sum_squares(count, rows, x + begin, ldx, mean, square);

    for (size_t j = 0; j < count; j++) {
      const double variance = square[j] / (double)rows;
      norm->mean[begin + j] = (real)mean[j];
      norm->inverse[begin + j] = (real)(1 / sqrt(variance + kind.epsilon));
      if (running_mean) track(&running_mean[begin + j], mean[j]);
      if (running_variance) track(&running_variance[begin + j], unbiased * variance);
    }
  }
}

// Comparisons are such that NaN passes.
VECTORIZE static void apply_row(size_t width, const real *restrict x, const real *restrict mean,
                                const real *restrict inverse, const real *restrict scale, const real *restrict shift,
                                bool relu, real *restrict y) {
  const real low = relu ? 0 : -(real)INFINITY;
  for (size_t j = 0; j < width; j++) {
    const real value = scale[j] * ((x[j] - mean[j]) * inverse[j]) + shift[j];
    y[j] = value <= low ? low : value;
  }
}

void batch_norm_apply(const struct batch_norm *norm, size_t rows, const real *x, size_t ldx, real *y) {
  for (size_t r = 0; r < rows; r++)
    apply_row(norm->width, x + r * ldx, norm->mean, norm->inverse, norm->scale, norm->shift, norm->relu,
              y + r * norm->width);
}

// shift[j] = sum of dy[r][j], scale[j] = sum of dy[r][j] normal[r][j], where y > low
VECTORIZE static void gradient_columns(size_t count, size_t rows, const real *restrict x, size_t ldx,
                                       const struct batch_norm *norm, size_t begin, const real *restrict dy,
                                       double *restrict scale_sum, double *restrict shift_sum) {
  const real low = norm->relu ? 0 : -(real)INFINITY;
  const real *mean = norm->mean + begin, *inverse = norm->inverse + begin;
  const real *scale = norm->scale + begin, *shift = norm->shift + begin;
  for (size_t j = 0; j < count; j++) scale_sum[j] = shift_sum[j] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < count; j++) {
      const real normal = (x[r * ldx + j] - mean[j]) * inverse[j];
      const real through = scale[j] * normal + shift[j] <= low ? 0 : dy[r * norm->width + j];
      shift_sum[j] += (double)through;
      scale_sum[j] += (double)through * (double)normal;
    }
  }
}

void batch_norm_gradient(const struct batch_norm *norm, struct batch_norm_columns columns, size_t rows, const real *x,
                         size_t ldx, const real *dy, real *dscale, real *dshift) {
  for (size_t begin = columns.begin; begin < columns.end; begin += WIDE) {
    const size_t count = columns.end - begin < WIDE ? columns.end - begin : WIDE;
    double scale_sum[WIDE], shift_sum[WIDE];
    gradient_columns(count, rows, x + begin, ldx, norm, begin, dy + begin, scale_sum, shift_sum);
    for (size_t j = 0; j < count; j++) {
      dscale[begin + j] = (real)scale_sum[j];
      dshift[begin + j] = (real)shift_sum[j];
    }
  }
}

VECTORIZE static void backward_row(size_t width, const real *restrict x, const struct batch_norm *norm,
                                   const real *restrict dscale, const real *restrict dshift, real share, const real *dy,
                                   real *dx) {
  const real low = norm->relu ? 0 : -(real)INFINITY;
  const real *restrict mean = norm->mean, *restrict inverse = norm->inverse;
  const real *restrict scale = norm->scale, *restrict shift = norm->shift;
  for (size_t j = 0; j < width; j++) {
    const real normal = (x[j] - mean[j]) * inverse[j];
    const real through = scale[j] * normal + shift[j] <= low ? 0 : dy[j];
    dx[j] = scale[j] * inverse[j] * (through - share * dshift[j] - normal * (share * dscale[j]));
  }
}

void batch_norm_backward(const struct batch_norm *norm, struct batch_norm_sums sums, size_t rows, const real *x,
                         size_t ldx, const real *dy, real *dx) {
  const real share = (real)(1 / (double)sums.batch_rows);
  for (size_t r = 0; r < rows; r++)
    backward_row(norm->width, x + r * ldx, norm, sums.dscale, sums.dshift, share, dy + r * norm->width,
                 dx + r * norm->width);
}

void batch_norm_fold(struct batch_norm_kind kind, const struct batch_norm *norm, const real *running_mean,
                     const real *running_variance, real *factor, real *offset) {
  for (size_t j = 0; j < norm->width; j++) {
    const double by = (double)norm->scale[j] / sqrt((double)running_variance[j] + kind.epsilon);
    factor[j] = (real)by;
    offset[j] = (real)((double)norm->shift[j] - (double)running_mean[j] * by);
  }
}
