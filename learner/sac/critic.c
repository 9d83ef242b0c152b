#include "learner/sac/critic.h"
#include "common/base/memory.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <string.h>

enum status critics_init(struct critics *critics, const struct tiles *tiles, const struct config *config,
                         uint32_t obs_dim, uint32_t act_dim, struct error *error) {
  assert(config->critics > 0);
  *critics = (struct critics){.count = (uint32_t)config->critics};
  mlp_init(&critics->net, tiles, obs_dim + act_dim, config->hidden.width, config->hidden.count, 1,
           config->critic_layer_norm);
  critics->size = critics->count * critics->net.parameters;
  critics->parameters = memory_alloc(critics->size, sizeof(real), "the critics' parameters", error);
  critics->targets = memory_alloc(critics->size, sizeof(real), "the target critics' parameters", error);
  if (critics->parameters && critics->targets) return STATUS_OK;
  critics_release(critics);
  return STATUS_MEMORY;
}

void critics_release(struct critics *critics) {
  memory_free(critics->parameters);
  memory_free(critics->targets);
  *critics = (struct critics){0};
}

void critics_init_parameters(struct critics *critics, uint64_t seed) {
  for (uint32_t k = 0; k < critics->count; k++) {
    struct random random = random_stream(seed, RANDOM_INIT, 1 + k, 0);
    mlp_init_parameters(&critics->net, critics->parameters + k * critics->net.parameters, &random);
  }
  memcpy(critics->targets, critics->parameters, critics->size * sizeof(real));
}

VECTORIZE static void track(size_t count, real tau, real keep, const real *restrict parameters,
                            real *restrict targets) {
  for (size_t i = 0; i < count; i++) targets[i] = keep * targets[i] + tau * parameters[i];
}

void critics_track(const struct critics *critics, double tau, size_t begin, size_t end) {
  track(end - begin, (real)tau, (real)(1 - tau), critics->parameters + begin, critics->targets + begin);
}

void critics_minimum(const struct critics *critics, const real *parameters, const uint32_t *which, uint32_t count,
                     const struct critics_rows *rows) {
  const struct mlp *net = &critics->net;
  real *value = rows->value, *q = rows->q;
  uint32_t *argmin = rows->argmin;
  for (uint32_t j = 0; j < count; j++) {
    const uint32_t k = which[j];
    assert(k < critics->count);
    mlp_forward(net, parameters + k * net->parameters, rows->count, rows->input, net->input, &rows->cache[j],
                j == 0 ? q : value);
    if (j == 0) {
      for (size_t i = 0; i < rows->count && argmin; i++) argmin[i] = k;
      continue;
    }
    for (size_t i = 0; i < rows->count; i++) {
      const bool smaller = value[i] < q[i] || value[i] != value[i]; // NaN wins, so that it is seen
      q[i] = smaller ? value[i] : q[i];
      if (argmin && smaller) argmin[i] = k;
    }
  }
}

// index gets the rows whose smallest critic is k; returns how many.
static size_t rows_of(uint32_t k, size_t rows, const uint32_t *argmin, uint32_t *index) {
  size_t count = 0;
  for (size_t i = 0; i < rows; i++) {
    index[count] = (uint32_t)i;
    count += argmin[i] == k;
  }
  return count;
}

void critics_minimum_gradient(const struct critics *critics, const real *parameters,
                              const struct critics_transposed *transposed, const struct critics_rows *rows,
                              size_t first, real *dx) {
  const struct mlp *net = &critics->net;
  const size_t width = net->input - first;
  real *one = rows->packed, *packed = rows->packed + rows->count; // dq/dQ_k (count), dQ_k/dx (count x width)
  for (size_t i = 0; i < rows->count; i++) one[i] = 1;
  for (uint32_t k = 0; k < critics->count; k++) {
    const size_t count = rows_of(k, rows->count, rows->argmin, rows->index);
    if (count == 0) continue;
    mlp_cache_keep(net, &rows->cache[k], rows->index, count);
    const struct mlp_weights weights = {parameters + k * net->parameters, transposed->weights + k * transposed->stride,
                                        first};
    mlp_backward(net, &weights, count, &rows->cache[k], one, packed);
    for (size_t i = 0; i < count; i++) memcpy(dx + rows->index[i] * width, packed + i * width, width * sizeof(real));
  }
}
