// The tiles for x86-64 with AVX-512: vectors of 16, 28 sums of a tile in the 32 registers.
#include "common/nn/tiles_impl.h"
#ifdef __x86_64__
#include <immintrin.h>

#define TILES_NAME tiles_avx512
#define TILES_TEXT "AVX-512"
#define TARGET     __attribute__((target("avx512f")))
#define WIDTH      16
#define ROWS       14
#define VECTORS    2

typedef float vector __attribute__((vector_size(64)));
typedef int integers __attribute__((vector_size(64)));

TARGET static inline vector fused(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
TARGET static inline vector broadcast(float x) { return _mm512_set1_ps(x); }
TARGET static inline vector zip_low(vector a, vector b) { return _mm512_unpacklo_ps(a, b); }
TARGET static inline vector zip_high(vector a, vector b) { return _mm512_unpackhi_ps(a, b); }
TARGET static inline vector join_low(vector a, vector b) { return _mm512_shuffle_ps(a, b, 0x44); }
TARGET static inline vector join_high(vector a, vector b) { return _mm512_shuffle_ps(a, b, 0xee); }
TARGET static inline vector load_parts(const float *p, size_t step) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(p));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 4 * step), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 8 * step), 2);
  return _mm512_insertf32x4(x, _mm_loadu_ps(p + 12 * step), 3);
}

#include "common/nn/tiles_kernel.inc"
#endif
