#include "learner/sac/gradient_clip.h"
#include "common/base/vectorize.h"
#include <math.h>

enum { LANES = 8 }; // sums that a chunk is divided into, added in a fixed order

size_t gradient_clip_chunks(size_t size) { return (size + GRADIENT_CLIP_CHUNK - 1) / GRADIENT_CLIP_CHUNK; }

VECTORIZE static double square_of(size_t count, const real *restrict values) {
  double sum[LANES] = {0}, total = 0;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t j = 0; j < LANES; j++) sum[j] += (double)values[i + j] * (double)values[i + j];
  for (; i < count; i++) sum[0] += (double)values[i] * (double)values[i];
  for (size_t j = 0; j < LANES; j++) total += sum[j];
  return total;
}

void gradient_clip_measure(size_t size, const real *gradient, unsigned member, unsigned members, double *square) {
  for (size_t c = member; c < gradient_clip_chunks(size); c += members) {
    const size_t begin = c * GRADIENT_CLIP_CHUNK, left = size - begin;
    square[c] = square_of(left < GRADIENT_CLIP_CHUNK ? left : GRADIENT_CLIP_CHUNK, gradient + begin);
  }
}

double gradient_clip_factor(size_t size, const double *square, double most) {
  double sum = 0;
  for (size_t c = 0; c < gradient_clip_chunks(size); c++) sum += square[c];
  const double length = sqrt(sum);
  return length <= most ? 1 : most / length;
}

void gradient_clip_apply(double factor, size_t begin, size_t end, real *gradient) {
  for (size_t i = begin; i < end; i++) gradient[i] = (real)(factor * (double)gradient[i]);
}
