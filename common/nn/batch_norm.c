#include "common/nn/batch_norm.h"
#include "common/base/vectorize.h"
#include <math.h>

// Sums over the rows. They are made for up to WIDE columns at a time, LANES of them in registers, and in `real` over
// BLOCK rows before they are added in double: always in the same order, so the bits are the same everywhere.
enum { WIDE = 64, LANES = 16, BLOCK = 16, LINE = 64 / sizeof(real) };

// sum[j] += x[r][j],  j < lanes, of `rows` rows
static inline void add_block(size_t lanes, size_t rows, const real *restrict x, size_t ldx, double *restrict sum) {
  real part[LANES] = {0};
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < lanes; j++) part[j] += x[r * ldx + j];
  }
  for (size_t j = 0; j < lanes; j++) sum[j] += (double)part[j];
}

// square[j] += (x[r][j] - mean[j])^2
static inline void add_squares(size_t lanes, size_t rows, const real *restrict x, size_t ldx, const real *restrict mean,
                               double *restrict square) {
  real part[LANES] = {0};
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < lanes; j++) {
      const real difference = x[r * ldx + j] - mean[j];
      part[j] += difference * difference;
    }
  }
  for (size_t j = 0; j < lanes; j++) square[j] += (double)part[j];
}

// For each block of rows, and in it for each LANES columns of `count`:   r, n: the first row, how many; j, m: likewise
#define FOR_BLOCKS                                                                                                     \
  for (size_t r = 0, n; r < rows; r += n)                                                                              \
    for (size_t j = (n = rows - r < BLOCK ? rows - r : BLOCK, 0), m; j < count; j += m)                                \
      if (m = count - j < LANES ? count - j : LANES, true)

// sum[j] = sum over the rows of x[r][j],  j < count <= WIDE
VECTORIZE static void sum_columns(size_t count, size_t rows, const real *restrict x, size_t ldx, double *restrict sum) {
  for (size_t j = 0; j < count; j++) sum[j] = 0;
  FOR_BLOCKS {
    if (m == LANES)
      add_block(LANES, n, x + r * ldx + j, ldx, sum + j);
    else
      add_block(m, n, x + r * ldx + j, ldx, sum + j);
  }
}

// square[j] = sum over the rows of (x[r][j] - mean[j])^2
VECTORIZE static void sum_squares(size_t count, size_t rows, const real *restrict x, size_t ldx,
                                  const real *restrict mean, double *restrict square) {
  for (size_t j = 0; j < count; j++) square[j] = 0;
  FOR_BLOCKS {
    if (m == LANES)
      add_squares(LANES, n, x + r * ldx + j, ldx, mean + j, square + j);
    else
      add_squares(m, n, x + r * ldx + j, ldx, mean + j, square + j);
  }
}

static void track(real *running, double value) {
  *running = (real)((1 - BATCH_NORM_MOMENTUM) * (double)*running + BATCH_NORM_MOMENTUM * value);
}

void batch_norm_measure(const struct batch_norm *norm, const struct linalg_columns *columns,
                        const struct linalg_rows *x, real *running_mean, real *running_variance) {
  const size_t rows = x->count;
  const double unbiased = norm->kind.unbiased && rows > 1 ? (double)rows / (double)(rows - 1) : 1;
  for (size_t begin = columns->begin; begin < columns->end; begin += WIDE) {
    const size_t count = columns->end - begin < WIDE ? columns->end - begin : WIDE;
    real *mean = norm->mean + begin;
    double sum[WIDE], square[WIDE];

    sum_columns(count, rows, x->at + begin, x->ld, sum);
    for (size_t j = 0; j < count; j++) mean[j] = (real)(sum[j] / (double)rows);
    sum_squares(count, rows, x->at + begin, x->ld, mean, square);

    for (size_t j = 0; j < count; j++) {
      const double variance = square[j] / (double)rows;
      norm->inverse[begin + j] = (real)(1 / sqrt(variance + norm->kind.epsilon));
      if (running_mean) track(&running_mean[begin + j], sum[j] / (double)rows);
      if (running_variance) track(&running_variance[begin + j], unbiased * variance);
    }
  }
}

// The norm of the columns from j on.
static inline struct batch_norm from_column(const struct batch_norm *norm, size_t j) {
  struct batch_norm from = *norm;
  from.scale += j, from.shift += j, from.mean += j, from.inverse += j;
  return from;
}

// Comparisons are such that NaN passes.
static inline void apply_block(size_t lanes, size_t rows, const real *restrict x, size_t ldx,
                               const struct batch_norm *norm, real *restrict y) {
  const real low = norm->relu ? 0 : -(real)INFINITY;
  const real *restrict mean = norm->mean, *restrict inverse = norm->inverse;
  const real *restrict scale = norm->scale, *restrict shift = norm->shift;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < lanes; j++) {
      const real value = scale[j] * ((x[r * ldx + j] - mean[j]) * inverse[j]) + shift[j];
      y[r * norm->ld + j] = value <= low ? low : value;
    }
  }
}

VECTORIZE void batch_norm_apply(const struct batch_norm *norm, const struct linalg_columns *columns,
                                const struct linalg_rows *x, real *y) {
  const size_t begin = columns->begin, count = columns->end - begin, rows = x->count, ldx = x->ld;
  FOR_BLOCKS {
    const struct batch_norm own = from_column(norm, begin + j);
    const real *from = x->at + r * ldx + begin + j;
    real *to = y + r * norm->ld + begin + j;
    if (m == LANES)
      apply_block(LANES, n, from, ldx, &own, to);
    else
      apply_block(m, n, from, ldx, &own, to);
  }
}

// shift_sum[j] += dy[r][j], scale_sum[j] += dy[r][j] normal[r][j], where y > low. x, dy and norm begin at column 0.
static inline void add_gradient(size_t lanes, size_t rows, const real *restrict x, size_t ldx,
                                const struct batch_norm *norm, const real *restrict dy, double *sums) {
  const size_t ldy = norm->ld;
  const real low = norm->relu ? 0 : -(real)INFINITY;
  const real *restrict mean = norm->mean, *restrict inverse = norm->inverse;
  const real *restrict scale = norm->scale, *restrict shift = norm->shift;
  real scale_part[LANES] = {0}, shift_part[LANES] = {0};
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < lanes; j++) {
      const real normal = (x[r * ldx + j] - mean[j]) * inverse[j];
      const real through = scale[j] * normal + shift[j] <= low ? 0 : dy[r * ldy + j];
      shift_part[j] += through;
      scale_part[j] += through * normal;
    }
  }
  for (size_t j = 0; j < lanes; j++) {
    sums[j] += (double)scale_part[j];
    sums[WIDE + j] += (double)shift_part[j];
  }
}

// Fetches the block of rows that begins with r. The processor does not fetch parts of rows that lie apart by itself,
// and x has left the cache since the forward.
static inline void fetch_block(size_t count, size_t r, size_t rows, const real *x, size_t ldx) {
  for (const size_t end = rows - r < BLOCK ? rows : r + BLOCK; r < end; r++)
    for (size_t j = 0; j < count; j += LINE) __builtin_prefetch(&x[r * ldx + j]);
}

// sums (2 x WIDE): of scale, of shift. norm begins at the first column, as x and dy.
VECTORIZE static void gradient_columns(size_t count, const struct linalg_rows *x, const struct batch_norm *norm,
                                       const real *restrict dy, double *restrict sums) {
  const size_t rows = x->count, ldx = x->ld, ldy = norm->ld;
  for (size_t j = 0; j < WIDE + count; j++) sums[j] = 0;
  FOR_BLOCKS {
    if (j == 0) fetch_block(count, r + n, rows, x->at, ldx);
    const struct batch_norm own = from_column(norm, j);
    if (m == LANES)
      add_gradient(LANES, n, x->at + r * ldx + j, ldx, &own, dy + r * ldy + j, sums + j);
    else
      add_gradient(m, n, x->at + r * ldx + j, ldx, &own, dy + r * ldy + j, sums + j);
  }
}

// dy becomes dx. means (2 x WIDE): dscale/rows and dshift/rows of these columns
static inline void backward_block(size_t lanes, size_t rows, const real *restrict x, size_t ldx,
                                  const struct batch_norm *norm, const real *restrict means, real *restrict dy) {
  const size_t ld = norm->ld;
  const real low = norm->relu ? 0 : -(real)INFINITY;
  const real *restrict mean = norm->mean, *restrict inverse = norm->inverse;
  const real *restrict scale = norm->scale, *restrict shift = norm->shift;
  real factor[LANES];
  for (size_t j = 0; j < lanes; j++) factor[j] = scale[j] * inverse[j];
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < lanes; j++) {
      const real normal = (x[r * ldx + j] - mean[j]) * inverse[j];
      const real through = scale[j] * normal + shift[j] <= low ? 0 : dy[r * ld + j];
      dy[r * ld + j] = factor[j] * (through - means[WIDE + j] - normal * means[j]);
    }
  }
}

VECTORIZE static void backward_columns(size_t count, const struct linalg_rows *x, const struct batch_norm *norm,
                                       const real *restrict means, real *restrict dy) {
  const size_t rows = x->count, ldx = x->ld, ld = norm->ld;
  FOR_BLOCKS {
    const struct batch_norm own = from_column(norm, j);
    const real *from = x->at + r * ldx + j;
    if (m == LANES)
      backward_block(LANES, n, from, ldx, &own, means + j, dy + r * ld + j);
    else
      backward_block(m, n, from, ldx, &own, means + j, dy + r * ld + j);
  }
}

void batch_norm_backward(const struct batch_norm *norm, const struct linalg_columns *columns,
                         const struct linalg_rows *x, real *dscale, real *dshift, real *dy) {
  const real share = (real)(1 / (double)x->count);
  for (size_t begin = columns->begin; begin < columns->end; begin += WIDE) {
    const size_t count = columns->end - begin < WIDE ? columns->end - begin : WIDE;
    const struct batch_norm own = from_column(norm, begin);
    const struct linalg_rows from = {x->count, x->at + begin, x->ld};
    double sums[2 * WIDE];
    real means[2 * WIDE] = {0};
    gradient_columns(count, &from, &own, dy + begin, sums);
    for (size_t j = 0; j < count; j++) {
      dscale[begin + j] = (real)sums[j];
      dshift[begin + j] = (real)sums[WIDE + j];
      means[j] = share * dscale[begin + j];
      means[WIDE + j] = share * dshift[begin + j];
    }
    backward_columns(count, &from, &own, means, dy + begin);
  }
}

void batch_norm_fold(const struct batch_norm *norm, const real *running_mean, const real *running_variance,
                     real *factor, real *offset) {
  for (size_t j = 0; j < norm->width; j++) {
    const double by = (double)norm->scale[j] / sqrt((double)running_variance[j] + norm->kind.epsilon);
    factor[j] = (real)by;
    offset[j] = (real)((double)norm->shift[j] - (double)running_mean[j] * by);
  }
}
