#include "common/nn/mlp.h"
#include "common/nn/layer_norm.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static void ones(real *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = 1;
}

void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random) {
  memset(parameters, 0, mlp->parameters * sizeof *parameters);
  if (mlp->batch) ones(parameters + mlp->input_scale, mlp->input);
  if (mlp->rms) ones(parameters + mlp->gain, mlp->layer[mlp->layers - 1].in);
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const struct linalg_shape shape = mlp_shape(mlp, l);
    const double bound = 1 / sqrt(layer->in);
    real *weight = parameters + layer->weight;
    for (size_t o = 0; o < layer->out; o++) {
      for (size_t i = 0; i < layer->in; i++) {
        weight[linalg_weight_index(&shape, o, i)] = (real)(bound * (2 * random_uniform(random) - 1));
      }
    }
    for (size_t o = 0; layer->biased && o < layer->out; o++)
      parameters[layer->bias + o] = (real)(bound * (2 * random_uniform(random) - 1));
    if (layer->norm) ones(parameters + layer->norm_scale, layer->out);
  }
}

void mlp_init_statistics(const struct mlp *mlp, real *statistics) {
  memset(statistics, 0, mlp->statistics * sizeof *statistics);
  if (mlp->batch) ones(statistics + mlp->input_variance, mlp->input);
  for (uint32_t l = 0; l < mlp->layers; l++)
    if (mlp->layer[l].norm == MLP_NORM_BATCH) ones(statistics + mlp->layer[l].variance, mlp->layer[l].out);
}

// --- the dense order ---

// Copies between the two orders: forth or back, one list of arrays serves both.
struct dense_walk {
  bool out; // from the parameters to the dense order
  real *parameters, *dense;
};

static void walk_vector(struct dense_walk *walk, size_t offset, size_t count) {
  real *own = walk->parameters + offset;
  memcpy(walk->out ? walk->dense : own, walk->out ? own : walk->dense, count * sizeof *own);
  walk->dense += count;
}

static void walk_dense(const struct mlp *mlp, struct dense_walk *walk) {
  if (mlp->batch) {
    walk_vector(walk, mlp->input_scale, mlp->input);
    walk_vector(walk, mlp->input_shift, mlp->input);
  }
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    if (mlp->rms && l + 1 == mlp->layers) walk_vector(walk, mlp->gain, layer->in);
    const struct linalg_shape shape = mlp_shape(mlp, l);
    if (walk->out)
      linalg_unpack(&shape, walk->parameters + layer->weight, walk->dense);
    else
      linalg_pack(&shape, walk->dense, walk->parameters + layer->weight);
    walk->dense += (size_t)layer->in * layer->out;
    if (layer->biased) walk_vector(walk, layer->bias, layer->out);
    if (!layer->norm) continue;
    walk_vector(walk, layer->norm_scale, layer->out);
    walk_vector(walk, layer->norm_shift, layer->out);
  }
}

void mlp_export(const struct mlp *mlp, const real *parameters, real *dense) {
  walk_dense(mlp, &(struct dense_walk){true, (real *)(uintptr_t)parameters, dense}); // reads them only
}

void mlp_import(const struct mlp *mlp, const real *dense, real *parameters) {
  memset(parameters, 0, mlp->parameters * sizeof *parameters);
  walk_dense(mlp, &(struct dense_walk){false, parameters, (real *)(uintptr_t)dense}); // reads it only
}

// --- the cache ---

// Hands out the arrays one after another, each on a cache line. With memory NULL it only adds up their sizes.
static real *take(real *memory, size_t *used, size_t count) {
  enum { LINE = 64 / sizeof(real) };
  real *array = memory ? memory + *used : NULL;
  *used += (count + LINE - 1) / LINE * LINE;
  return array;
}

// Whether mlp_pass.h computes the network.
static bool is_passed(const struct mlp *mlp) { return mlp->batch || mlp->residual || mlp->rms; }

static struct mlp_cache cache_layout(const struct mlp *mlp, size_t rows, real *memory, size_t *used) {
  struct mlp_cache cache = {0};
  *used = 0;
  for (uint32_t l = 0; l + 1 < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    cache.h[l] = take(memory, used, rows * layer->ld);
    cache.dz[l] = take(memory, used, rows * layer->ld);
    const bool in_place = layer->norm == MLP_NORM_BATCH && !layer->block_end; // a block's end needs dh once more
    if (is_passed(mlp)) cache.dh[l] = in_place ? cache.dz[l] : take(memory, used, rows * layer->ld);
    if (layer->block_end) cache.r[l] = take(memory, used, rows * layer->ld);
    if (!layer->norm) continue;
    const bool batch = layer->norm == MLP_NORM_BATCH;
    cache.normal[l] = take(memory, used, rows * layer->ld);
    cache.inverse[l] = take(memory, used, batch ? layer->out : rows);
    if (batch)
      cache.mean[l] = take(memory, used, layer->out);
    else
      cache.dn[l] = take(memory, used, rows * layer->ld);
  }
  if (mlp->batch) {
    cache.input = take(memory, used, rows * mlp->input);
    cache.d_input = take(memory, used, rows * mlp->input);
    cache.input_mean = take(memory, used, mlp->input);
    cache.input_inverse = take(memory, used, mlp->input);
  }
  if (mlp->rms) {
    const size_t width = mlp->layer[mlp->layers - 1].in;
    cache.last = take(memory, used, rows * width);
    cache.d_last = take(memory, used, rows * width);
    cache.last_inverse = take(memory, used, rows);
  }
  return cache;
}

size_t mlp_cache_size(const struct mlp *mlp, size_t rows) {
  size_t size;
  cache_layout(mlp, rows, NULL, &size);
  return size;
}

struct mlp_cache mlp_cache_in(const struct mlp *mlp, size_t rows, real *memory) {
  size_t size;
  return cache_layout(mlp, rows, memory, &size);
}

struct mlp_cache mlp_cache_from(const struct mlp *mlp, const struct mlp_cache *cache, size_t first) {
  struct mlp_cache from = *cache;
  assert(!mlp->batch); // its members share the whole cache
  for (uint32_t l = 0; l + 1 < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    from.h[l] += first * layer->ld;
    from.dz[l] += first * layer->ld;
    if (is_passed(mlp)) from.dh[l] += first * layer->ld;
    if (layer->block_end) from.r[l] += first * layer->ld;
    if (!layer->norm) continue;
    from.normal[l] += first * layer->ld;
    from.inverse[l] += first;
    from.dn[l] += first * layer->ld;
  }
  if (mlp->rms) {
    const size_t width = mlp->layer[mlp->layers - 1].in;
    from.last += first * width;
    from.d_last += first * width;
    from.last_inverse += first;
  }
  return from;
}

// Rows move towards the front in their order, so no row is overwritten before it has moved.
static void keep(real *rows, size_t width, const uint32_t *index, size_t count) {
  for (size_t k = 0; k < count; k++) {
    if (index[k] != k) memcpy(rows + k * width, rows + index[k] * width, width * sizeof *rows);
  }
}

void mlp_cache_keep(const struct mlp *mlp, const struct mlp_cache *cache, const uint32_t *index, size_t count) {
  for (uint32_t l = 0; l + 1 < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    keep(cache->h[l], layer->ld, index, count);
    if (layer->block_end) keep(cache->r[l], layer->ld, index, count);
    if (!layer->norm) continue;
    keep(cache->normal[l], layer->ld, index, count);
    keep(cache->inverse[l], 1, index, count);
  }
  if (mlp->rms) keep(cache->last_inverse, 1, index, count);
}

struct linalg_rows mlp_layer_input(const struct mlp *mlp, uint32_t l, const struct linalg_rows *x,
                                   const struct mlp_cache *cache) {
  const size_t in = mlp->layer[l].in;
  if (mlp->rms && l + 1 == mlp->layers) return (struct linalg_rows){x->count, cache->last, in};
  if (l > 0) return (struct linalg_rows){x->count, cache->h[l - 1], mlp->layer[l - 1].ld};
  return mlp->batch ? (struct linalg_rows){x->count, cache->input, in} : *x;
}

// --- the gradient of the parameters ---

static size_t layer_parts(const struct mlp *mlp, size_t members, uint32_t l) {
  const struct linalg_shape shape = mlp_shape(mlp, l);
  return linalg_parts(&shape, members);
}

size_t mlp_parts(const struct mlp *mlp, size_t members) {
  size_t parts = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) parts += layer_parts(mlp, members, l);
  return parts + (mlp->batch || mlp->rms); // the last one: what belongs to no layer
}

// dgain (width) = sum over the rows of d_last h inverse, in their order
static void gain_gradient(const struct mlp *mlp, size_t rows, const struct mlp_cache *cache, real *dgain) {
  const size_t width = mlp->layer[mlp->layers - 1].in, ld = mlp->layer[mlp->layers - 2].ld;
  const real *h = cache->h[mlp->layers - 2];
  for (size_t j = 0; j < width; j++) dgain[j] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < width; j++)
      dgain[j] += cache->d_last[r * width + j] * (h[r * ld + j] * cache->last_inverse[r]);
  }
}

// The part of the input's batch norm, whose gradient the backward has left, and of RMS norm's gain.
static struct mlp_ranges gradient_of_rest(const struct mlp *mlp, size_t rows, const struct mlp_cache *cache,
                                          real *gradient) {
  const size_t input = mlp->batch ? mlp->input : 0, width = mlp->rms ? mlp->layer[mlp->layers - 1].in : 0;
  if (mlp->rms) gain_gradient(mlp, rows, cache, gradient + mlp->gain);
  return (struct mlp_ranges){{
      {mlp->input_scale, mlp->input_scale + input},
      {mlp->input_shift, mlp->input_shift + input},
      {mlp->gain, mlp->gain + width},
      {0, 0},
  }};
}

struct mlp_ranges mlp_gradient_part(const struct mlp *mlp, struct mlp_part part, const struct linalg_rows *x,
                                    const struct mlp_cache *cache, const real *dy, real *gradient,
                                    const real *const soon[LINALG_SOON]) {
  // The layer of the part, and the part's number within it.
  uint32_t l = 0;
  size_t number = part.number;
  if ((mlp->batch || mlp->rms) && number + 1 == mlp_parts(mlp, part.members))
    return gradient_of_rest(mlp, part.head_rows, cache, gradient);
  for (size_t parts; number >= (parts = layer_parts(mlp, part.members, l)); l++) {
    assert(l + 1 < mlp->layers);
    number -= parts;
  }
  const struct mlp_layer *layer = &mlp->layer[l];
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const struct linalg_part own = linalg_part(&shape, number, layer_parts(mlp, part.members, l));

  struct linalg_rows in = mlp_layer_input(mlp, l, x, cache);
  if (l + 1 == mlp->layers) in.count = part.head_rows;
  const struct linalg_rows dz = {in.count, l + 1 == mlp->layers ? dy : cache->dz[l], layer->ld};
  const real *weights_soon[LINALG_SOON];
  for (int i = 0; i < LINALG_SOON; i++) weights_soon[i] = soon && soon[i] ? soon[i] + layer->weight : NULL;
  linalg_weight_gradient(&shape, &dz, &in, &own, gradient + layer->weight, gradient + layer->bias, weights_soon);
  if (!layer->biased && own.vector_end > own.vector_begin)
    memset(gradient + layer->bias + own.vector_begin, 0, (own.vector_end - own.vector_begin) * sizeof *gradient);
  if (layer->norm == MLP_NORM_LAYER) {
    const size_t at = own.vector_begin;
    layer_norm_gradient(x->count, own.vector_end - at, layer->out, cache->dn[l] + at, cache->normal[l] + at,
                        gradient + layer->norm_scale + at, gradient + layer->norm_shift + at);
  }

  const size_t begin = own.vector_begin, end = layer->norm ? own.vector_end : begin;
  return (struct mlp_ranges){{
      {layer->weight + own.weight_begin, layer->weight + own.weight_end},
      {layer->bias + begin, layer->bias + (layer->biased ? own.vector_end : begin)},
      {layer->norm_scale + begin, layer->norm_scale + end},
      {layer->norm_shift + begin, layer->norm_shift + end},
  }};
}
