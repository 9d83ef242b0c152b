// Forward and backward of networks without batch norm: each row by itself.
#include "common/nn/layer_norm.h"
#include "common/nn/mlp.h"
#include "common/nn/mlp_pass.h"
#include <assert.h>

void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, size_t ldx,
                 const struct mlp_cache *cache, real *y) {
  assert(!mlp->batch);
  if (mlp->residual || mlp->rms) {
    const struct mlp_pass pass = {.rows = rows, .head_rows = rows, .x = x, .ldx = ldx, .cache = cache, .y = y};
    mlp_pass_forward(mlp, parameters, NULL, &pass, &mlp_alone);
    return;
  }
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
        cache->inverse[l][r] = layer_norm_row(out, parameters + layer->norm_scale, parameters + layer->norm_shift,
                                              cache->normal[l] + r * out, h + r * out);
      }
      layer_norm_relu(rows * out, h);
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
  assert(!mlp->batch);
  if (mlp->residual || mlp->rms) {
    const struct mlp_pass pass = {.rows = rows, .head_rows = rows, .cache = cache, .dy = dy, .dx = dx};
    mlp_pass_backward(mlp, weights, &pass, NULL, &mlp_alone);
    return;
  }
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
      layer_norm_row_backward(width, parameters + before->norm_scale, cache->normal[l - 1] + r * width,
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
