#include "launch/bench/blas_baseline.h"

#include "common/base/memory.h"
#include "common/base/random.h"
#include "launch/cli/update_products.h"

#include <cblas.h>

// Only shapes matter, so one matrix of each kind serves every product.
enum { LEFT, RIGHT, RESULT, MATRICES };

struct blas_baseline {
  const struct config *config;
  uint32_t obs_dim, act_dim;
  double operations;
  size_t size[MATRICES]; // that the largest product takes
  float *matrix[MATRICES];
};

static void walk(struct blas_baseline *baseline, bool policy_steps,
                 void (*visit)(void *context, const struct update_product *product)) {
  update_products(baseline->config, baseline->obs_dim, baseline->act_dim, policy_steps,
                  &(struct update_visitor){visit, baseline});
}

static void measure(void *context, const struct update_product *product) {
  struct blas_baseline *baseline = context;
  const size_t size[MATRICES] = {product->m * product->k, product->k * product->n, product->m * product->n};
  for (int i = 0; i < MATRICES; i++)
    if (size[i] > baseline->size[i]) baseline->size[i] = size[i];
}

struct blas_baseline *blas_baseline_create(const struct config *config, uint32_t obs_dim, uint32_t act_dim,
                                           struct error *error) {
  struct blas_baseline *baseline = memory_alloc(1, sizeof *baseline, "the products alone", error);
  if (!baseline) return NULL;
  *baseline = (struct blas_baseline){.config = config, .obs_dim = obs_dim, .act_dim = act_dim};
  walk(baseline, true, measure);
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  for (int i = 0; i < MATRICES; i++) {
    float *values = memory_alloc(baseline->size[i], sizeof *values, "the products alone", error);
    if (!values) {
      blas_baseline_destroy(baseline);
      return NULL;
    }
    for (size_t j = 0; j < baseline->size[i]; j++) values[j] = (float)(random_uniform(&random) - 0.5);
    baseline->matrix[i] = values;
  }
  return baseline;
}

void blas_baseline_destroy(struct blas_baseline *baseline) {
  if (!baseline) return;
  for (int i = 0; i < MATRICES; i++) memory_free(baseline->matrix[i]);
  memory_free(baseline);
}

static void multiply(void *context, const struct update_product *product) {
  struct blas_baseline *baseline = context;
  const bool of_weights = product->kind == UPDATE_WEIGHT_GRADIENT, of_input = product->kind == UPDATE_INPUT_GRADIENT;
  const blasint m = (blasint)product->m, n = (blasint)product->n, k = (blasint)product->k;
  const float *left = baseline->matrix[LEFT], *right = baseline->matrix[RIGHT];
  float *result = baseline->matrix[RESULT];
  // The backward of a single output multiplies vectors, which an update does while it has the rows at hand.
  if ((of_weights && n == 1) || (of_input && k == 1)) return;
  baseline->operations += 2.0 * m * n * k;
  if (n == 1)
    cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, left, k, right, 1, 0, result, 1);
  else
    cblas_sgemm(CblasRowMajor, of_weights ? CblasTrans : CblasNoTrans, of_input ? CblasTrans : CblasNoTrans, m, n, k, 1,
                left, of_weights ? m : k, right, of_input ? k : n, 0, result, n);
}

void blas_baseline_run(struct blas_baseline *baseline) {
  baseline->operations = 0;
  for (uint64_t u = 0; u < baseline->config->policy_delay; u++) walk(baseline, u == 0, multiply);
}

double blas_baseline_operations(const struct blas_baseline *baseline) { return baseline->operations; }
