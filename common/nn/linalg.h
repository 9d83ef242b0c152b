// The matrix products an MLP needs, and nothing else. Matrices are row-major and dense; a weight is (out x in), as in
// PyTorch. Backed by OpenBLAS, single-threaded: parallelism is the team's, above.
#ifndef CORSAC_COMMON_NN_LINALG_H
#define CORSAC_COMMON_NN_LINALG_H

#include "common/nn/real.h"
#include <stddef.h>

void linalg_init(void);             // one BLAS thread per calling thread; call once, before the first product
const char *linalg_core_name(void); // the kernel OpenBLAS chose: "Zen", "SkylakeX", ...

// y = x w^T + b:   x (rows x in), w (out x in), b (out), y (rows x out)
void linalg_forward(size_t rows, size_t in, size_t out, const real *x, const real *w, const real *b, real *y);
// y = max(0, x w^T + b), NaN passing
void linalg_forward_relu(size_t rows, size_t in, size_t out, const real *x, const real *w, const real *b, real *y);
// dx = dy w:       dy (rows x out), w (out x in), dx (rows x in)
void linalg_input_gradient(size_t rows, size_t in, size_t out, const real *dy, const real *w, real *dx);
// Columns [first, first + count) of the same alone:   dx (rows x count)
void linalg_input_gradient_columns(size_t rows, size_t in, size_t out, size_t first, size_t count, const real *dy,
                                   const real *w, real *dx);
// dw += dy^T x, db += column sums of dy:   dy (rows x out), x (rows x in), dw (out x in), db (out)
void linalg_weight_gradient(size_t rows, size_t in, size_t out, const real *dy, const real *x, real *dw, real *db);

#endif
