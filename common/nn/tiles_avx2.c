// The tiles for x86-64 with AVX2 and FMA: vectors of 8, 12 sums of a tile in the 16 registers.
#include "common/nn/tiles_impl.h"
#ifdef __x86_64__
#include <immintrin.h>

#define TILES_NAME tiles_avx2
#define TILES_TEXT "AVX2"
#define TARGET     __attribute__((target("avx2,fma")))
#define WIDTH      8
#define ROWS       6
#define VECTORS    2

typedef float vector __attribute__((vector_size(32)));
typedef int integers __attribute__((vector_size(32)));

TARGET static inline vector fused(vector a, vector b, vector c) { return _mm256_fmadd_ps(a, b, c); }
TARGET static inline vector broadcast(float x) { return _mm256_set1_ps(x); }
TARGET static inline vector zip_low(vector a, vector b) { return _mm256_unpacklo_ps(a, b); }
TARGET static inline vector zip_high(vector a, vector b) { return _mm256_unpackhi_ps(a, b); }
TARGET static inline vector join_low(vector a, vector b) { return _mm256_shuffle_ps(a, b, 0x44); }
TARGET static inline vector join_high(vector a, vector b) { return _mm256_shuffle_ps(a, b, 0xee); }
TARGET static inline vector load_parts(const float *p, size_t step) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 4 * step), 1);
}

#include "common/nn/tiles_kernel.inc"
#endif
