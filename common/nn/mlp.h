// A multilayer perceptron: hidden layers (Linear -> optional LayerNorm -> ReLU) and a Linear output, any number and
// width. A network is a shape; its parameters are one flat array that others own, so that an optimizer, a target
// average and a copy see plain arrays. How a weight stands in that array is the backend's (linalg.h); messages and
// files have it dense, as PyTorch does: mlp_export, mlp_import.
#ifndef CORSAC_COMMON_NN_MLP_H
#define CORSAC_COMMON_NN_MLP_H

#include "common/base/random.h"
#include "common/nn/linalg.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MLP_MAX_LAYERS = 9 }; // up to 8 hidden ones and the output

struct mlp_layer {
  uint32_t in, out;
  bool norm;                                   // LayerNorm (eps 1e-5) after the product, before ReLU
  size_t weight, bias, norm_scale, norm_shift; // offsets into the parameters: (out x in), (out), (out), (out)
};

struct mlp {
  const struct tiles *tiles;      // NULL: OpenBLAS
  uint32_t input, output, layers; // layers: the hidden ones and the output
  struct mlp_layer layer[MLP_MAX_LAYERS];
  size_t parameters; // reals in the flat array, with the backend's padding, which is 0 and stays 0
};

// hidden_count < MLP_MAX_LAYERS, every width > 0.
void mlp_init(struct mlp *mlp, const struct tiles *tiles, uint32_t input, const uint32_t *hidden, uint32_t hidden_count,
              uint32_t output, bool layer_norm);
// PyTorch Linear's default: weight and bias uniform in +-1/sqrt(fan_in); norm scale 1, shift 0. Draws in layer order,
// weight (row after row), then bias; the same numbers on each backend.
void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random);

// The same shape with the dense layout: layer after layer weight (out x in), bias, norm scale, norm shift; no padding.
struct mlp mlp_dense(const struct mlp *mlp);
size_t mlp_dense_size(const struct mlp *mlp); // reals of it
void mlp_export(const struct mlp *mlp, const real *parameters, real *dense);
void mlp_import(const struct mlp *mlp, const real *dense, real *parameters);

// What a forward leaves for the backward, and the backward for the parameters' gradient, of each hidden layer.
struct mlp_cache {
  real *h[MLP_MAX_LAYERS - 1];       // (rows x out) its output, after ReLU
  real *dz[MLP_MAX_LAYERS - 1];      // (rows x out) gradient of its product
  real *normal[MLP_MAX_LAYERS - 1];  // where it normalises: (rows x out) the product, normalised
  real *inverse[MLP_MAX_LAYERS - 1]; // (rows) 1/sqrt(variance + eps)
  real *dn[MLP_MAX_LAYERS - 1];      // (rows x out) gradient of scale normal + shift
};
size_t mlp_cache_size(const struct mlp *mlp, size_t rows); // reals that a cache of `rows` rows takes
struct mlp_cache mlp_cache_in(const struct mlp *mlp, size_t rows, real *memory);
// The same cache from row `first` on: threads fill one cache, each its rows.
struct mlp_cache mlp_cache_from(const struct mlp *mlp, const struct mlp_cache *cache, size_t first);
// Packs a forward's cache into that of a forward of the rows index[0] < index[1] < ... (count of them) alone.
void mlp_cache_keep(const struct mlp *mlp, const struct mlp_cache *cache, const uint32_t *index, size_t count);

// y = mlp(x): x (rows x input, a row every ldx), y (rows x output). Fills the cache's h, normal, inverse.
void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, size_t ldx,
                 const struct mlp_cache *cache, real *y);

// What a backward reads beside the parameters, to be made anew whenever they have changed: the backend's transposed
// weights (OpenBLAS: none). `first`: columns of x before it have no gradient; input: none has.
size_t mlp_transposed_size(const struct mlp *mlp, size_t first);
void mlp_transpose(const struct mlp *mlp, const real *parameters, size_t first, real *transposed);
// Given dy = dL/dy (rows x output) and the cache of a forward: fills its dz and dn, and
//   dx (rows x (input - first)) = dL/dx of the columns from `first` on.
void mlp_backward(const struct mlp *mlp, const real *parameters, const real *transposed, size_t rows,
                  const struct mlp_cache *cache, const real *dy, size_t first, real *dx);

// The gradient of the parameters falls into parts that different threads may compute: for a team of `members` so many.
size_t mlp_parts(const struct mlp *mlp, size_t members);
struct mlp_range {
  size_t begin, end; // of the flat array
};
enum { MLP_PART_RANGES = 4 };
// After a backward of all rows: gradient = dL/dparameters, of the part, which is these ranges (some may be empty).
// soon: arrays laid out as the parameters (or NULL) whose part will be read next.
void mlp_gradient_part(const struct mlp *mlp, size_t members, size_t number, size_t rows, const real *x, size_t ldx,
                       const struct mlp_cache *cache, const real *dy, real *gradient,
                       struct mlp_range range[MLP_PART_RANGES], const real *const soon[LINALG_SOON]);
#endif
