// The tiles for any machine: vectors of 4, which on arm64 are NEON's.
#include <math.h>
#include <stddef.h>
#if defined __ARM_NEON && defined __ARM_FEATURE_FMA
#include <arm_neon.h>
#define TILES_TEXT "NEON"
#else
#define TILES_TEXT "baseline"
#endif

#define TILES_NAME tiles_baseline
#define TARGET
#define WIDTH   4
#define ROWS    6
#define VECTORS 4

typedef float vector __attribute__((vector_size(16)));
typedef int integers __attribute__((vector_size(16)));

#if defined __ARM_NEON && defined __ARM_FEATURE_FMA
static inline vector fused(vector a, vector b, vector c) {
  return (vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
#else
static __attribute__((noinline)) vector fused(vector a, vector b, vector c) {
  return (vector){fmaf(a[0], b[0], c[0]), fmaf(a[1], b[1], c[1]), fmaf(a[2], b[2], c[2]), fmaf(a[3], b[3], c[3])};
}
#endif

static inline vector broadcast(float x) { return (vector){x, x, x, x}; }

// zip: of each 4 lanes the lower or upper half of a and b, interleaved.
// join: of each 4 lanes the lower or upper half of a, then that of b.
static inline vector zip_low(vector a, vector b) { return (vector){a[0], b[0], a[1], b[1]}; }
static inline vector zip_high(vector a, vector b) { return (vector){a[2], b[2], a[3], b[3]}; }
static inline vector join_low(vector a, vector b) { return (vector){a[0], a[1], b[0], b[1]}; }
static inline vector join_high(vector a, vector b) { return (vector){a[2], a[3], b[2], b[3]}; }
// Loads 4 floats from p, 4 from p + 4 step, 4 from p + 8 step ... until the vector is full.
static inline vector load_parts(const float *p, size_t step) {
  (void)step;
  return (vector){p[0], p[1], p[2], p[3]};
}

#include "common/nn/tiles_kernel.inc"
