#include "common/nn/tiles.h"
#include "common/nn/tiles_impl.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// One row of a weight in its panels: runs of `run` adjacent columns, `step` floats apart, from index `first` on.
struct row_layout {
  size_t first, run, step;
};

static struct row_layout row_layout(size_t in, size_t out, size_t o) {
  const size_t first = tiles_index(in, out, o, 0);
  if (tiles_is_narrow(out)) return (struct row_layout){first, .run = TILES_PANEL, .step = TILES_PANEL * out};
  return (struct row_layout){first, .run = 1, .step = TILES_PANEL};
}

void tiles_pack(size_t in, size_t out, const float *w, float *panels) {
  memset(panels, 0, tiles_size(in, out) * sizeof *panels);
  for (size_t o = 0; o < out; o++) {
    const struct row_layout row = row_layout(in, out, o);
    float *to = panels + row.first;
    for (size_t i = 0; i < in; i += row.run, to += row.step) {
      for (size_t j = 0; j < row.run && i + j < in; j++) to[j] = w[o * in + i + j];
    }
  }
}

void tiles_unpack(size_t in, size_t out, const float *panels, float *w) {
  for (size_t o = 0; o < out; o++) {
    const struct row_layout row = row_layout(in, out, o);
    const float *from = panels + row.first;
    for (size_t i = 0; i < in; i += row.run, from += row.step) {
      for (size_t j = 0; j < row.run && i + j < in; j++) w[o * in + i + j] = from[j];
    }
  }
}

const struct tiles *tiles_at(enum tiles_level level) {
  if (level == TILES_BASELINE) return &tiles_baseline;
#ifdef __x86_64__
  if (level == TILES_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &tiles_avx2;
  if (level == TILES_AVX512 && __builtin_cpu_supports("avx512f")) return &tiles_avx512;
#endif
  return NULL;
}

const struct tiles *tiles_best(void) {
  const char *most = getenv("CORSAC_TILES");
  const struct tiles *best = &tiles_baseline;
  for (int level = TILES_BASELINE; level < TILES_LEVELS; level++) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (tiles) best = tiles;
    if (tiles && most && strcasecmp(most, tiles->name) == 0) break;
  }
  return best;
}

bool tiles_are_fast(void) {
#if defined __aarch64__ || defined __FP_FAST_FMAF // the compiler uses them everywhere
  return true;
#else
  return tiles_best() != &tiles_baseline;
#endif
}
