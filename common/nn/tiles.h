// Register-tiled products for the shapes of an MLP, in float. Every element of a result is one chain of fused
// multiply-adds in ascending order of the summed index, whatever the vector unit, the number of rows, a row's place and
// the number of threads: the bits are those of
//   s = start; for (k = 0; k < depth; k++) s = fmaf(x[k], w[k], s);
//
// A weight w (out x in) lives in panels of 16 columns, zero-padded, so that a tile reads it from front to back and
// nothing is packed:
//   out > 8 (wide):     ceil(out/16) panels (in x 16),   panel p holds w[16p .. 16p+15][i] in its row i
//   out <= 8 (narrow):  ceil(in/16) panels (out x 16),   panel p holds w[o][16p .. 16p+15] in its row o
// A gradient has the layout of its weight. Panels run fastest where they start at a multiple of 64 bytes.
#ifndef CORSAC_COMMON_NN_TILES_H
#define CORSAC_COMMON_NN_TILES_H

#include <stdbool.h>
#include <stddef.h>

enum { TILES_PANEL = 16, TILES_NARROW = 8, TILES_SOON = 4 };

static inline bool tiles_is_narrow(size_t out) { return out <= TILES_NARROW; }
static inline size_t tiles_padded(size_t count) { return (count + TILES_PANEL - 1) / TILES_PANEL * TILES_PANEL; }
// Panels of a weight (out x in), and floats in all of them.
static inline size_t tiles_panels(size_t in, size_t out) {
  return tiles_padded(tiles_is_narrow(out) ? in : out) / TILES_PANEL;
}
static inline size_t tiles_size(size_t in, size_t out) {
  return tiles_is_narrow(out) ? out * tiles_padded(in) : in * tiles_padded(out);
}
// Where w[o][i] stands in the panels of w (out x in).
static inline size_t tiles_index(size_t in, size_t out, size_t o, size_t i) {
  return tiles_is_narrow(out) ? i / TILES_PANEL * TILES_PANEL * out + o * TILES_PANEL + i % TILES_PANEL
                              : o / TILES_PANEL * TILES_PANEL * in + i * TILES_PANEL + o % TILES_PANEL;
}
void tiles_pack(size_t in, size_t out, const float *w, float *panels);   // from (out x in); the padding becomes 0
void tiles_unpack(size_t in, size_t out, const float *panels, float *w); // to (out x in)

enum tiles_epilogue {
  TILES_PLAIN,
  TILES_RELU, // y <= 0 becomes 0; NaN stays
  TILES_MASK, // y becomes 0 where mask <= 0: the gradient through a ReLU, by the ReLU's output
};

// The products, compiled for one kind of vector unit.
struct tiles {
  const char *name;
  // y = epilogue(x w^T + b):   x (rows x in) with a row every ldx floats, w (out x in) in panels, b (out) or NULL for
  // 0, y and mask (rows x out) with a row every ldy. mask is read for TILES_MASK only and may be y; x may not overlap
  // y. Nothing between rows is touched.
  void (*forward)(size_t rows, size_t in, size_t out, const float *x, size_t ldx, const float *panels, const float *b,
                  float *y, size_t ldy, enum tiles_epilogue epilogue, const float *mask);
  // w (out x in) in panels -> the panels of its columns begin .. end - 1 transposed, ((end - begin) x out). With these
  // a forward of dy (rows x out) is the input gradient dx = dy w of these columns.
  void (*transpose)(size_t in, size_t out, const float *panels, size_t begin, size_t end, float *transposed);
  // dw = dy^T x and db = column sums of dy, or += where `add`:   x (rows x in), dy (rows x out), dw (out x in) in
  // panels, db (out). Only for the panels begin .. end - 1 of dw and their part of db (of a narrow weight panel 0
  // stands for all of db). soon: arrays laid out as dw (or NULL), whose part is fetched from memory meanwhile, for
  // whoever reads it next; soon itself may be NULL.
  void (*weight_gradient)(size_t rows, size_t in, size_t out, const float *x, size_t ldx, const float *dy, size_t ldy,
                          float *dw, float *db, bool add, size_t begin, size_t end, const float *const *soon);
};

enum tiles_level { TILES_BASELINE, TILES_AVX2, TILES_AVX512, TILES_LEVELS };
// NULL where this machine cannot run them. The baseline runs everywhere (on x86-64 slowly, without fused multiply-adds
// in hardware; on arm64 it is NEON).
const struct tiles *tiles_at(enum tiles_level level);
// Of the highest level that this machine can run; the environment variable CORSAC_TILES=AVX2 or =baseline lowers it, as
// OPENBLAS_CORETYPE does for OpenBLAS: for tests and comparisons.
const struct tiles *tiles_best(void);
bool tiles_are_fast(void); // whether the best level has fused multiply-adds in hardware

#endif
