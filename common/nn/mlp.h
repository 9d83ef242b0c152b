// A multilayer perceptron: hidden layers (Linear -> optional LayerNorm -> ReLU) and a Linear output, any number and
// width. A network is a shape; its parameters are one flat array that others own, so that an optimizer, a target
// average, a message and a file see plain arrays.
#ifndef CORSAC_COMMON_NN_MLP_H
#define CORSAC_COMMON_NN_MLP_H

#include "common/base/random.h"
#include "common/nn/real.h"
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
  uint32_t input, output, layers; // layers: the hidden ones and the output
  struct mlp_layer layer[MLP_MAX_LAYERS];
  size_t parameters; // reals in the flat array
};

// hidden_count < MLP_MAX_LAYERS, every width > 0.
void mlp_init(struct mlp *mlp, uint32_t input, const uint32_t *hidden, uint32_t hidden_count, uint32_t output,
              bool layer_norm);
// PyTorch Linear's default: weight and bias uniform in +-1/sqrt(fan_in); norm scale 1, shift 0. Draws in layer order,
// weight then bias.
void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random);

// Reals of a cache for `rows` rows: what the forward leaves for the backward, and the backward's scratch.
size_t mlp_cache_size(const struct mlp *mlp, size_t rows);
// y = mlp(x): x (rows x input), y (rows x output). Fills the cache.
void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, real *cache, real *y);
// Given dy = dL/dy (rows x output) and the cache of the same forward:
//   gradient (parameters) += dL/dparameters, unless NULL;   dx (rows x input) = dL/dx, unless NULL.
// Uses up the cache.
void mlp_backward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, real *cache,
                  const real *dy, real *gradient, real *dx);
// The same, but of dx only its columns [first, first + count):   dx (rows x count)
void mlp_backward_columns(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, real *cache,
                          const real *dy, real *gradient, size_t first, size_t count, real *dx);
// Packs a forward's cache of `rows` rows, in place, into the cache of a forward of rows index[0] < index[1] < ...
// (count of them) alone: the backward then goes through these rows only, with x, dy and dx packed alike. (x may be NULL
// in a backward without gradient.)
void mlp_cache_keep(const struct mlp *mlp, real *cache, size_t rows, const uint32_t *index, size_t count);
#endif
