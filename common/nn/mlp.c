#include "common/nn/mlp.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const real NORM_EPSILON = (real)1e-5;

void mlp_init(struct mlp *mlp, const struct tiles *tiles, uint32_t input, const uint32_t *hidden, uint32_t hidden_count,
              uint32_t output, bool layer_norm) {
  assert(input > 0 && output > 0 && hidden_count < MLP_MAX_LAYERS);
  *mlp = (struct mlp){.tiles = tiles, .input = input, .output = output, .layers = hidden_count + 1};
  uint32_t in = input;
  for (uint32_t i = 0; i < mlp->layers; i++) {
    const bool is_hidden = i < hidden_count;
    const uint32_t out = is_hidden ? hidden[i] : output;
    assert(out > 0);
    struct mlp_layer *layer = &mlp->layer[i];
    *layer = (struct mlp_layer){.in = in, .out = out, .norm = layer_norm && is_hidden, .weight = mlp->parameters};
    const struct linalg_shape shape = mlp_shape(mlp, i);
    const size_t vector = linalg_vector_size(&shape);
    layer->bias = layer->weight + linalg_weight_size(&shape);
    layer->norm_scale = layer->bias + vector;
    layer->norm_shift = layer->norm_scale + (layer->norm ? vector : 0);
    mlp->parameters = layer->norm_shift + (layer->norm ? vector : 0);
    in = out;
  }
}

void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random) {
  memset(parameters, 0, mlp->parameters * sizeof *parameters);
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
    for (size_t o = 0; o < layer->out; o++)
      parameters[layer->bias + o] = (real)(bound * (2 * random_uniform(random) - 1));
    for (size_t o = 0; layer->norm && o < layer->out; o++) parameters[layer->norm_scale + o] = 1;
  }
}

// --- the dense order ---

static const real *vector_in(real *parameters, size_t count, const real *dense) {
  memcpy(parameters, dense, count * sizeof *dense);
  return dense + count;
}

static real *vector_out(const real *parameters, size_t count, real *dense) {
  memcpy(dense, parameters, count * sizeof *dense);
  return dense + count;
}

struct mlp mlp_dense(const struct mlp *mlp) {
  struct mlp dense;
  uint32_t hidden[MLP_MAX_LAYERS];
  for (uint32_t l = 0; l + 1 < mlp->layers; l++) hidden[l] = mlp->layer[l].out;
  mlp_init(&dense, NULL, mlp->input, hidden, mlp->layers - 1, mlp->output, mlp->layer[0].norm);
  return dense;
}

size_t mlp_dense_size(const struct mlp *mlp) { return mlp_dense(mlp).parameters; }

void mlp_export(const struct mlp *mlp, const real *parameters, real *dense) {
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const struct linalg_shape shape = mlp_shape(mlp, l);
    linalg_unpack(&shape, parameters + layer->weight, dense);
    dense += (size_t)layer->in * layer->out;
    dense = vector_out(parameters + layer->bias, layer->out, dense);
    if (!layer->norm) continue;
    dense = vector_out(parameters + layer->norm_scale, layer->out, dense);
    dense = vector_out(parameters + layer->norm_shift, layer->out, dense);
  }
}

void mlp_import(const struct mlp *mlp, const real *dense, real *parameters) {
  memset(parameters, 0, mlp->parameters * sizeof *parameters);
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const struct linalg_shape shape = mlp_shape(mlp, l);
    linalg_pack(&shape, dense, parameters + layer->weight);
    dense += (size_t)layer->in * layer->out;
    dense = vector_in(parameters + layer->bias, layer->out, dense);
    if (!layer->norm) continue;
    dense = vector_in(parameters + layer->norm_scale, layer->out, dense);
    dense = vector_in(parameters + layer->norm_shift, layer->out, dense);
  }
}

// --- the cache ---

// Hands out the arrays one after another, each on a cache line. With memory NULL it only adds up their sizes.
static real *take(real *memory, size_t *used, size_t count) {
  enum { LINE = 64 / sizeof(real) };
  real *array = memory ? memory + *used : NULL;
  *used += (count + LINE - 1) / LINE * LINE;
  return array;
}

static struct mlp_cache cache_layout(const struct mlp *mlp, size_t rows, real *memory, size_t *used) {
  struct mlp_cache cache = {0};
  *used = 0;
  for (uint32_t l = 0; l + 1 < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    cache.h[l] = take(memory, used, rows * layer->out);
    cache.dz[l] = take(memory, used, rows * layer->out);
    if (!layer->norm) continue;
    cache.normal[l] = take(memory, used, rows * layer->out);
    cache.inverse[l] = take(memory, used, rows);
    cache.dn[l] = take(memory, used, rows * layer->out);
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
  for (uint32_t l = 0; l + 1 < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    from.h[l] += first * layer->out;
    from.dz[l] += first * layer->out;
    if (!layer->norm) continue;
    from.normal[l] += first * layer->out;
    from.inverse[l] += first;
    from.dn[l] += first * layer->out;
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
    if (!layer->norm) continue;
    keep(cache->normal[l], layer->out, index, count);
    keep(cache->inverse[l], 1, index, count);
  }
}

// --- layer normalization ---

// Comparisons are written so that NaN passes.
VECTORIZE static void relu(size_t count, real *x) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] <= 0 ? 0 : x[i];
}

// A sum is kept in this many parts, so that it can be vectors. The parts are added in a fixed order.
enum { LANES = 16 };

static real sum_lanes(const real *lane) {
  real sum = 0;
  for (size_t j = 0; j < LANES; j++) sum += lane[j];
  return sum;
}

VECTORIZE static real sum(size_t count, const real *x) {
  real lane[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (size_t j = 0; j < LANES; j++) lane[j] += x[i + j];
  }
  for (size_t j = 0; i + j < count; j++) lane[j] += x[i + j];
  return sum_lanes(lane);
}

VECTORIZE static real dot(size_t count, const real *x, const real *y) {
  real lane[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (size_t j = 0; j < LANES; j++) lane[j] += x[i + j] * y[i + j];
  }
  for (size_t j = 0; i + j < count; j++) lane[j] += x[i + j] * y[i + j];
  return sum_lanes(lane);
}

// z (width) -> normal = (z - mean) / sqrt(variance + eps), y = scale normal + shift. Returns 1/sqrt(variance + eps).
VECTORIZE static real norm_row(size_t width, const real *scale, const real *shift, real *restrict normal,
                               real *restrict y) {
  real mean = sum(width, y) / (real)width;
  for (size_t i = 0; i < width; i++) normal[i] = y[i] - mean;
  real inverse = 1 / (real)sqrt(dot(width, normal, normal) / (real)width + NORM_EPSILON);
  for (size_t i = 0; i < width; i++) {
    normal[i] *= inverse;
    y[i] = scale[i] * normal[i] + shift[i];
  }
  return inverse;
}

// From dn (width), the gradient of scale normal + shift, to dz, the gradient of the product:
//   d = dn scale,   dz = inverse (d - mean(d) - normal mean(d normal))
VECTORIZE static void norm_row_backward(size_t width, const real *scale, const real *normal, real inverse,
                                        const real *restrict dn, real *restrict dz) {
  for (size_t i = 0; i < width; i++) dz[i] = dn[i] * scale[i];
  real mean = sum(width, dz) / (real)width, along = dot(width, dz, normal) / (real)width;
  for (size_t i = 0; i < width; i++) dz[i] = inverse * (dz[i] - mean - normal[i] * along);
}

// Of `count` columns of dn and normal (rows x count, a row every `width` reals):
//   dscale = column sums of dn normal,   dshift = column sums of dn
VECTORIZE static void norm_gradient(size_t rows, size_t count, size_t width, const real *restrict dn,
                                    const real *restrict normal, real *restrict dscale, real *restrict dshift) {
  for (size_t i = 0; i < count; i++) dscale[i] = dshift[i] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < count; i++) {
      dscale[i] += dn[r * width + i] * normal[r * width + i];
      dshift[i] += dn[r * width + i];
    }
  }
}

// --- forward and backward ---

void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, size_t ldx,
                 const struct mlp_cache *cache, real *y) {
  const uint32_t last = mlp->layers - 1;
  for (uint32_t l = 0; l < last; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const real *weight = parameters + layer->weight, *bias = parameters + layer->bias;
    const struct linalg_shape shape = mlp_shape(mlp, l);
    const struct linalg_rows in = {rows, x, ldx};
    const size_t out = layer->out;
    real *h = cache->h[l];
    if (!layer->norm) {
      linalg_forward_relu(&shape, &in, weight, bias, h);
    } else {
      linalg_forward(&shape, &in, weight, bias, h);
      for (size_t r = 0; r < rows; r++) {
        cache->inverse[l][r] = norm_row(out, parameters + layer->norm_scale, parameters + layer->norm_shift,
                                        cache->normal[l] + r * out, h + r * out);
      }
      relu(rows * out, h);
    }
    x = h;
    ldx = out;
  }
  const struct mlp_layer *layer = &mlp->layer[last];
  const struct linalg_shape shape = mlp_shape(mlp, last);
  const struct linalg_rows in = {rows, x, ldx};
  linalg_forward(&shape, &in, parameters + layer->weight, parameters + layer->bias, y);
}

// The transposed weights lie from the last layer to the first, as a backward reads them. Only the first layer, which
// reads x, leaves columns out.
static size_t first_column(size_t l, size_t first) { return l == 0 ? first : 0; }

size_t mlp_transposed_size(const struct mlp *mlp, size_t first) {
  size_t size = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct linalg_shape shape = mlp_shape(mlp, l);
    size += linalg_transposed_size(&shape, first_column(l, first));
  }
  return size;
}

void mlp_transpose(const struct mlp *mlp, const real *parameters, size_t first, real *transposed) {
  for (uint32_t l = mlp->layers; l-- > 0;) {
    const struct linalg_shape shape = mlp_shape(mlp, l);
    const size_t column = first_column(l, first);
    linalg_transpose(&shape, column, parameters + mlp->layer[l].weight, transposed);
    transposed += linalg_transposed_size(&shape, column);
  }
}

void mlp_backward(const struct mlp *mlp, const struct mlp_weights *weights, size_t rows, const struct mlp_cache *cache,
                  const real *dy, real *dx) {
  const real *parameters = weights->parameters, *transposed = weights->transposed;
  const real *dz = dy; // gradient of the product of layer l
  for (uint32_t l = mlp->layers; l-- > 1;) {
    const struct mlp_layer *layer = &mlp->layer[l], *before = layer - 1;
    const size_t width = before->out;
    real *to = before->norm ? cache->dn[l - 1] : cache->dz[l - 1];
    const struct linalg_shape shape = mlp_shape(mlp, l);
    const struct linalg_rows out = {rows, dz, layer->out};
    linalg_input_gradient(&shape, 0, &out, parameters + layer->weight, transposed, cache->h[l - 1], to);
    transposed += linalg_transposed_size(&shape, 0);
    for (size_t r = 0; before->norm && r < rows; r++) {
      norm_row_backward(width, parameters + before->norm_scale, cache->normal[l - 1] + r * width,
                        cache->inverse[l - 1][r], to + r * width, cache->dz[l - 1] + r * width);
    }
    dz = cache->dz[l - 1];
  }
  if (!dx) return;
  const struct mlp_layer *layer = &mlp->layer[0];
  const struct linalg_shape shape = mlp_shape(mlp, 0);
  const struct linalg_rows out = {rows, dz, layer->out};
  linalg_input_gradient(&shape, weights->first, &out, parameters + layer->weight, transposed, NULL, dx);
}

// --- the gradient of the parameters ---

static size_t layer_parts(const struct mlp *mlp, size_t members, uint32_t l) {
  const struct linalg_shape shape = mlp_shape(mlp, l);
  return linalg_parts(&shape, members);
}

size_t mlp_parts(const struct mlp *mlp, size_t members) {
  size_t parts = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) parts += layer_parts(mlp, members, l);
  return parts;
}

struct mlp_ranges mlp_gradient_part(const struct mlp *mlp, struct mlp_part part, const struct linalg_rows *x,
                                    const struct mlp_cache *cache, const real *dy, real *gradient,
                                    const real *const soon[LINALG_SOON]) {
  // The layer of the part, and the part's number within it.
  uint32_t l = 0;
  size_t number = part.number;
  for (size_t parts; number >= (parts = layer_parts(mlp, part.members, l)); l++) {
    assert(l + 1 < mlp->layers);
    number -= parts;
  }
  const struct mlp_layer *layer = &mlp->layer[l];
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const struct linalg_part own = linalg_part(&shape, number, layer_parts(mlp, part.members, l));

  const struct linalg_rows in = l == 0 ? *x : (struct linalg_rows){x->count, cache->h[l - 1], layer->in};
  const real *dz = l + 1 == mlp->layers ? dy : cache->dz[l];
  const real *weights_soon[LINALG_SOON];
  for (int i = 0; i < LINALG_SOON; i++) weights_soon[i] = soon && soon[i] ? soon[i] + layer->weight : NULL;
  linalg_weight_gradient(&shape, dz, &in, &own, gradient + layer->weight, gradient + layer->bias, weights_soon);
  if (layer->norm) {
    const size_t at = own.vector_begin;
    norm_gradient(x->count, own.vector_end - at, layer->out, cache->dn[l] + at, cache->normal[l] + at,
                  gradient + layer->norm_scale + at, gradient + layer->norm_shift + at);
  }

  const size_t begin = own.vector_begin, end = layer->norm ? own.vector_end : begin;
  return (struct mlp_ranges){{
      {layer->weight + own.weight_begin, layer->weight + own.weight_end},
      {layer->bias + begin, layer->bias + own.vector_end},
      {layer->norm_scale + begin, layer->norm_scale + end},
      {layer->norm_shift + begin, layer->norm_shift + end},
  }};
}
