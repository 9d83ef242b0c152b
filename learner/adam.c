#include "learner/adam.h"
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

void adam_begin(struct adam *adam) { adam->step++; }

struct factors {
  real b1, b2, c1, c2, rate, correction, epsilon; // c = 1 - b; rate = lr / (1 - b1^t); correction = 1 / sqrt(1 - b2^t)
};

VECTORIZE static void apply(struct factors f, size_t count, const real *restrict g, real *restrict m, real *restrict v,
                            real *restrict p) {
  for (size_t i = 0; i < count; i++) {
    m[i] = f.b1 * m[i] + f.c1 * g[i];
    v[i] = f.b2 * v[i] + f.c2 * g[i] * g[i];
    p[i] -= f.rate * m[i] / (root(v[i]) * f.correction + f.epsilon);
  }
}

void adam_apply(const struct adam *adam, size_t begin, size_t end, const real *gradient, real *parameters) {
  const double t = (double)adam->step;
  const struct factors factors = {
      .b1 = (real)BETA1,
      .b2 = (real)BETA2,
      .c1 = (real)(1 - BETA1),
      .c2 = (real)(1 - BETA2),
      .rate = (real)(adam->learning_rate / (1 - pow(BETA1, t))),
      .correction = (real)(1 / sqrt(1 - pow(BETA2, t))),
      .epsilon = (real)EPSILON,
  };
  apply(factors, end - begin, gradient + begin, adam->m + begin, adam->v + begin, parameters + begin);
}
