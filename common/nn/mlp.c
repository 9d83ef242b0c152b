#include "common/nn/mlp.h"
#include "common/nn/layer_norm.h"
#include "common/nn/mlp_pass.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static void add_layer(struct mlp *mlp, const struct mlp_layer *layer) {
  const uint32_t l = mlp->layers++;
  assert(layer->in > 0 && layer->out > 0 && l < MLP_MAX_LAYERS);
  mlp->layer[l] = *layer;
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const size_t vector = linalg_vector_size(shape), normed = layer->norm ? vector : 0;
  struct mlp_layer *added = &mlp->layer[l];
  added->weight = mlp->parameters;
  added->bias = added->weight + linalg_weight_size(shape);
  added->norm_scale = added->bias + vector; // also where there is none: then it is 0 and stays 0
  added->norm_shift = added->norm_scale + normed;
  mlp->parameters = added->norm_shift + normed;
  if (layer->norm != MLP_NORM_BATCH) return;
  added->mean = mlp->statistics;
  added->variance = added->mean + layer->out;
  mlp->statistics = added->variance + layer->out;
}

static void add_input_norm(struct mlp *mlp) {
  mlp->input_shift = linalg_vector_size((struct linalg_shape){mlp->tiles, 1, mlp->input});
  mlp->parameters = 2 * mlp->input_shift;
  mlp->input_variance = mlp->input;
  mlp->statistics = 2 * (size_t)mlp->input;
}

void mlp_init_spec(struct mlp *mlp, const struct mlp_spec *spec) {
  assert(spec->input > 0 && spec->output > 0 && spec->hidden_count <= MLP_MAX_HIDDEN);
  *mlp = (struct mlp){.tiles = spec->tiles,
                      .input = spec->input,
                      .output = spec->output,
                      .residual = spec->residual,
                      .rms = spec->rms,
                      .batch = spec->norm == MLP_NORM_BATCH,
                      .hidden_count = spec->hidden_count,
                      .expansion = spec->expansion,
                      .folded = spec->bias};
  if (mlp->batch) add_input_norm(mlp);
  const bool biased = spec->bias || (!spec->residual && !mlp->batch);
  uint32_t in = spec->input;
  for (uint32_t i = 0; i < spec->hidden_count; i++) {
    const uint32_t width = mlp->hidden[i] = spec->hidden[i], wide = spec->expansion * width;
    struct mlp_layer layer = {.in = in, .out = width, .norm = spec->norm, .biased = biased, .relu = true};
    if (spec->residual) {
      const struct mlp_layer embedding = {.in = in, .out = width, .biased = biased};
      if (i == 0) add_layer(mlp, &embedding);
      layer.in = width, layer.out = wide;
      add_layer(mlp, &layer);
      layer.in = wide, layer.out = width, layer.block_end = true;
    }
    add_layer(mlp, &layer);
    in = width;
  }
  mlp->gain = mlp->parameters;
  if (spec->rms) mlp->parameters += linalg_vector_size((struct linalg_shape){mlp->tiles, 1, in});
  add_layer(mlp, &(struct mlp_layer){.in = in, .out = spec->output, .biased = true});
}

void mlp_init(struct mlp *mlp, const struct tiles *tiles, uint32_t input, const uint32_t *hidden, uint32_t hidden_count,
              uint32_t output, bool layer_norm) {
  mlp_init_spec(mlp, &(struct mlp_spec){.tiles = tiles,
                                        .input = input,
                                        .output = output,
                                        .hidden = hidden,
                                        .hidden_count = hidden_count,
                                        .norm = layer_norm ? MLP_NORM_LAYER : MLP_NORM_NONE});
}

struct mlp_spec mlp_spec_of(const struct mlp *mlp) {
  const uint32_t hidden = mlp->residual ? 1 : 0; // a layer that has the network's norm, if one is hidden
  return (struct mlp_spec){.tiles = mlp->tiles,
                           .input = mlp->input,
                           .output = mlp->output,
                           .hidden = mlp->hidden,
                           .hidden_count = mlp->hidden_count,
                           .norm = mlp->batch        ? MLP_NORM_BATCH
                                   : mlp->layers > 1 ? mlp->layer[hidden].norm
                                                     : MLP_NORM_NONE,
                           .residual = mlp->residual,
                           .expansion = mlp->expansion,
                           .rms = mlp->rms,
                           .bias = mlp->folded};
}

static void ones(real *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = 1;
}

void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random) {
  memset(parameters, 0, mlp->parameters * sizeof *parameters);
  if (mlp->batch) ones(parameters + mlp->input_scale, mlp->input);
  if (mlp->rms) ones(parameters + mlp->gain, mlp->layer[mlp->layers - 1].in);
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const double bound = 1 / sqrt(layer->in);
    real *weight = parameters + layer->weight;
    for (size_t o = 0; o < layer->out; o++) {
      for (size_t i = 0; i < layer->in; i++) {
        weight[linalg_weight_index(mlp_shape(mlp, l), o, i)] = (real)(bound * (2 * random_uniform(random) - 1));
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
    if (walk->out)
      linalg_unpack(mlp_shape(mlp, l), walk->parameters + layer->weight, walk->dense);
    else
      linalg_pack(mlp_shape(mlp, l), walk->dense, walk->parameters + layer->weight);
    walk->dense += (size_t)layer->in * layer->out;
    if (layer->biased) walk_vector(walk, layer->bias, layer->out);
    if (!layer->norm) continue;
    walk_vector(walk, layer->norm_scale, layer->out);
    walk_vector(walk, layer->norm_shift, layer->out);
  }
}

struct mlp mlp_dense(const struct mlp *mlp) {
  struct mlp dense;
  struct mlp_spec spec = mlp_spec_of(mlp);
  spec.tiles = NULL;
  mlp_init_spec(&dense, &spec);
  return dense;
}

size_t mlp_dense_size(const struct mlp *mlp) {
  size_t size = mlp_dense(mlp).parameters;
  for (uint32_t l = 0; l < mlp->layers; l++) size -= mlp->layer[l].biased ? 0 : mlp->layer[l].out;
  return size;
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
    cache.h[l] = take(memory, used, rows * layer->out);
    cache.dz[l] = take(memory, used, rows * layer->out);
    if (is_passed(mlp)) cache.dh[l] = take(memory, used, rows * layer->out);
    if (layer->block_end) cache.r[l] = take(memory, used, rows * layer->out);
    if (!layer->norm) continue;
    const bool batch = layer->norm == MLP_NORM_BATCH;
    cache.normal[l] = take(memory, used, rows * layer->out);
    cache.inverse[l] = take(memory, used, batch ? layer->out : rows);
    if (batch)
      cache.mean[l] = take(memory, used, layer->out);
    else
      cache.dn[l] = take(memory, used, rows * layer->out);
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
    from.h[l] += first * layer->out;
    from.dz[l] += first * layer->out;
    if (is_passed(mlp)) from.dh[l] += first * layer->out;
    if (layer->block_end) from.r[l] += first * layer->out;
    if (!layer->norm) continue;
    from.normal[l] += first * layer->out;
    from.inverse[l] += first;
    from.dn[l] += first * layer->out;
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
    keep(cache->h[l], layer->out, index, count);
    if (layer->block_end) keep(cache->r[l], layer->out, index, count);
    if (!layer->norm) continue;
    keep(cache->normal[l], layer->out, index, count);
    keep(cache->inverse[l], 1, index, count);
  }
  if (mlp->rms) keep(cache->last_inverse, 1, index, count);
}

struct linalg_rows mlp_layer_input(const struct mlp *mlp, uint32_t l, struct linalg_rows x,
                                   const struct mlp_cache *cache) {
  const size_t in = mlp->layer[l].in;
  if (mlp->rms && l + 1 == mlp->layers) return (struct linalg_rows){x.count, cache->last, in};
  if (l > 0) return (struct linalg_rows){x.count, cache->h[l - 1], in};
  return mlp->batch ? (struct linalg_rows){x.count, cache->input, in} : x;
}

// --- forward and backward ---

void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, size_t ldx,
                 const struct mlp_cache *cache, real *y) {
  assert(!mlp->batch);
  if (mlp->residual || mlp->rms) {
    const struct mlp_pass pass = {.rows = rows, .x = x, .ldx = ldx, .cache = cache, .y = y};
    mlp_pass_forward(mlp, parameters, NULL, &pass, &mlp_alone);
    return;
  }
  const uint32_t last = mlp->layers - 1;
  for (uint32_t l = 0; l < last; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const real *weight = parameters + layer->weight, *bias = parameters + layer->bias;
    const struct linalg_rows in = {rows, x, ldx};
    const size_t out = layer->out;
    real *h = cache->h[l];
    if (!layer->norm) {
      linalg_forward_relu(mlp_shape(mlp, l), in, weight, bias, h);
    } else {
      linalg_forward(mlp_shape(mlp, l), in, weight, bias, h);
      for (size_t r = 0; r < rows; r++) {
        cache->inverse[l][r] = layer_norm_row(out, parameters + layer->norm_scale, parameters + layer->norm_shift,
                                              cache->normal[l] + r * out, h + r * out);
      }
      layer_norm_relu(rows * out, h);
    }
    x = h;
    ldx = out;
  }
  const struct mlp_layer *layer = &mlp->layer[last];
  linalg_forward(mlp_shape(mlp, last), (struct linalg_rows){rows, x, ldx}, parameters + layer->weight,
                 parameters + layer->bias, y);
}

// The transposed weights lie from the last layer to the first, as a backward reads them. Only the first layer, which
// reads x, leaves columns out.
static size_t first_column(size_t l, size_t first) { return l == 0 ? first : 0; }

size_t mlp_transposed_size(const struct mlp *mlp, size_t first) {
  size_t size = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) size += linalg_transposed_size(mlp_shape(mlp, l), first_column(l, first));
  return size;
}

void mlp_transpose(const struct mlp *mlp, const real *parameters, size_t first, real *transposed) {
  for (uint32_t l = mlp->layers; l-- > 0;) {
    const size_t column = first_column(l, first);
    linalg_transpose(mlp_shape(mlp, l), column, parameters + mlp->layer[l].weight, transposed);
    transposed += linalg_transposed_size(mlp_shape(mlp, l), column);
  }
}

void mlp_backward(const struct mlp *mlp, const struct mlp_weights *weights, size_t rows, const struct mlp_cache *cache,
                  const real *dy, real *dx) {
  assert(!mlp->batch);
  if (mlp->residual || mlp->rms) {
    const struct mlp_pass pass = {.rows = rows, .cache = cache, .dy = dy, .dx = dx};
    mlp_pass_backward(mlp, weights, &pass, NULL, &mlp_alone);
    return;
  }
  const real *parameters = weights->parameters, *transposed = weights->transposed;
  const real *dz = dy; // gradient of the product of layer l
  for (uint32_t l = mlp->layers; l-- > 1;) {
    const struct mlp_layer *layer = &mlp->layer[l], *before = layer - 1;
    const size_t width = before->out;
    real *to = before->norm ? cache->dn[l - 1] : cache->dz[l - 1];
    linalg_input_gradient(mlp_shape(mlp, l), 0, (struct linalg_rows){rows, dz, layer->out}, parameters + layer->weight,
                          transposed, cache->h[l - 1], to);
    transposed += linalg_transposed_size(mlp_shape(mlp, l), 0);
    for (size_t r = 0; before->norm && r < rows; r++) {
      layer_norm_row_backward(width, parameters + before->norm_scale, cache->normal[l - 1] + r * width,
                              cache->inverse[l - 1][r], to + r * width, cache->dz[l - 1] + r * width);
    }
    dz = cache->dz[l - 1];
  }
  if (!dx) return;
  const struct mlp_layer *layer = &mlp->layer[0];
  linalg_input_gradient(mlp_shape(mlp, 0), weights->first, (struct linalg_rows){rows, dz, layer->out},
                        parameters + layer->weight, transposed, NULL, dx);
}

// --- the gradient of the parameters ---

static size_t layer_parts(const struct mlp *mlp, size_t members, uint32_t l) {
  return linalg_parts(mlp_shape(mlp, l), members);
}

size_t mlp_parts(const struct mlp *mlp, size_t members) {
  size_t parts = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) parts += layer_parts(mlp, members, l);
  return parts + (mlp->batch || mlp->rms); // the last one: what belongs to no layer
}

// dgain (width) = sum over the rows of d_last h inverse, in their order
static void gain_gradient(const struct mlp *mlp, size_t rows, const struct mlp_cache *cache, real *dgain) {
  const size_t width = mlp->layer[mlp->layers - 1].in;
  const real *h = cache->h[mlp->layers - 2];
  for (size_t j = 0; j < width; j++) dgain[j] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t j = 0; j < width; j++)
      dgain[j] += cache->d_last[r * width + j] * (h[r * width + j] * cache->last_inverse[r]);
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

struct mlp_ranges mlp_gradient_part(const struct mlp *mlp, struct mlp_part part, struct linalg_rows x,
                                    const struct mlp_cache *cache, const real *dy, real *gradient,
                                    const real *const soon[LINALG_SOON]) {
  // The layer of the part, and the part's number within it.
  uint32_t l = 0;
  size_t number = part.number;
  if ((mlp->batch || mlp->rms) && number + 1 == mlp_parts(mlp, part.members))
    return gradient_of_rest(mlp, x.count, cache, gradient);
  for (size_t parts; number >= (parts = layer_parts(mlp, part.members, l)); l++) {
    assert(l + 1 < mlp->layers);
    number -= parts;
  }
  const struct mlp_layer *layer = &mlp->layer[l];
  const struct linalg_part own = linalg_part(mlp_shape(mlp, l), number, layer_parts(mlp, part.members, l));

  const struct linalg_rows in = mlp_layer_input(mlp, l, x, cache);
  const real *dz = l + 1 == mlp->layers ? dy : cache->dz[l];
  const real *weights_soon[LINALG_SOON];
  for (int i = 0; i < LINALG_SOON; i++) weights_soon[i] = soon && soon[i] ? soon[i] + layer->weight : NULL;
  linalg_weight_gradient(mlp_shape(mlp, l), dz, in, &own, gradient + layer->weight, gradient + layer->bias,
                         weights_soon);
  if (!layer->biased && own.vector_end > own.vector_begin)
    memset(gradient + layer->bias + own.vector_begin, 0, (own.vector_end - own.vector_begin) * sizeof *gradient);
  if (layer->norm == MLP_NORM_LAYER) {
    layer_norm_gradient(x.count, layer->out, own.vector_begin, own.vector_end, cache->dn[l], cache->normal[l],
                        gradient + layer->norm_scale, gradient + layer->norm_shift);
  }

  const size_t begin = own.vector_begin, end = layer->norm ? own.vector_end : begin;
  return (struct mlp_ranges){{
      {layer->weight + own.weight_begin, layer->weight + own.weight_end},
      {layer->bias + begin, layer->bias + (layer->biased ? own.vector_end : begin)},
      {layer->norm_scale + begin, layer->norm_scale + end},
      {layer->norm_shift + begin, layer->norm_shift + end},
  }};
}
