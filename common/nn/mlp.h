// A multilayer perceptron: hidden layers (Linear -> optional norm -> ReLU) and a Linear output, of any number and
// width; or residual blocks in their place (Nauman et al. 2024; Lee et al. 2025, as FlashSAC has them). A network is a
// shape. Its parameters are one flat array that others own, so an optimizer, a target average and a copy see plain
// arrays. The backend decides how a weight lies in that array (linalg.h). Messages and files have the dense order, as
// PyTorch does: mlp_export and mlp_import convert.
#ifndef CORSAC_COMMON_NN_MLP_H
#define CORSAC_COMMON_NN_MLP_H

#include "common/base/random.h"
#include "common/nn/linalg.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MLP_MAX_HIDDEN = 8, MLP_MAX_LAYERS = 2 * MLP_MAX_HIDDEN + 2 }; // an embedding, two layers a block, the output

enum mlp_norm {
  MLP_NORM_NONE,
  MLP_NORM_LAYER, // LayerNorm, eps 1e-5
  MLP_NORM_BATCH  // batch_norm.h, of the input and of every hidden layer but an embedding
};

// What a network is made of.
struct mlp_spec {
  const struct tiles *tiles; // NULL: OpenBLAS
  uint32_t input, output;
  const uint32_t *hidden; // widths > 0; residual: each is a block, all equal
  uint32_t hidden_count;  // at most MLP_MAX_HIDDEN
  enum mlp_norm norm;     // after the product, before ReLU. Layers with a batch norm have no bias.
  // Residual: x = W_e input; each block x <- x + relu(norm(W_2 relu(norm(W_1 x)))), W_1 expansion times as wide; no
  // bias.
  bool residual;
  uint32_t expansion;
  bool rms;  // RMS norm (a gain, eps 1e-8) of what the output layer reads
  bool bias; // hidden layers have one also where the lines above say that they have none: a folded network (mlp_fold.h)
};

struct mlp_layer {
  uint32_t in, out;
  enum mlp_norm norm;
  bool biased, relu;
  bool block_end; // adds the input of its block, the output of the layer two before, to its own output
  size_t ld;      // of the layer's arrays (rows x out) in a cache: the reals from row to row, `out` without batch norms
  size_t weight, bias, norm_scale, norm_shift; // offsets into the parameters: (out x in), (out), (out), (out)
  size_t mean, variance;                       // offsets into the running statistics: (out), (out)
};

struct mlp {
  const struct tiles *tiles;      // NULL: OpenBLAS
  uint32_t input, output, layers; // layers: the hidden ones and the output
  struct mlp_layer layer[MLP_MAX_LAYERS];
  bool residual, rms, batch;       // batch: it has batch norms, and mlp_pass.h trains it
  size_t input_scale, input_shift; // (input) offsets of the input's batch norm
  size_t input_mean, input_variance;
  size_t gain;       // (in of the output layer) offset of RMS norm's
  size_t parameters; // reals in the flat array, with the backend's padding, which is 0 and stays 0
  size_t statistics; // reals of running statistics
  uint32_t hidden[MLP_MAX_HIDDEN], hidden_count, expansion; // as in the spec
  bool folded;                                              // the spec's `bias`
};

void mlp_init_spec(struct mlp *mlp, const struct mlp_spec *spec);

// The network without residual blocks, batch norm and RMS norm. hidden_count <= MLP_MAX_HIDDEN, every width > 0.
void mlp_init(struct mlp *mlp, const struct tiles *tiles, uint32_t input, const uint32_t *hidden, uint32_t hidden_count,
              uint32_t output, bool layer_norm);

// The spec of a network, with another backend or without batch norms (folded).
struct mlp_spec mlp_spec_of(const struct mlp *mlp);

// PyTorch Linear's default: weight and bias uniform in +-1/sqrt(fan_in); norm scale 1, shift 0. Draws in layer order,
// weight (row after row), then bias. The numbers are the same on each backend.
void mlp_init_parameters(const struct mlp *mlp, real *parameters, struct random *random);

// Running statistics of a new network: means 0, variances 1.
void mlp_init_statistics(const struct mlp *mlp, real *statistics);

// The weight of a layer, for linalg.h.
static inline struct linalg_shape mlp_shape(const struct mlp *mlp, uint32_t layer) {
  return (struct linalg_shape){mlp->tiles, mlp->layer[layer].in, mlp->layer[layer].out};
}

// --- the dense order ---

// The same network in the dense order: for each layer its weight (out x in), bias (if it has one), norm scale, norm
// shift; no padding. It says where each array is; mlp_forward takes a network of mlp_init_spec.
struct mlp mlp_dense(const struct mlp *mlp);

// The reals that its parameters take there.
size_t mlp_dense_size(const struct mlp *mlp);

void mlp_export(const struct mlp *mlp, const real *parameters, real *dense);
void mlp_import(const struct mlp *mlp, const real *dense, real *parameters);

// --- the cache: what a forward leaves for the backward, and a backward for the gradient of the parameters ---

// Of each hidden layer. Its arrays (rows x out) have a row every layer.ld reals.
struct mlp_cache {
  real *h[MLP_MAX_LAYERS - 1];  // (rows x out) its output, after ReLU
  real *dz[MLP_MAX_LAYERS - 1]; // (rows x out) gradient of its product
  // Only of a layer with norm:
  real *normal[MLP_MAX_LAYERS - 1];  // (rows x out) the product, normalised
  real *inverse[MLP_MAX_LAYERS - 1]; // (rows) 1/sqrt(variance + eps)
  real *dn[MLP_MAX_LAYERS - 1];      // (rows x out) gradient of scale normal + shift
  // Only of networks that mlp_pass.h trains. normal is then the product itself, inverse and mean are (out).
  real *r[MLP_MAX_LAYERS - 1]; // (rows x out) of a block's end: the output before the block's input is added
  real *dh[MLP_MAX_LAYERS -
           1]; // (rows x out) gradient of the output. Batch norm: the same array as dz, except at a block's end
  real *mean[MLP_MAX_LAYERS - 1];
  real *input, *d_input, *input_mean,
      *input_inverse;                 // with a batch norm: (rows x input) its output, its gradient; (input)
  real *last, *d_last, *last_inverse; // with RMS norm: (rows x in) its output, its gradient; (rows)
};

// The reals that a cache of `rows` rows takes.
size_t mlp_cache_size(const struct mlp *mlp, size_t rows);

struct mlp_cache mlp_cache_in(const struct mlp *mlp, size_t rows, real *memory);

// The same cache from row `first` on. Threads share one cache, each with rows of its own.
struct mlp_cache mlp_cache_from(const struct mlp *mlp, const struct mlp_cache *cache, size_t first);

// Keeps the rows index[0] < index[1] < ... (count of them) of a forward's cache, packed as if the forward had had these
// rows only.
void mlp_cache_keep(const struct mlp *mlp, const struct mlp_cache *cache, const uint32_t *index, size_t count);

// What layer l multiplies its weight with in a forward of x that has left this cache.
struct linalg_rows mlp_layer_input(const struct mlp *mlp, uint32_t l, const struct linalg_rows *x,
                                   const struct mlp_cache *cache);

// --- forward and backward of networks without batch norm ---

// y = mlp(x): x (rows x input, a row every ldx), y (rows x output). Fills the cache's h, normal, inverse.
void mlp_forward(const struct mlp *mlp, const real *parameters, size_t rows, const real *x, size_t ldx,
                 const struct mlp_cache *cache, real *y);

// What a backward reads: the parameters, and the backend's transposed weights (OpenBLAS has none).
struct mlp_weights {
  const real *parameters; // (mlp.parameters)
  const real *transposed; // by mlp_transpose, anew whenever the parameters have changed
  size_t first;           // the first column of x whose gradient may be wanted; input: none
};

size_t mlp_transposed_size(const struct mlp *mlp, size_t first);
void mlp_transpose(const struct mlp *mlp, const real *parameters, size_t first, real *transposed);

// Given dy = dL/dy (rows x output) and the cache of a forward, fills its dz and dn, and
//   dx (rows x (input - first)) = dL/dx of the columns from `first` on, unless it is NULL.
void mlp_backward(const struct mlp *mlp, const struct mlp_weights *weights, size_t rows, const struct mlp_cache *cache,
                  const real *dy, real *dx);

// --- the gradient of the parameters ---

// It is divided into parts that different threads may compute: so many for a team of `members`.
size_t mlp_parts(const struct mlp *mlp, size_t members);

struct mlp_part {
  size_t number, members; // part `number` of mlp_parts(mlp, members)
  size_t head_rows;       // the first rows, whose output has a gradient: that of the others is 0
};

// The parameters of a part, as ranges of the flat array. Some may be empty.
enum { MLP_PART_RANGES = 4 };
struct mlp_ranges {
  struct {
    size_t begin, end;
  } range[MLP_PART_RANGES];
};

// After a backward of all rows: computes gradient = dL/dparameters of one part and returns its ranges. x is the
// forward's. soon: NULL, or LINALG_SOON arrays laid out as the parameters (or NULL each) whose part will be read next.
struct mlp_ranges mlp_gradient_part(const struct mlp *mlp, struct mlp_part part, const struct linalg_rows *x,
                                    const struct mlp_cache *cache, const real *dy, real *gradient,
                                    const real *const soon[LINALG_SOON]);
#endif
