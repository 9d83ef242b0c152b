#include "common/nn/linalg.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <cblas.h>
#include <errno.h>
#include <limits.h>
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

// OpenBLAS asks this function of its own how many threads OPENBLAS_NUM_THREADS allows, when it is loaded, and starts
// them there and then: they would take memory, fail where processes are limited, and could keep this process from its
// end. The definition in the program goes before the library's; weak, so that a static library's may stand beside it.
int openblas_num_threads_env(void);
__attribute__((weak)) int openblas_num_threads_env(void) { return 1; }

void linalg_init(void) { openblas_set_num_threads(1); }

enum status linalg_reserve(const struct tiles *tiles, unsigned threads, struct error *error) {
  static const size_t BUFFER = (size_t)128 << 20; // its largest, on any processor
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

// Comparisons here and below are such that NaN passes.
VECTORIZE static void add_bias_relu(size_t rows, size_t out, const real *restrict b, real *restrict y) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t o = 0; o < out; o++) {
      real z = y[r * out + o] + b[o];
      y[r * out + o] = z <= 0 ? 0 : z;
    }
  }
}

// y = x w^T. A critic has one output: a matrix-vector product reads its input once, where the matrix product packs it
// first.
static void blas_forward(size_t rows, size_t in, size_t out, const real *x, size_t ldx, const real *w, real *y) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out), ld = blas_int(ldx);
  if (out == 1) {
    GEMV(CblasRowMajor, CblasNoTrans, m, k, 1, x, ld, w, 1, 0, y, 1);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x, ld, w, k, 0, y, n);
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

static void blas_input_gradient(size_t rows, size_t in, size_t out, size_t first, const real *dy, const real *w,
                                real *dx) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out), wanted = blas_int(in - first);
  if (out == 1) {
    outer_product(rows, in - first, dy, w + first, dx);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, wanted, n, 1, dy, n, w + first, k, 0, dx, wanted);
  }
}

// db = column sums of dy (rows x out, a row every ld), each column from the first row on
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

// The rows begin .. end - 1 of dw, and their part of db.
static void blas_weight_gradient(size_t rows, size_t in, size_t out, const real *dy, const real *x, size_t ldx,
                                 size_t begin, size_t end, real *dw, real *db) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out), ld = blas_int(ldx), count = blas_int(end - begin);
  if (out == 1) {
    GEMV(CblasRowMajor, CblasTrans, m, k, 1, x, ld, dy, 1, 0, dw, 1);
  } else {
    GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, count, k, m, 1, dy + begin, n, x, ld, 0, dw + begin * in, k);
  }
  sum_columns(rows, end - begin, dy + begin, out, db + begin);
}

// --- either ---

size_t linalg_weight_size(const struct tiles *tiles, size_t in, size_t out) {
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) return tiles_size(in, out);
#endif
  assert(!tiles);
  return in * out;
}

size_t linalg_weight_index(const struct tiles *tiles, size_t in, size_t out, size_t o, size_t i) {
  assert(o < out && i < in);
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) return tiles_index(in, out, o, i);
#endif
  (void)tiles;
  return o * in + i;
}

size_t linalg_vector_size(const struct tiles *tiles, size_t out) {
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) return tiles_padded(out);
#endif
  (void)tiles;
  return out;
}

void linalg_pack(const struct tiles *tiles, size_t in, size_t out, const real *dense, real *w) {
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    tiles_pack(in, out, dense, w);
    return;
  }
#endif
  (void)tiles;
  memcpy(w, dense, in * out * sizeof *w);
}

void linalg_unpack(const struct tiles *tiles, size_t in, size_t out, const real *w, real *dense) {
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    tiles_unpack(in, out, w, dense);
    return;
  }
#endif
  (void)tiles;
  memcpy(dense, w, in * out * sizeof *w);
}

void linalg_forward(const struct tiles *tiles, size_t rows, size_t in, size_t out, const real *x, size_t ldx,
                    const real *w, const real *b, real *y) {
  if (rows == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    tiles->forward(rows, in, out, x, ldx, w, b, y, out, TILES_PLAIN, NULL);
    return;
  }
#endif
  (void)tiles;
  blas_forward(rows, in, out, x, ldx, w, y);
  add_bias(rows, out, b, y);
}

void linalg_forward_relu(const struct tiles *tiles, size_t rows, size_t in, size_t out, const real *x, size_t ldx,
                         const real *w, const real *b, real *y) {
  if (rows == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    tiles->forward(rows, in, out, x, ldx, w, b, y, out, TILES_RELU, NULL);
    return;
  }
#endif
  (void)tiles;
  blas_forward(rows, in, out, x, ldx, w, y);
  add_bias_relu(rows, out, b, y);
}

// A narrow weight's panels are already those of the transposed one.
size_t linalg_transposed_size(const struct tiles *tiles, size_t in, size_t out, size_t first) {
  assert(first <= in);
#ifndef CORSAC_REAL_DOUBLE
  const bool as_it_is = tiles_is_narrow(out) && first == 0 && !tiles_is_narrow(in);
  if (tiles && first < in && !as_it_is) return tiles_size(out, in - first);
#endif
  (void)tiles, (void)out;
  return 0;
}

void linalg_transpose(const struct tiles *tiles, size_t in, size_t out, size_t first, const real *w, real *transposed) {
  if (linalg_transposed_size(tiles, in, out, first) == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  tiles->transpose(in, out, w, first, in, transposed);
#endif
  (void)w, (void)transposed;
}

void linalg_input_gradient(const struct tiles *tiles, size_t rows, size_t in, size_t out, size_t first, const real *dy,
                           const real *w, const real *transposed, const real *mask, real *dx) {
  const size_t count = in - first;
  if (rows == 0 || count == 0) return;
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    const real *panels = linalg_transposed_size(tiles, in, out, first) > 0 ? transposed : w;
    tiles->forward(rows, out, count, dy, out, panels, NULL, dx, count, mask ? TILES_MASK : TILES_PLAIN, mask);
    return;
  }
#endif
  (void)tiles, (void)transposed;
  blas_input_gradient(rows, in, out, first, dy, w, dx);
  if (mask) apply_mask(rows * count, mask, dx);
}

// On tiles a part is what one tile is wide.
size_t linalg_parts(const struct tiles *tiles, size_t in, size_t out, size_t members) {
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) return (tiles_panels(in, out) + 1) / 2;
#endif
  (void)tiles, (void)in;
  return members < out ? members : out;
}

struct linalg_part linalg_part(const struct tiles *tiles, size_t in, size_t out, size_t number, size_t parts) {
  assert(number < parts);
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    const size_t panels = tiles_panels(in, out), begin = 2 * number, end = begin + 2 < panels ? begin + 2 : panels;
    const size_t panel = TILES_PANEL * (tiles_is_narrow(out) ? out : in);
    struct linalg_part part = {begin, end, begin * panel, end * panel, 0, 0};
    if (!tiles_is_narrow(out)) {
      part.vector_begin = begin * TILES_PANEL;
      part.vector_end = end * TILES_PANEL < out ? end * TILES_PANEL : out;
    } else if (begin == 0) {
      part.vector_end = out;
    }
    return part;
  }
#endif
  (void)tiles;
  const size_t begin = out * number / parts, end = out * (number + 1) / parts;
  return (struct linalg_part){begin, end, begin * in, end * in, begin, end};
}

void linalg_weight_gradient(const struct tiles *tiles, size_t rows, size_t in, size_t out, const real *dy,
                            const real *x, size_t ldx, const struct linalg_part *part, real *dw, real *db,
                            const real *const soon[LINALG_SOON]) {
#ifndef CORSAC_REAL_DOUBLE
  if (tiles) {
    tiles->weight_gradient(rows, in, out, x, ldx, dy, out, dw, db, false, part->begin, part->end, soon);
    return;
  }
#endif
  (void)tiles, (void)soon;
  if (rows == 0) {
    memset(dw + part->weight_begin, 0, (part->weight_end - part->weight_begin) * sizeof *dw);
    memset(db + part->vector_begin, 0, (part->vector_end - part->vector_begin) * sizeof *db);
  } else {
    blas_weight_gradient(rows, in, out, dy, x, ldx, part->begin, part->end, dw, db);
  }
}
