// Register-tiled products for the shapes of an MLP, in float. Every element of a result is one chain of fused
// multiply-adds in ascending order of the summed index. So the bits do not depend on the vector unit, the number of
// rows, the index of a row or the number of threads: they are those of
//   s = start; for (k = 0; k < depth; k++) s = fmaf(x[k], w[k], s);
//
// A weight w (out x in) lies in panels of 16 columns, zero-padded, so that a tile reads it from front to back and
// nothing is packed. README.md in this folder has the picture.
//   out > 8 (wide):     ceil(out/16) panels (in x 16),   panel p holds w[16p .. 16p+15][i] in its row i
//   out <= 8 (narrow):  ceil(in/16) panels (out x 16),   panel p holds w[o][16p .. 16p+15] in its row o
// A gradient has the layout of its weight. Panels run fastest where they start at a multiple of 64 bytes.
#ifndef CORSAC_COMMON_NN_TILES_H
#define CORSAC_COMMON_NN_TILES_H

#include <stdbool.h>
#include <stddef.h>

enum { TILES_PANEL = 16, TILES_NARROW = 8, TILES_SOON = 4 };

// --- a weight in panels ---

static inline bool tiles_is_narrow(size_t out) { return out <= TILES_NARROW; }

// A count rounded up to whole panels.
static inline size_t tiles_padded(size_t count) { return (count + TILES_PANEL - 1) / TILES_PANEL * TILES_PANEL; }

// The panels of a weight (out x in).
static inline size_t tiles_panels(size_t in, size_t out) {
  return tiles_padded(tiles_is_narrow(out) ? in : out) / TILES_PANEL;
}

// The floats in all of them.
static inline size_t tiles_size(size_t in, size_t out) {
  return tiles_is_narrow(out) ? out * tiles_padded(in) : in * tiles_padded(out);
}

// The index of w[o][i] in the panels of w (out x in).
static inline size_t tiles_index(size_t in, size_t out, size_t o, size_t i) {
  return tiles_is_narrow(out) ? i / TILES_PANEL * TILES_PANEL * out + o * TILES_PANEL + i % TILES_PANEL
                              : o / TILES_PANEL * TILES_PANEL * in + i * TILES_PANEL + o % TILES_PANEL;
}

// From the dense order (out x in) and back to it. Packing fills the padding with 0.
void tiles_pack(size_t in, size_t out, const float *w, float *panels);
void tiles_unpack(size_t in, size_t out, const float *panels, float *w);

// --- products ---

enum tiles_epilogue {
  TILES_PLAIN,
  TILES_RELU, // y <= 0 becomes 0; NaN stays
  TILES_MASK, // y becomes 0 where mask <= 0: the gradient through a ReLU, by the ReLU's output
};

// y = epilogue(x w^T + b). Nothing between the rows of y is touched. mask may be y; x may not overlap y.
struct tiles_product {
  size_t rows, in, out;
  const float *x; // (rows x in), a row every ldx floats
  size_t ldx;
  const float *panels; // w (out x in)
  const float *b;      // (out), or NULL for 0
  float *y;            // (rows x out), a row every ldy floats
  size_t ldy;
  enum tiles_epilogue epilogue;
  const float *mask; // as y; read for TILES_MASK only
};

// dw = dy^T x and db = column sums of dy, or += where `add`. Only the panels begin .. end - 1 of dw are computed, with
// their part of db; panel 0 of a narrow weight has all of db.
struct tiles_gradient {
  size_t rows, in, out;
  const float *x; // (rows x in), a row every ldx floats
  size_t ldx;
  const float *dy; // (rows x out), a row every ldy floats
  size_t ldy;
  float *dw; // (out x in) in panels
  float *db; // (out)
  bool add;
  size_t begin, end; // panels
  // NULL, or TILES_SOON arrays laid out as dw (or NULL each). Their part is prefetched for the code that reads it next.
  const float *const *soon;
};

// The products, compiled for one kind of vector unit.
struct tiles {
  const char *name;
  void (*forward)(const struct tiles_product *product);
  // w (out x in) in panels -> the panels of its columns begin .. end - 1 transposed, ((end - begin) x out). With these
  // a forward of dy (rows x out) is the input gradient dx = dy w of these columns.
  void (*transpose)(size_t in, size_t out, const float *panels, size_t begin, size_t end, float *transposed);
  void (*weight_gradient)(const struct tiles_gradient *gradient);
};

// --- vector units ---

enum tiles_level { TILES_BASELINE, TILES_AVX2, TILES_AVX512, TILES_LEVELS };

// The tiles of a level, or NULL where this machine cannot run them. The baseline runs everywhere: on arm64 it is NEON;
// on x86-64 it is slow, without fused multiply-adds in hardware.
const struct tiles *tiles_at(enum tiles_level level);

// The tiles of the highest level that this machine can run. The environment variable CORSAC_TILES=AVX2 or =baseline
// lowers it, for tests and comparisons, as OPENBLAS_CORETYPE does for OpenBLAS.
const struct tiles *tiles_best(void);

// Whether the best level has fused multiply-adds in hardware.
bool tiles_are_fast(void);

#endif
