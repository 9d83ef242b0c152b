#include "common/nn/mlp.h"
#include "common/nn/linalg.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const real NORM_EPSILON = (real)1e-5;

void mlp_init(struct mlp *mlp, uint32_t input, const uint32_t *hidden, uint32_t hidden_count, uint32_t output,
              bool layer_norm) {
  assert(input > 0 && output > 0 && hidden_count < MLP_MAX_LAYERS);
  *mlp = (struct mlp){.input = input, .output = output, .layers = hidden_count + 1};
  uint32_t in = input;
  for (uint32_t i = 0; i < mlp->layers; i++) {
    bool is_hidden = i < hidden_count;
    uint32_t out = is_hidden ? hidden[i] : output;
    assert(out > 0);
    struct mlp_layer *layer = &mlp->layer[i];
    *layer = (struct mlp_layer){.in = in, .out = out, .norm = layer_norm && is_hidden, .weight = mlp->parameters};
    layer->bias = layer->weight + (size_t)in * out;
    layer->norm_scale = layer->bias + out;
    layer->norm_shift = layer->norm_scale + (layer->norm ? out : 0);
    mlp->parameters = layer->norm_shift + (layer->norm ? out : 0);
    in = out;
  }
}

void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random) {
  for (uint32_t i = 0; i < mlp->layers; i++) {
    const struct mlp_layer *layer = &mlp->layer[i];
    double bound = 1 / sqrt(layer->in);
    for (size_t p = layer->weight; p < layer->norm_scale; p++) {
      parameters[p] = (real)(bound * (2 * random_uniform(random) - 1));
    }
    if (!layer->norm) continue;
    for (uint32_t o = 0; o < layer->out; o++) {
      parameters[layer->norm_scale + o] = 1;
      parameters[layer->norm_shift + o] = 0;
    }
  }
}

// The cache: for each hidden layer its output after ReLU (rows x out) and, where it normalises, the normalised product
// before scale and shift (rows x out) and 1/sqrt(variance + eps) (rows); after all of them the backward's scratch (rows
// x the widest hidden layer).
static size_t layer_cache_width(const struct mlp_layer *layer) {
  return layer->norm ? 2 * (size_t)layer->out + 1 : layer->out;
}

static size_t hidden_cache_width(const struct mlp *mlp) {
  size_t width = 0;
  for (uint32_t i = 0; i + 1 < mlp->layers; i++) width += layer_cache_width(&mlp->layer[i]);
  return width;
}

size_t mlp_cache_size(const struct mlp *mlp, size_t rows) {
  size_t widest = 0;
  for (uint32_t i = 0; i + 1 < mlp->layers; i++) {
    if (mlp->layer[i].out > widest) widest = mlp->layer[i].out;
  }
  return rows * (hidden_cache_width(mlp) + widest);
}

// Comparisons are such that NaN passes.
VECTORIZE static void relu(size_t count, real *x) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] <= 0 ? 0 : x[i];
}

// y = relu(x), dy -> dx, which takes the place of y.
VECTORIZE static void relu_backward(size_t count, const real *restrict dy, real *restrict y) {
  for (size_t i = 0; i < count; i++) y[i] = y[i] <= 0 ? 0 : dy[i];
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

// dy (width) -> dz, in its place:   n = normal, d = dy scale,   dz = inverse (d - mean(d) - n mean(d n))
// scale_gradient += dy n, shift_gradient += dy, unless NULL.
VECTORIZE static void norm_row_backward(size_t width, const real *scale, const real *normal, real inverse,
                                        real *restrict dy, real *restrict scale_gradient,
                                        real *restrict shift_gradient) {
  if (scale_gradient) {
    for (size_t i = 0; i < width; i++) {
      scale_gradient[i] += dy[i] * normal[i];
      shift_gradient[i] += dy[i];
    }
  }
  for (size_t i = 0; i < width; i++) dy[i] *= scale[i];
  real mean = sum(width, dy) / (real)width, along = dot(width, dy, normal) / (real)width;
  for (size_t i = 0; i < width; i++) dy[i] = inverse * (dy[i] - mean - normal[i] * along);
}

void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, real *cache, real *y) {
  for (uint32_t i = 0; i < mlp->layers; i++) {
    const struct mlp_layer *layer = &mlp->layer[i];
    bool is_hidden = i + 1 < mlp->layers;
    size_t out = layer->out;
    real *h = is_hidden ? cache : y; // (rows x out)
    const real *weight = parameters + layer->weight, *bias = parameters + layer->bias;
    if (is_hidden && !layer->norm) {
      linalg_forward_relu(rows, layer->in, out, x, weight, bias, h);
    } else {
      linalg_forward(rows, layer->in, out, x, weight, bias, h);
    }
    if (!is_hidden) return;
    if (layer->norm) {
      real *normal = h + rows * out, *inverse = normal + rows * out; // (rows x out), (rows)
      for (size_t r = 0; r < rows; r++) {
        inverse[r] = norm_row(out, parameters + layer->norm_scale, parameters + layer->norm_shift, normal + r * out,
                              h + r * out);
      }
      relu(rows * out, h);
    }
    cache += rows * layer_cache_width(layer);
    x = h;
  }
}

// dh (rows x out), the gradient of a hidden layer's output -> the gradient of its product, in the place of h.
static void activation_backward(const struct mlp_layer *layer, const real *parameters, size_t rows, const real *dh,
                                real *h, real *gradient) {
  size_t out = layer->out;
  relu_backward(rows * out, dh, h);
  if (!layer->norm) return;
  const real *normal = h + rows * out, *inverse = normal + rows * out;
  for (size_t r = 0; r < rows; r++) {
    norm_row_backward(out, parameters + layer->norm_scale, normal + r * out, inverse[r], h + r * out,
                      gradient ? gradient + layer->norm_scale : NULL, gradient ? gradient + layer->norm_shift : NULL);
  }
}

void mlp_backward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, real *cache,
                  const real *dy, real *gradient, real *dx) {
  mlp_backward_columns(mlp, parameters, rows, x, cache, dy, gradient, 0, mlp->input, dx);
}

void mlp_backward_columns(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, real *cache,
                          const real *dy, real *gradient, size_t first, size_t count, real *dx) {
  real *end = cache + rows * hidden_cache_width(mlp); // behind the part of the layer before
  real *scratch = end;                                // (rows x widest) gradient of a hidden layer's output
  const real *dz = dy;                                // gradient of the product of layer i
  for (uint32_t i = mlp->layers; i-- > 0;) {
    const struct mlp_layer *layer = &mlp->layer[i];
    const struct mlp_layer *before = i > 0 ? layer - 1 : NULL;
    real *h = before ? end - rows * layer_cache_width(before) : NULL; // the layer's input, if hidden
    if (gradient) {
      linalg_weight_gradient(rows, layer->in, layer->out, dz, before ? h : x, gradient + layer->weight,
                             gradient + layer->bias);
    }
    if (!before) {
      const real *weight = parameters + layer->weight;
      if (dx) linalg_input_gradient_columns(rows, layer->in, layer->out, first, count, dz, weight, dx);
      return;
    }
    linalg_input_gradient(rows, layer->in, layer->out, dz, parameters + layer->weight, scratch);
    activation_backward(before, parameters, rows, scratch, h, gradient);
    dz = end = h;
  }
}

// Every number moves towards the front or stays, in the order in which they stand, so none is overwritten before it has
// moved.
void mlp_cache_keep(const struct mlp *mlp, real *cache, size_t rows, const uint32_t *index, size_t count) {
  const real *from = cache;
  real *to = cache;
  for (uint32_t i = 0; i + 1 < mlp->layers; i++) {
    const struct mlp_layer *layer = &mlp->layer[i];
    const size_t width[3] = {layer->out, layer->out, 1}; // output, normalised product, 1/sqrt(variance + eps)
    for (int part = 0; part < (layer->norm ? 3 : 1); part++) {
      for (size_t k = 0; k < count; k++, to += width[part]) {
        assert(index[k] < rows);
        memmove(to, from + index[k] * width[part], width[part] * sizeof *to);
      }
      from += rows * width[part];
    }
  }
}
