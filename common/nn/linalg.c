#include "common/nn/linalg.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <cblas.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#ifdef CORSAC_REAL_DOUBLE
#define GEMM cblas_dgemm
#define GEMV cblas_dgemv
#else
#include "common/nn/tiles.h"
#define GEMM cblas_sgemm
#define GEMV cblas_sgemv
#endif

// OpenBLAS starts its threads when it is loaded, as many as this function of its own returns (OPENBLAS_NUM_THREADS).
// These threads would take memory, fail where processes are limited, and could block the end of this process. This
// definition in the program takes precedence over the library's. It is weak, so that a static library may have its own.
int openblas_num_threads_env(void);
__attribute__((weak)) int openblas_num_threads_env(void) { return 1; }

void linalg_init(void) { openblas_set_num_threads(1); }

enum status linalg_reserve(const struct tiles *tiles, unsigned threads, struct error *error) {
  static const size_t BUFFER = (size_t)128 << 20; // the largest of OpenBLAS, on any processor
  if (tiles) return STATUS_OK;
  void *room = mmap(NULL, threads * BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room != MAP_FAILED && munmap(room, threads * BUFFER) == 0) return STATUS_OK;
  return error_set(error, STATUS_MEMORY,
                   "OpenBLAS wants %zu MB of address space for %u thread%s, and %s: raise the limit (ulimit -v) or "
                   "take --backend tiles",
                   threads * BUFFER >> 20, threads, threads > 1 ? "s" : "", strerror(errno));
}

const char *linalg_core_name(void) { return openblas_get_corename(); }

const char *linalg_library(void) { return openblas_get_config(); }

// --- OpenBLAS ---

static blasint blas_int(size_t n) {
  assert(n <= INT_MAX);
  return (blasint)n;
}

VECTORIZE static void add_bias(size_t rows, size_t out, const real *restrict b, real *restrict y) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t o = 0; o < out; o++) y[r * out + o] += b[o];
  }
}

// Comparisons here and below are written so that NaN passes.
VECTORIZE static void add_bias_relu(size_t rows, size_t out, const real *restrict b, real *restrict y) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t o = 0; o < out; o++) {
      real z = y[r * out + o] + b[o];
      y[r * out + o] = z <= 0 ? 0 : z;
    }
  }
}

// y = x w^T. A critic has one output. There the matrix-vector product reads x once, while the matrix product would pack
// it first.
static void blas_forward(const struct linalg_shape *shape, const struct linalg_rows *x, const real *w, real *y) {
  blasint m = blas_int(x->count), k = blas_int(shape->in), n = blas_int(shape->out), ld = blas_int(x->ld);
  if (shape->out == 1) {
    GEMV(CblasRowMajor, CblasNoTrans, m, k, 1, x->at, ld, w, 1, 0, y, 1);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x->at, ld, w, k, 0, y, n);
  }
}

VECTORIZE static void outer_product(size_t rows, size_t in, const real *restrict dy, const real *restrict w,
                                    real *restrict dx) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < in; i++) dx[r * in + i] = dy[r] * w[i];
  }
}

VECTORIZE static void apply_mask(size_t count, const real *restrict mask, real *restrict x) {
  for (size_t i = 0; i < count; i++) x[i] = mask[i] <= 0 ? 0 : x[i];
}

static void blas_input_gradient(const struct linalg_shape *shape, size_t first, const struct linalg_rows *dy,
                                const real *w, real *dx) {
  blasint m = blas_int(dy->count), k = blas_int(shape->in), n = blas_int(shape->out),
          wanted = blas_int(shape->in - first);
  if (shape->out == 1) {
    outer_product(dy->count, shape->in - first, dy->at, w + first, dx);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, wanted, n, 1, dy->at, n, w + first, k, 0, dx, wanted);
  }
}

// db = column sums of dy (rows x out, a row every ld), each summed in ascending rows
VECTORIZE static void sum_columns(size_t rows, size_t out, const real *restrict dy, size_t ld, real *restrict db) {
  enum { WIDE = 64 };
  size_t o = 0;
  for (; o + WIDE <= out; o += WIDE) {
    real sum[WIDE] = {0};
    for (size_t r = 0; r < rows; r++) {
      for (size_t j = 0; j < WIDE; j++) sum[j] += dy[r * ld + o + j];
    }
    for (size_t j = 0; j < WIDE; j++) db[o + j] = sum[j];
  }
  for (size_t j = o; j < out; j++) db[j] = 0;
  for (size_t r = 0; r < rows && o < out; r++) {
    for (size_t j = o; j < out; j++) db[j] += dy[r * ld + j];
  }
}

// Computes the rows of dw in the part, and their part of db.
static void blas_weight_gradient(const struct linalg_shape *shape, const struct linalg_rows *dy,
                                 const struct linalg_rows *x, const struct linalg_part *part, real *dw, real *db) {
  const size_t begin = part->begin, count = part->end - begin;
  blasint m = blas_int(x->count), k = blas_int(shape->in), ld = blas_int(x->ld), ldy = blas_int(dy->ld);
  if (shape->out == 1) {
    GEMV(CblasRowMajor, CblasTrans, m, k, 1, x->at, ld, dy->at, ldy, 0, dw, 1);
  } else {
    GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, blas_int(count), k, m, 1, dy->at + begin, ldy, x->at, ld, 0,
         dw + begin * shape->in, k);
  }
  sum_columns(x->count, count, dy->at + begin, dy->ld, db + begin);
}

// --- either backend ---

size_t linalg_weight_index(const struct linalg_shape *shape, size_t o, size_t i) {
  assert(o < shape->out);
  assert(i < shape->in);
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) return tiles_index(shape->in, shape->out, o, i);
#endif
  return o * shape->in + i;
}

void linalg_pack(const struct linalg_shape *shape, const real *dense, real *w) {
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    tiles_pack(shape->in, shape->out, dense, w);
    return;
  }
#endif
  memcpy(w, dense, shape->in * shape->out * sizeof *w);
}

void linalg_unpack(const struct linalg_shape *shape, const real *w, real *dense) {
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    tiles_unpack(shape->in, shape->out, w, dense);
    return;
  }
#endif
  memcpy(dense, w, shape->in * shape->out * sizeof *w);
}

#ifndef CORSAC_REAL_DOUBLE
static inline void forward_on_tiles(const struct linalg_shape *shape, const struct linalg_rows *x, const real *w,
                                    const real *b, real *y, enum tiles_epilogue epilogue, const real *mask) {
  shape->tiles->forward(&(struct tiles_product){.rows = x->count,
                                                .in = shape->in,
                                                .out = shape->out,
                                                .x = x->at,
                                                .ldx = x->ld,
                                                .panels = w,
                                                .b = b,
                                                .y = y,
                                                .ldy = shape->out,
                                                .epilogue = epilogue,
                                                .mask = mask});
}
#endif

// Whether the weight lies in panels of TILES_PANEL rows side by side.
static bool is_wide(const struct linalg_shape *shape) { return shape->tiles && !tiles_is_narrow(shape->out); }

VECTORIZE static void scale_lanes(size_t in, const real *restrict w, const real *restrict factor,
                                  const real *restrict column, real *restrict scaled) {
  // Two loops: of one the compiler makes loads by a mask, from NULL where there is no column.
  if (!column) {
    for (size_t i = 0; i < in; i++)
      for (size_t j = 0; j < TILES_PANEL; j++) scaled[i * TILES_PANEL + j] = factor[j] * w[i * TILES_PANEL + j];
    return;
  }
  for (size_t i = 0; i < in; i++) {
    for (size_t j = 0; j < TILES_PANEL; j++)
      scaled[i * TILES_PANEL + j] = factor[j] * w[i * TILES_PANEL + j] * column[i];
  }
}

VECTORIZE static void unit_lanes(size_t in, real *restrict w) {
  double square[TILES_PANEL] = {0};
  for (size_t i = 0; i < in; i++) {
    for (size_t j = 0; j < TILES_PANEL; j++) {
      const double value = (double)w[i * TILES_PANEL + j];
      square[j] += value * value;
    }
  }
  for (size_t j = 0; j < TILES_PANEL; j++) square[j] = square[j] > 0 ? 1 / sqrt(square[j]) : 1;
  for (size_t i = 0; i < in; i++) {
    for (size_t j = 0; j < TILES_PANEL; j++)
      w[i * TILES_PANEL + j] = (real)((double)w[i * TILES_PANEL + j] * square[j]);
  }
}

void linalg_scale(const struct linalg_shape *shape, const real *w, const real *row, const real *column, real *scaled) {
  if (!is_wide(shape)) {
    for (size_t o = 0; o < shape->out; o++) {
      for (size_t i = 0; i < shape->in; i++) {
        const size_t at = linalg_weight_index(shape, o, i);
        scaled[at] = row[o] * w[at] * (column ? column[i] : 1);
      }
    }
    return;
  }
  for (size_t o = 0; o < shape->out; o += TILES_PANEL) {
    real factor[TILES_PANEL] = {0}; // of the padding: 0
    for (size_t j = 0; j < TILES_PANEL && o + j < shape->out; j++) factor[j] = row[o + j];
    scale_lanes(shape->in, w + o * shape->in, factor, column, scaled + o * shape->in);
  }
}

static void unit_row(const struct linalg_shape *shape, size_t o, real *w) {
  double square = 0;
  for (size_t i = 0; i < shape->in; i++) {
    const double value = (double)w[linalg_weight_index(shape, o, i)];
    square += value * value;
  }
  const double factor = square > 0 ? 1 / sqrt(square) : 1;
  for (size_t i = 0; i < shape->in; i++) {
    const size_t at = linalg_weight_index(shape, o, i);
    w[at] = (real)((double)w[at] * factor);
  }
}

void linalg_unit_rows(const struct linalg_shape *shape, size_t number, size_t groups, real *w) {
  const size_t step = is_wide(shape) ? TILES_PANEL : 1, count = (shape->out + step - 1) / step;
  for (size_t g = count * number / groups; g < count * (number + 1) / groups; g++) {
    if (is_wide(shape))
      unit_lanes(shape->in, w + g * TILES_PANEL * shape->in);
    else
      unit_row(shape, g, w);
  }
}

void linalg_forward(const struct linalg_shape *shape, const struct linalg_rows *x, const real *w, const real *b,
                    real *y) {
  if (x->count == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    forward_on_tiles(shape, x, w, b, y, TILES_PLAIN, NULL);
    return;
  }
#endif
  blas_forward(shape, x, w, y);
  add_bias(x->count, shape->out, b, y);
}

void linalg_forward_relu(const struct linalg_shape *shape, const struct linalg_rows *x, const real *w, const real *b,
                         real *y) {
  if (x->count == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    forward_on_tiles(shape, x, w, b, y, TILES_RELU, NULL);
    return;
  }
#endif
  blas_forward(shape, x, w, y);
  add_bias_relu(x->count, shape->out, b, y);
}

// The panels of a narrow weight are already those of the transposed weight.
size_t linalg_transposed_size(const struct linalg_shape *shape, size_t first) {
  assert(first <= shape->in);
#ifndef CORSAC_REAL_DOUBLE
  const bool as_it_is = tiles_is_narrow(shape->out) && first == 0 && !tiles_is_narrow(shape->in);
  if (shape->tiles && first < shape->in && !as_it_is) return tiles_size(shape->out, shape->in - first);
#endif
  return 0;
}

void linalg_transpose(const struct linalg_shape *shape, size_t first, const real *w, real *transposed) {
  if (linalg_transposed_size(shape, first) == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  shape->tiles->transpose(shape->in, shape->out, w, first, shape->in, transposed);
#endif
  (void)w, (void)transposed;
}

void linalg_input_gradient(const struct linalg_shape *shape, size_t first, const struct linalg_rows *dy, const real *w,
                           const real *transposed, const real *mask, real *dx) {
  const size_t count = shape->in - first;
  assert(dy->ld == shape->out);
  if (dy->count == 0 || count == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    const struct linalg_shape turned = {shape->tiles, .in = shape->out, .out = count};
    const real *panels = linalg_transposed_size(shape, first) > 0 ? transposed : w;
    forward_on_tiles(&turned, dy, panels, NULL, dx, mask ? TILES_MASK : TILES_PLAIN, mask);
    return;
  }
#endif
  (void)transposed;
  blas_input_gradient(shape, first, dy, w, dx);
  if (mask) apply_mask(dy->count * count, mask, dx);
}

// --- some columns of a product ---

static size_t count_of(const struct linalg_columns *columns, size_t width) {
  const size_t count = columns->end - columns->begin;
  assert(columns->end <= width);
  assert(count == 0 || count == width || (columns->begin % LINALG_COLUMNS == 0 && count >= LINALG_COLUMNS));
  return count;
}

void linalg_forward_columns(const struct linalg_shape *shape, const struct linalg_columns *columns,
                            const struct linalg_rows *x, const real *w, const real *b, real *y, size_t ldy) {
  const size_t begin = columns->begin, in = shape->in, out = shape->out, count = count_of(columns, out);
  if (x->count == 0 || count == 0) return;
  if (ldy == out && count == out) {
    linalg_forward(shape, x, w, b, y);
    return;
  }
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    shape->tiles->forward(&(struct tiles_product){.rows = x->count,
                                                  .in = in,
                                                  .out = count,
                                                  .x = x->at,
                                                  .ldx = x->ld,
                                                  .panels = w + begin * in,
                                                  .b = b + begin,
                                                  .y = y + begin,
                                                  .ldy = ldy});
    return;
  }
#endif
  GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(x->count), blas_int(count), blas_int(in), 1, x->at,
       blas_int(x->ld), w + begin * in, blas_int(in), 0, y + begin, blas_int(ldy));
  for (size_t r = 0; r < x->count; r++) add_bias(1, count, b + begin, y + r * ldy + begin);
}

void linalg_input_gradient_columns(const struct linalg_shape *shape, const struct linalg_columns *columns,
                                   const struct linalg_rows *dy, const real *w, const real *transposed, real *dx,
                                   size_t ldx) {
  const size_t begin = columns->begin, in = shape->in, out = shape->out, count = count_of(columns, in);
  if (dy->count == 0 || count == 0) return;
  if (ldx == in && dy->ld == out && count == in) {
    linalg_input_gradient(shape, 0, dy, w, transposed, NULL, dx);
    return;
  }
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    const real *panels = linalg_transposed_size(shape, 0) > 0 ? transposed : w;
    shape->tiles->forward(&(struct tiles_product){.rows = dy->count,
                                                  .in = out,
                                                  .out = count,
                                                  .x = dy->at,
                                                  .ldx = dy->ld,
                                                  .panels = panels + begin * out,
                                                  .y = dx + begin,
                                                  .ldy = ldx});
    return;
  }
#endif
  GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(dy->count), blas_int(count), blas_int(out), 1, dy->at,
       blas_int(dy->ld), w + begin, blas_int(in), 0, dx + begin, blas_int(ldx));
}

// On tiles a part is as wide as one tile.
size_t linalg_parts(const struct linalg_shape *shape, size_t members) {
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) return (tiles_panels(shape->in, shape->out) + 1) / 2;
#endif
  return members < shape->out ? members : shape->out;
}

struct linalg_part linalg_part(const struct linalg_shape *shape, size_t number, size_t parts) {
  const size_t in = shape->in, out = shape->out;
  assert(number < parts);
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    const size_t panels = tiles_panels(in, out), begin = 2 * number, end = begin + 2 < panels ? begin + 2 : panels;
    const size_t panel = TILES_PANEL * (tiles_is_narrow(out) ? out : in);
    struct linalg_part part = {begin, end, .weight_begin = begin * panel, .weight_end = end * panel};
    if (!tiles_is_narrow(out)) {
      part.vector_begin = begin * TILES_PANEL;
      part.vector_end = end * TILES_PANEL < out ? end * TILES_PANEL : out;
    } else if (begin == 0) {
      part.vector_end = out;
    }
    return part;
  }
#endif
  const size_t begin = out * number / parts, end = out * (number + 1) / parts;
  return (struct linalg_part){begin, end, begin * in, end * in, begin, end};
}

void linalg_weight_gradient(const struct linalg_shape *shape, const struct linalg_rows *dy, const struct linalg_rows *x,
                            const struct linalg_part *part, real *dw, real *db, const real *const soon[LINALG_SOON]) {
#ifndef CORSAC_REAL_DOUBLE
  if (shape->tiles) {
    shape->tiles->weight_gradient(&(struct tiles_gradient){.rows = x->count,
                                                           .in = shape->in,
                                                           .out = shape->out,
                                                           .x = x->at,
                                                           .ldx = x->ld,
                                                           .dy = dy->at,
                                                           .ldy = dy->ld,
                                                           .dw = dw,
                                                           .db = db,
                                                           .begin = part->begin,
                                                           .end = part->end,
                                                           .soon = soon});
    return;
  }
#endif
  (void)soon;
  if (x->count == 0) {
    memset(dw + part->weight_begin, 0, (part->weight_end - part->weight_begin) * sizeof *dw);
    memset(db + part->vector_begin, 0, (part->vector_end - part->vector_begin) * sizeof *db);
  } else {
    blas_weight_gradient(shape, dy, x, part, dw, db);
  }
}
