// The matrix products of an MLP, by one of two backends:
//   tiles NULL   OpenBLAS, single-threaded; weights are dense (out x in), as in PyTorch
//   else         our own kernels (tiles.h), in float only; weights lie in panels, padded with zeros
// Matrices are row-major and dense, unless they are a struct linalg_rows or have a distance from row to row (ld).
// Parallelism is the caller's: different threads may compute different rows of a forward or of an input gradient, and
// different parts of a weight gradient. On tiles the bits depend neither on that split nor on the vector unit.
#ifndef CORSAC_COMMON_NN_LINALG_H
#define CORSAC_COMMON_NN_LINALG_H

#include "common/base/status.h"
#include "common/nn/real.h"
#include "common/nn/tiles.h"
#include <stddef.h>

// Limits OpenBLAS to one thread per calling thread. Call it once, before the first product.
void linalg_init(void);

// The kernel that OpenBLAS chose: "Zen", "SkylakeX", ...
const char *linalg_core_name(void);

// The version of OpenBLAS and how it was built: "OpenBLAS 0.3.21 ..."
const char *linalg_library(void);

// Checks that `threads` threads can compute at once. OpenBLAS waits for ever where it finds no room for its buffers, so
// this comes before the first product. Fails with STATUS_MEMORY.
enum status linalg_reserve(const struct tiles *tiles, unsigned threads, struct error *error);

// --- how parameters lie in memory ---

// A weight (out x in) on a backend.
struct linalg_shape {
  const struct tiles *tiles; // NULL: OpenBLAS
  size_t in, out;
};

// The reals that a weight takes, with the backend's padding.
static inline size_t linalg_weight_size(const struct linalg_shape *shape) {
  return shape->tiles ? tiles_size(shape->in, shape->out) : shape->in * shape->out;
}

// The index of w[o][i] among them.
size_t linalg_weight_index(const struct linalg_shape *shape, size_t o, size_t i);

// The reals that a bias (out) takes, with its padding.
static inline size_t linalg_vector_size(const struct linalg_shape *shape) {
  return shape->tiles ? tiles_padded(shape->out) : shape->out;
}

// From the dense order (out x in) and back to it.
void linalg_pack(const struct linalg_shape *shape, const real *dense, real *w);
void linalg_unpack(const struct linalg_shape *shape, const real *w, real *dense);

// scaled = diag(row) w diag(column):   w, scaled (out x in), row (out), column (in) or NULL for 1
void linalg_scale(const struct linalg_shape *shape, const real *w, const real *row, const real *column, real *scaled);

// Rows of w to length 1, w[o] <- w[o] / |w[o]|, group `number` of `groups` of them. A row of zeros stays. The groups
// may be computed by different threads.
void linalg_unit_rows(const struct linalg_shape *shape, size_t number, size_t groups, real *w);

// --- products ---

// `count` rows, the first at `at`, each `ld` reals behind the one before.
struct linalg_rows {
  size_t count;
  const real *at;
  size_t ld;
};

// Columns begin .. end - 1 of a matrix with `width` columns. Where they are not all of them: begin is a multiple of
// LINALG_COLUMNS, end too or the width, and there are at least LINALG_COLUMNS of them.
enum { LINALG_COLUMNS = TILES_PANEL };
struct linalg_columns {
  size_t begin, end;
};

// The columns of y = x w^T + b:   x (rows x in), w (out x in), b (out), y (rows x out, a row every ldy)
void linalg_forward_columns(const struct linalg_shape *shape, const struct linalg_columns *columns,
                            const struct linalg_rows *x, const real *w, const real *b, real *y, size_t ldy);

// The columns of dx = dy w:   dy (rows x out), w (out x in), transposed by linalg_transpose from column 0 on,
// dx (rows x in, a row every ldx)
void linalg_input_gradient_columns(const struct linalg_shape *shape, const struct linalg_columns *columns,
                                   const struct linalg_rows *dy, const real *w, const real *transposed, real *dx,
                                   size_t ldx);

// y = x w^T + b:   x (rows x in), w (out x in), b (out), y (rows x out)
void linalg_forward(const struct linalg_shape *shape, const struct linalg_rows *x, const real *w, const real *b,
                    real *y);

// y = max(0, x w^T + b), NaN passing
void linalg_forward_relu(const struct linalg_shape *shape, const struct linalg_rows *x, const real *w, const real *b,
                         real *y);

// What an input gradient of the columns from `first` on reads beside w: nothing (size 0), or these columns transposed.
size_t linalg_transposed_size(const struct linalg_shape *shape, size_t first);
void linalg_transpose(const struct linalg_shape *shape, size_t first, const real *w, real *transposed);

// dx = dy w, its columns from `first` on:   dy (rows x out), w (out x in), dx (rows x (in - first))
// and 0 where mask <= 0, the gradient through a ReLU by the ReLU's output. mask is laid out as dx, or NULL. dy is
// dense.
void linalg_input_gradient(const struct linalg_shape *shape, size_t first, const struct linalg_rows *dy, const real *w,
                           const real *transposed, const real *mask, real *dx);

// A weight gradient is divided into parts that different threads may compute: so many for a team of `members`.
size_t linalg_parts(const struct linalg_shape *shape, size_t members);

struct linalg_part {
  size_t begin, end;               // panels or rows of w
  size_t weight_begin, weight_end; // the reals of w in them
  size_t vector_begin, vector_end; // the reals of b that belong to them
};
struct linalg_part linalg_part(const struct linalg_shape *shape, size_t number, size_t parts);

// Computes one part of dw = dy^T x and db = column sums of dy:   dy (rows x out), x (rows x in), dw as w, db (out)
// soon: NULL, or LINALG_SOON arrays laid out as dw (or NULL each), whose part is prefetched for the code that reads it
// next.
enum { LINALG_SOON = 4 };
void linalg_weight_gradient(const struct linalg_shape *shape, const struct linalg_rows *dy, const struct linalg_rows *x,
                            const struct linalg_part *part, real *dw, real *db, const real *const soon[LINALG_SOON]);

#endif
