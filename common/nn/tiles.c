#include "common/nn/tiles.h"
#include "common/nn/tiles_levels.h"
#include <string.h>

void tiles_pack(size_t in, size_t out, const float *w, float *panels) {
  memset(panels, 0, tiles_size(in, out) * sizeof *panels);
  for (size_t o = 0; o < out; o++) {
    for (size_t i = 0; i < in; i++) panels[tiles_index(in, out, o, i)] = w[o * in + i];
  }
}

void tiles_unpack(size_t in, size_t out, const float *panels, float *w) {
  for (size_t o = 0; o < out; o++) {
    for (size_t i = 0; i < in; i++) w[o * in + i] = panels[tiles_index(in, out, o, i)];
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
  for (int level = TILES_LEVELS - 1; level > TILES_BASELINE; level--) {
    const struct tiles *tiles = tiles_at((enum tiles_level)level);
    if (tiles) return tiles;
  }
  return &tiles_baseline;
}

bool tiles_are_fast(void) {
#if defined __aarch64__ || defined __FP_FAST_FMAF // then the compiler uses them everywhere
  return true;
#else
  return tiles_best() != &tiles_baseline;
#endif
}
