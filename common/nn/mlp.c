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
    const size_t vector = linalg_vector_size(tiles, out);
    assert(out > 0);
    struct mlp_layer *layer = &mlp->layer[i];
    *layer = (struct mlp_layer){.in = in, .out = out, .norm = layer_norm && is_hidden, .weight = mlp->parameters};
    layer->bias = layer->weight + linalg_weight_size(tiles, in, out);
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
    const double bound = 1 / sqrt(layer->in);
    real *weight = parameters + layer->weight;
    for (size_t o = 0; o < layer->out; o++) {
      for (size_t i = 0; i < layer->in; i++) {
        const size_t at = linalg_weight_index(mlp->tiles, layer->in, layer->out, o, i);
        weight[at] = (real)(bound * (2 * random_uniform(random) - 1));
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
    linalg_unpack(mlp->tiles, layer->in, layer->out, parameters + layer->weight, dense);
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
    linalg_pack(mlp->tiles, layer->in, layer->out, dense, parameters + layer->weight);
    dense += (size_t)layer->in * layer->out;
    dense = vector_in(parameters + layer->bias, layer->out, dense);
    if (!layer->norm) continue;
    dense = vector_in(parameters + layer->norm_scale, layer->out, dense);
    dense = vector_in(parameters + layer->norm_shift, layer->out, dense);
  }
}

// --- the cache ---

// Hands out the arrays one after another; with memory NULL it only adds up their sizes. Each starts on a cache line.
static real *take(real *memory, size_t *used, size_t count) {
  enum { LINE = 64 / sizeof(real) };
  real *array = memory ? memory + *used : NULL;
  *used += (count + LINE - 1) / LINE * LINE;
  return array;
}

static struct mlp_cache place(const struct mlp *mlp, size_t rows, real *memory, size_t *used) {
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
  place(mlp, rows, NULL, &size);
  return size;
}

struct mlp_cache mlp_cache_in(const struct mlp *mlp, size_t rows, real *memory) {
  size_t size;
  return place(mlp, rows, memory, &size);
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

// Rows move towards the front or stay, in their order, so none is overwritten before it has moved.
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

// Comparisons are such that NaN passes.
VECTORIZE static void relu(size_t count, real *x) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] <= 0 ? 0 : x[i];
}

enum { LANES = 16 }; // sums are kept in so many parts, added up in a fixed order, so that they can be vectors

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

// dn (width), the gradient of scale normal + shift -> dz, the product's:
//   d = dn scale,   dz = inverse (d - mean(d) - normal mean(d normal))
VECTORIZE static void norm_row_backward(size_t width, const real *scale, const real *normal, real inverse,
                                        const real *restrict dn, real *restrict dz) {
  for (size_t i = 0; i < width; i++) dz[i] = dn[i] * scale[i];
  real mean = sum(width, dz) / (real)width, along = dot(width, dz, normal) / (real)width;
  for (size_t i = 0; i < width; i++) dz[i] = inverse * (dz[i] - mean - normal[i] * along);
}

// Of the columns begin .. end - 1:   dscale = column sums of dn normal,   dshift = column sums of dn
VECTORIZE static void norm_gradient(size_t rows, size_t width, size_t begin, size_t end, const real *restrict dn,
                                    const real *restrict normal, real *restrict dscale, real *restrict dshift) {
  for (size_t i = begin; i < end; i++) dscale[i] = dshift[i] = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = begin; i < end; i++) {
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
    const size_t out = layer->out;
    real *h = cache->h[l];
    if (!layer->norm) {
      linalg_forward_relu(mlp->tiles, rows, layer->in, out, x, ldx, weight, bias, h);
    } else {
      linalg_forward(mlp->tiles, rows, layer->in, out, x, ldx, weight, bias, h);
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
  linalg_forward(mlp->tiles, rows, layer->in, layer->out, x, ldx, parameters + layer->weight, parameters + layer->bias,
                 y);
}

// Of each layer from the last to the first; columns before `first` are those of x.
static size_t first_column(size_t l, size_t first) { return l == 0 ? first : 0; }

size_t mlp_transposed_size(const struct mlp *mlp, size_t first) {
  size_t size = 0;
  for (uint32_t l = 0; l < mlp->layers; l++)
    size += linalg_transposed_size(mlp->tiles, mlp->layer[l].in, mlp->layer[l].out, first_column(l, first));
  return size;
}

void mlp_transpose(const struct mlp *mlp, const real *parameters, size_t first, real *transposed) {
  for (uint32_t l = mlp->layers; l-- > 0;) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const size_t column = first_column(l, first);
    linalg_transpose(mlp->tiles, layer->in, layer->out, column, parameters + layer->weight, transposed);
    transposed += linalg_transposed_size(mlp->tiles, layer->in, layer->out, column);
  }
}

void mlp_backward(const struct mlp *mlp, const real *parameters, const real *transposed, size_t rows,
                  const struct mlp_cache *cache, const real *dy, size_t first, real *dx) {
  const real *dz = dy; // gradient of the product of layer l
  for (uint32_t l = mlp->layers; l-- > 1;) {
    const struct mlp_layer *layer = &mlp->layer[l], *before = layer - 1;
    const size_t width = before->out;
    real *to = before->norm ? cache->dn[l - 1] : cache->dz[l - 1];
    linalg_input_gradient(mlp->tiles, rows, width, layer->out, 0, dz, parameters + layer->weight, transposed,
                          cache->h[l - 1], to);
    transposed += linalg_transposed_size(mlp->tiles, width, layer->out, 0);
    for (size_t r = 0; before->norm && r < rows; r++) {
      norm_row_backward(width, parameters + before->norm_scale, cache->normal[l - 1] + r * width,
                        cache->inverse[l - 1][r], to + r * width, cache->dz[l - 1] + r * width);
    }
    dz = cache->dz[l - 1];
  }
  const struct mlp_layer *layer = &mlp->layer[0];
  linalg_input_gradient(mlp->tiles, rows, layer->in, layer->out, first, dz, parameters + layer->weight, transposed,
                        NULL, dx);
}

// --- the gradient of the parameters ---

static size_t layer_parts(const struct mlp *mlp, size_t members, uint32_t l) {
  return linalg_parts(mlp->tiles, mlp->layer[l].in, mlp->layer[l].out, members);
}

size_t mlp_parts(const struct mlp *mlp, size_t members) {
  size_t parts = 0;
  for (uint32_t l = 0; l < mlp->layers; l++) parts += layer_parts(mlp, members, l);
  return parts;
}

void mlp_gradient_part(const struct mlp *mlp, size_t members, size_t number, size_t rows, const real *x, size_t ldx,
                       const struct mlp_cache *cache, const real *dy, real *gradient,
                       struct mlp_range range[MLP_PART_RANGES], const real *const soon[LINALG_SOON]) {
  uint32_t l = 0;
  for (size_t parts; number >= (parts = layer_parts(mlp, members, l)); l++) {
    assert(l + 1 < mlp->layers);
    number -= parts;
  }
  const struct mlp_layer *layer = &mlp->layer[l];
  const struct linalg_part part = linalg_part(mlp->tiles, layer->in, layer->out, number, layer_parts(mlp, members, l));
  const real *dz = l + 1 == mlp->layers ? dy : cache->dz[l];
  const real *weights_soon[LINALG_SOON];
  for (int i = 0; i < LINALG_SOON; i++) weights_soon[i] = soon && soon[i] ? soon[i] + layer->weight : NULL;
  linalg_weight_gradient(mlp->tiles, rows, layer->in, layer->out, dz, l == 0 ? x : cache->h[l - 1],
                         l == 0 ? ldx : layer->in, &part, gradient + layer->weight, gradient + layer->bias,
                         weights_soon);
  if (layer->norm) {
    norm_gradient(rows, layer->out, part.vector_begin, part.vector_end, cache->dn[l], cache->normal[l],
                  gradient + layer->norm_scale, gradient + layer->norm_shift);
  }
  const size_t begin = part.vector_begin, end = layer->norm ? part.vector_end : begin;
  range[0] = (struct mlp_range){layer->weight + part.weight_begin, layer->weight + part.weight_end};
  range[1] = (struct mlp_range){layer->bias + begin, layer->bias + part.vector_end};
  range[2] = (struct mlp_range){layer->norm_scale + begin, layer->norm_scale + end};
  range[3] = (struct mlp_range){layer->norm_shift + begin, layer->norm_shift + end};
}
