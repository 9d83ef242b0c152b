#include "common/nn/linalg.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <cblas.h>
#include <limits.h>

#ifdef CORSAC_REAL_DOUBLE
#define GEMM cblas_dgemm
#define GEMV cblas_dgemv
#else
#define GEMM cblas_sgemm
#define GEMV cblas_sgemv
#endif

void linalg_init(void) { openblas_set_num_threads(1); }

const char *linalg_core_name(void) { return openblas_get_corename(); }

static blasint blas_int(size_t n) {
  assert(n <= INT_MAX);
  return (blasint)n;
}

VECTORIZE static void add_bias(size_t rows, size_t out, const real *restrict b, real *restrict y) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t o = 0; o < out; o++) y[r * out + o] += b[o];
  }
}

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
static void forward(size_t rows, size_t in, size_t out, const real *x, const real *w, real *y) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out);
  if (out == 1) {
    GEMV(CblasRowMajor, CblasNoTrans, m, k, 1, x, k, w, 1, 0, y, 1);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x, k, w, k, 0, y, n);
  }
}

void linalg_forward(size_t rows, size_t in, size_t out, const real *x, const real *w, const real *b, real *y) {
  if (rows == 0) return;
  forward(rows, in, out, x, w, y);
  add_bias(rows, out, b, y);
}

void linalg_forward_relu(size_t rows, size_t in, size_t out, const real *x, const real *w, const real *b, real *y) {
  if (rows == 0) return;
  forward(rows, in, out, x, w, y);
  add_bias_relu(rows, out, b, y);
}

VECTORIZE static void outer_product(size_t rows, size_t in, const real *restrict dy, const real *restrict w,
                                    real *restrict dx) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < in; i++) dx[r * in + i] = dy[r] * w[i];
  }
}

void linalg_input_gradient(size_t rows, size_t in, size_t out, const real *dy, const real *w, real *dx) {
  linalg_input_gradient_columns(rows, in, out, 0, in, dy, w, dx);
}

void linalg_input_gradient_columns(size_t rows, size_t in, size_t out, size_t first, size_t count, const real *dy,
                                   const real *w, real *dx) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out), wanted = blas_int(count);
  assert(first + count <= in);
  if (rows == 0) return;
  if (out == 1) {
    outer_product(rows, count, dy, w + first, dx);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, wanted, n, 1, dy, n, w + first, k, 0, dx, wanted);
  }
}

// db += column sums of dy, each column from the first row on
VECTORIZE static void add_columns(size_t rows, size_t out, const real *restrict dy, real *restrict db) {
  enum { WIDE = 64 };
  size_t o = 0;
  for (; o + WIDE <= out; o += WIDE) {
    real sum[WIDE];
    for (size_t j = 0; j < WIDE; j++) sum[j] = db[o + j];
    for (size_t r = 0; r < rows; r++) {
      for (size_t j = 0; j < WIDE; j++) sum[j] += dy[r * out + o + j];
    }
    for (size_t j = 0; j < WIDE; j++) db[o + j] = sum[j];
  }
  for (size_t r = 0; r < rows && o < out; r++) {
    for (size_t j = o; j < out; j++) db[j] += dy[r * out + j];
  }
}

void linalg_weight_gradient(size_t rows, size_t in, size_t out, const real *dy, const real *x, real *dw, real *db) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out);
  if (rows == 0) return;
  if (out == 1) {
    GEMV(CblasRowMajor, CblasTrans, m, k, 1, x, k, dy, 1, 1, dw, 1);
  } else {
    GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, n, k, m, 1, dy, n, x, k, 1, dw, k);
  }
  add_columns(rows, out, dy, db);
}
