#include "common/nn/normalizer.h"
#include "common/base/memory.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <string.h>
#include <math.h>
#include <stdbool.h>

enum status normalizer_init(struct normalizer *normalizer, size_t dim, struct error *error) {
  *normalizer = (struct normalizer){.dim = dim};
  normalizer->mean = memory_alloc(dim, sizeof *normalizer->mean, "the normalizer's mean", error);
  normalizer->m2 = memory_alloc(dim, sizeof *normalizer->m2, "the normalizer's variance", error);
  if (normalizer->mean && normalizer->m2) return STATUS_OK;
  normalizer_release(normalizer);
  return STATUS_MEMORY;
}

void normalizer_release(struct normalizer *normalizer) {
  memory_free(normalizer->mean);
  memory_free(normalizer->m2);
  *normalizer = (struct normalizer){0};
}

void normalizer_copy(struct normalizer *to, const struct normalizer *from) {
  assert(to->dim == from->dim);
  to->count = from->count;
  memcpy(to->mean, from->mean, from->dim * sizeof *from->mean);
  memcpy(to->m2, from->m2, from->dim * sizeof *from->m2);
}

void normalizer_update(struct normalizer *normalizer, const float *obs) {
  double *mean = normalizer->mean, *m2 = normalizer->m2;
  double count = (double)++normalizer->count;
  for (size_t i = 0; i < normalizer->dim; i++) {
    double delta = obs[i] - mean[i];
    mean[i] += delta / count;
    m2[i] += delta * (obs[i] - mean[i]);
  }
}

void normalizer_export(const struct normalizer *normalizer, float *shift, float *scale) {
  bool ready = normalizer->count >= 2;
  for (size_t i = 0; i < normalizer->dim; i++) {
    shift[i] = ready ? (float)normalizer->mean[i] : 0;
    scale[i] = ready ? (float)(1 / sqrt(normalizer->m2[i] / (double)normalizer->count + 1e-8)) : 1;
  }
}

// Comparisons are written so that NaN passes.
VECTORIZE void normalizer_apply(size_t rows, size_t dim, const float *shift, const float *scale, const float *obs,
                                real *out) {
  const real clip = (real)NORMALIZER_CLIP;
  for (size_t r = 0; r < rows; r++, obs += dim, out += dim) {
    for (size_t i = 0; i < dim; i++) {
      real x = ((real)obs[i] - (real)shift[i]) * (real)scale[i];
      x = x < -clip ? -clip : x;
      out[i] = x > clip ? clip : x;
    }
  }
}
