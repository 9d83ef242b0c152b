#include "learner/sac/critic.h"
#include "common/base/memory.h"
#include "common/base/vectorize.h"
#include "common/nn/mlp_fold.h"
#include "common/nn/networks.h"
#include "learner/sac/network_init.h"
#include <assert.h>
#include <string.h>

static real *reals(size_t count, const char *what, struct error *error) {
  return memory_alloc(count, sizeof(real), what, error);
}

enum status critics_init(struct critics *critics, const struct tiles *tiles, const struct config *config,
                         uint32_t obs_dim, uint32_t act_dim, struct error *error) {
  assert(config->critics > 0);
  *critics = (struct critics){.count = (uint32_t)config->critics,
                              .head = critic_head_of(config),
                              .orthogonal = strcmp(config->init, "orthogonal") == 0,
                              .unit_weights = config->unit_weights};
  const struct mlp_spec spec = critic_spec(config, tiles, obs_dim, act_dim);
  mlp_init_spec(&critics->net, &spec);
  critics->folded_net = mlp_folded(&critics->net);
  const size_t count = critics->count;
  const bool batch = critics->net.batch;
  critics->size = count * critics->net.parameters;
  critics->parameters = reals(critics->size, "the critics' parameters", error);
  critics->targets = reals(critics->size, "the target critics' parameters", error);
  critics->statistics = reals(count * critics->net.statistics, "the critics' statistics", error);
  critics->target_statistics = reals(count * critics->net.statistics, "the target critics' statistics", error);
  critics->fold_scratch = reals(count * mlp_fold_scratch(&critics->net), "the folded critics", error);
  critics->folded =
      batch ? reals(count * critics->folded_net.parameters, "the folded critics", error) : critics->parameters;
  if (critics->parameters && critics->targets && critics->statistics && critics->target_statistics &&
      critics->fold_scratch && critics->folded)
    return STATUS_OK;
  critics_release(critics);
  return STATUS_MEMORY;
}

void critics_release(struct critics *critics) {
  if (critics->net.batch) memory_free(critics->folded);
  memory_free(critics->fold_scratch);
  memory_free(critics->target_statistics);
  memory_free(critics->statistics);
  memory_free(critics->parameters);
  memory_free(critics->targets);
  *critics = (struct critics){0};
}

enum status critics_init_parameters(struct critics *critics, uint64_t seed, struct error *error) {
  const struct mlp *net = &critics->net;
  for (uint32_t k = 0; k < critics->count; k++) {
    struct random random = random_stream(seed, RANDOM_INIT, 1 + k, 0);
    const enum status status = network_init_parameters(net, critics->orthogonal, critics->unit_weights,
                                                       critics->parameters + k * net->parameters, &random, error);
    if (status != STATUS_OK) return status;
    mlp_init_statistics(net, critics->statistics + k * net->statistics);
    critics_fold(critics, k);
  }
  memcpy(critics->targets, critics->parameters, critics->size * sizeof(real));
  memcpy(critics->target_statistics, critics->statistics, critics->count * net->statistics * sizeof(real));
  return STATUS_OK;
}

VECTORIZE static void track(size_t count, real tau, real keep, const real *restrict parameters,
                            real *restrict targets) {
  for (size_t i = 0; i < count; i++) targets[i] = keep * targets[i] + tau * parameters[i];
}

void critics_track(const struct critics *critics, double tau, size_t begin, size_t end) {
  track(end - begin, (real)tau, (real)(1 - tau), critics->parameters + begin, critics->targets + begin);
}

void critics_fold(const struct critics *critics, size_t k) {
  const struct mlp *net = &critics->net;
  if (!net->batch) return;
  mlp_fold(net, critics->parameters + k * net->parameters, critics->statistics + k * net->statistics,
           critics->fold_scratch + k * mlp_fold_scratch(net), critics->folded + k * critics->folded_net.parameters);
}

void critics_smallest(const struct critics *critics, uint32_t count, const struct critics_rows *rows) {
  const struct critic_head *head = &critics->head;
  real *value = rows->value, *q = rows->q;
  for (uint32_t j = 0; j < count; j++) {
    head->value(head, rows->count, rows->output + j * rows->stride, j == 0 ? q : value);
    if (j == 0) {
      for (size_t i = 0; i < rows->count; i++) rows->argmin[i] = 0;
      continue;
    }
    for (size_t i = 0; i < rows->count; i++) {
      const bool smaller = value[i] < q[i] || value[i] != value[i]; // NaN wins, so that it is seen
      q[i] = smaller ? value[i] : q[i];
      if (smaller) rows->argmin[i] = j;
    }
  }
}

void critics_minimum(const struct critics *critics, struct critics_nets nets, const uint32_t *which, uint32_t count,
                     const struct critics_rows *rows) {
  const struct mlp *net = nets.net;
  for (uint32_t j = 0; j < count; j++) {
    assert(which[j] < critics->count);
    mlp_forward(net, nets.parameters + which[j] * net->parameters, rows->count, rows->input, net->input,
                &rows->cache[j], rows->output + j * rows->stride);
  }
  critics_smallest(critics, count, rows);
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

void critics_minimum_gradient(const struct critics *critics, struct critics_nets nets,
                              const struct critics_transposed *transposed, const struct critics_rows *rows,
                              size_t first, real *dx) {
  const struct mlp *net = nets.net;
  const struct critic_head *head = &critics->head;
  const size_t width = net->input - first, outputs = head->outputs;
  for (uint32_t k = 0; k < critics->count; k++) {
    const size_t count = rows_of(k, rows->count, rows->argmin, rows->index);
    if (count == 0) continue;
    mlp_cache_keep(net, &rows->cache[k], rows->index, count);

    // The rows' outputs, packed as the cache, become dQ_k/doutput.
    real *output = rows->output + k * rows->stride;
    for (size_t i = 0; i < count; i++)
      memmove(output + i * outputs, output + rows->index[i] * outputs, outputs * sizeof *output);
    head->value_gradient(head, count, output, output);
    const struct mlp_weights weights = {nets.parameters + k * net->parameters,
                                        transposed->weights + k * transposed->stride, first};
    mlp_backward(net, &weights, count, &rows->cache[k], output, rows->packed);
    for (size_t i = 0; i < count; i++)
      memcpy(dx + rows->index[i] * width, rows->packed + i * width, width * sizeof(real));
  }
}
