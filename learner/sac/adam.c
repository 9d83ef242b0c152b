#include "learner/sac/adam.h"
#include "common/base/memory.h"
#include "common/base/vectorize.h"
#include <math.h>

static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

#ifdef CORSAC_REAL_DOUBLE
static real root(real x) { return sqrt(x); }
#else
static real root(real x) { return sqrtf(x); }
#endif

enum status adam_init(struct adam *adam, size_t size, double learning_rate, struct error *error) {
  *adam = (struct adam){.size = size, .learning_rate = learning_rate};
  adam->m = memory_alloc(size, sizeof *adam->m, "Adam's first moments", error);
  if (!adam->m) return STATUS_MEMORY;
  adam->v = memory_alloc(size, sizeof *adam->v, "Adam's second moments", error);
  if (!adam->v) {
    adam_release(adam);
    return STATUS_MEMORY;
  }
  return STATUS_OK;
}

void adam_release(struct adam *adam) {
  memory_free(adam->m);
  memory_free(adam->v);
  *adam = (struct adam){0};
}

// beta^t by squaring: arithmetic alone, so that the bits are the same everywhere.
static double power(double beta, uint64_t t) {
  double result = 1;
  for (; t > 0; t >>= 1, beta *= beta) {
    if (t & 1) result *= beta;
  }
  return result;
}

static struct adam_factors factors_of(double learning_rate, uint64_t t) {
  return (struct adam_factors){learning_rate / (1 - power(BETA1, t)), 1 / sqrt(1 - power(BETA2, t))};
}

void adam_begin(struct adam *adam, double share) {
  adam->factors = factors_of(adam->learning_rate * share, ++adam->step);
}

VECTORIZE static bool apply(size_t count, real rate, real correction, const real *restrict g, real *restrict m,
                            real *restrict v, real *restrict p) {
  const real b1 = (real)BETA1, b2 = (real)BETA2, c1 = (real)(1 - BETA1), c2 = (real)(1 - BETA2), eps = (real)EPSILON;
  int bad = 0;
  for (size_t i = 0; i < count; i++) {
    m[i] = b1 * m[i] + c1 * g[i];
    v[i] = b2 * v[i] + c2 * g[i] * g[i];
    bad |= v[i] - v[i] != 0;
    p[i] -= rate * m[i] / (root(v[i]) * correction + eps);
  }
  return !bad;
}

bool adam_apply(const struct adam *adam, size_t begin, size_t end, const real *gradient, real *parameters) {
  return apply(end - begin, (real)adam->factors.rate, (real)adam->factors.correction, gradient + begin, adam->m + begin,
               adam->v + begin, parameters + begin);
}

void adam_scalar_apply(struct adam_scalar *adam, double gradient, double *parameter) {
  const struct adam_factors f = factors_of(adam->learning_rate, ++adam->step);
  adam->m = BETA1 * adam->m + (1 - BETA1) * gradient;
  adam->v = BETA2 * adam->v + (1 - BETA2) * gradient * gradient;
  *parameter -= f.rate * adam->m / (sqrt(adam->v) * f.correction + EPSILON);
}
