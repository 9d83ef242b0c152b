// The matrix products an MLP needs, and nothing else, by one of two backends:
//   tiles NULL   OpenBLAS, single-threaded; weights are dense (out x in), as in PyTorch
//   else         our own kernels (tiles.h), in float only; weights stand in panels, padded with zeros
// Matrices are row-major; x has a row every ldx reals, every other matrix is dense. Parallelism is the caller's: rows
// of a forward and of an input gradient, and parts of a weight gradient, may be computed by different threads. On tiles
// the bits depend neither on that split nor on the vector unit.
#ifndef CORSAC_COMMON_NN_LINALG_H
#define CORSAC_COMMON_NN_LINALG_H

#include "common/base/status.h"
#include "common/nn/real.h"
#include <stddef.h>

struct tiles;

void linalg_init(void);             // one BLAS thread per calling thread; call once, before the first product
const char *linalg_core_name(void); // the kernel OpenBLAS chose: "Zen", "SkylakeX", ...
const char *linalg_library(void);   // "OpenBLAS 0.3.21 ...": its version and how it was built

// Whether `threads` at once may compute: OpenBLAS waits for ever where it finds no room for its buffers. To be asked
// before the first product. STATUS_MEMORY: no.
enum status linalg_reserve(const struct tiles *tiles, unsigned threads, struct error *error);

// --- how parameters lie in memory ---
size_t linalg_weight_size(const struct tiles *tiles, size_t in, size_t out);                      // reals of a weight
size_t linalg_weight_index(const struct tiles *tiles, size_t in, size_t out, size_t o, size_t i); // of w[o][i] in it
size_t linalg_vector_size(const struct tiles *tiles, size_t out); // reals of a bias with its padding
// From and to the dense order (out x in).
void linalg_pack(const struct tiles *tiles, size_t in, size_t out, const real *dense, real *w);
void linalg_unpack(const struct tiles *tiles, size_t in, size_t out, const real *w, real *dense);

// --- products ---
// y = x w^T + b:   x (rows x in), w (out x in), b (out), y (rows x out)
void linalg_forward(const struct tiles *tiles, size_t rows, size_t in, size_t out, const real *x, size_t ldx,
                    const real *w, const real *b, real *y);
// y = max(0, x w^T + b), NaN passing
void linalg_forward_relu(const struct tiles *tiles, size_t rows, size_t in, size_t out, const real *x, size_t ldx,
                         const real *w, const real *b, real *y);

// What an input gradient of the columns from `first` on reads beside w: nothing (size 0), or these columns transposed.
size_t linalg_transposed_size(const struct tiles *tiles, size_t in, size_t out, size_t first);
void linalg_transpose(const struct tiles *tiles, size_t in, size_t out, size_t first, const real *w, real *transposed);
// dx = dy w, its columns from `first` on:   dy (rows x out), w (out x in), dx (rows x (in - first))
// and 0 where mask <= 0: the way through a ReLU, by the ReLU's output; mask as dx, or NULL.
void linalg_input_gradient(const struct tiles *tiles, size_t rows, size_t in, size_t out, size_t first, const real *dy,
                           const real *w, const real *transposed, const real *mask, real *dx);

// A weight gradient falls into parts that nobody else's part touches: for a team of `members`, so many.
size_t linalg_parts(const struct tiles *tiles, size_t in, size_t out, size_t members);
struct linalg_part {
  size_t begin, end;               // panels or rows of w
  size_t weight_begin, weight_end; // which reals of w they are
  size_t vector_begin, vector_end; // and of b
};
struct linalg_part linalg_part(const struct tiles *tiles, size_t in, size_t out, size_t number, size_t parts);
// Of the part: dw = dy^T x, db = column sums of dy:   dy (rows x out), x (rows x in), dw as w, db (out).
// soon: what will be read next, LINALG_SOON arrays laid out as dw (or NULL), so that they can come from memory
// meanwhile.
enum { LINALG_SOON = 4 };
void linalg_weight_gradient(const struct tiles *tiles, size_t rows, size_t in, size_t out, const real *dy,
                            const real *x, size_t ldx, const struct linalg_part *part, real *dw, real *db,
                            const real *const soon[LINALG_SOON]);

#endif
