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

VECTORIZE static void add(size_t count, const real *x, real *sum) {
  for (size_t i = 0; i < count; i++) sum[i] += x[i];
}

// A critic has one output: a matrix-vector product reads its input once, where the matrix product packs it first.
void linalg_forward(size_t rows, size_t in, size_t out, const real *x, const real *w, const real *b, real *y) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out);
  if (rows == 0) return;
  for (size_t r = 0; r < rows; r++) {
    for (size_t o = 0; o < out; o++) y[r * out + o] = b[o];
  }
  if (out == 1) {
    GEMV(CblasRowMajor, CblasNoTrans, m, k, 1, x, k, w, 1, 1, y, 1);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, x, k, w, k, 1, y, n);
  }
}

VECTORIZE static void outer_product(size_t rows, size_t in, const real *restrict dy, const real *restrict w,
                                    real *restrict dx) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < in; i++) dx[r * in + i] = dy[r] * w[i];
  }
}

void linalg_input_gradient(size_t rows, size_t in, size_t out, const real *dy, const real *w, real *dx) {
  blasint m = blas_int(rows), k = blas_int(in), n = blas_int(out);
  if (rows == 0) return;
  if (out == 1) {
    outer_product(rows, in, dy, w, dx);
  } else {
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, k, n, 1, dy, n, w, k, 0, dx, k);
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
  for (size_t r = 0; r < rows; r++) add(out, dy + r * out, db);
}
