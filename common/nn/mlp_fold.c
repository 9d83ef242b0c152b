#include "common/nn/mlp_fold.h"
#include "common/nn/batch_norm.h"
#include "common/nn/mlp_pass.h"
#include <assert.h>
#include <string.h>

static size_t widest(const struct mlp *mlp) {
  size_t most = mlp->input;
  for (uint32_t l = 0; l < mlp->layers; l++) most = mlp->layer[l].out > most ? mlp->layer[l].out : most;
  return most;
}

size_t mlp_fold_scratch(const struct mlp *mlp) { return mlp->batch ? 2 * (size_t)mlp->input + 2 * widest(mlp) : 0; }

// Where a batch norm lies: offsets into the parameters and into the running statistics.
struct place {
  size_t width, scale, shift, mean, variance;
};

static void fold_norm(const struct mlp *mlp, const struct place *at, const real *parameters, const real *statistics,
                      real *factor, real *offset) {
  const struct batch_norm norm = {.kind = mlp_batch_norm_kind(mlp),
                                  .width = at->width,
                                  .scale = parameters + at->scale,
                                  .shift = parameters + at->shift};
  batch_norm_fold(&norm, statistics + at->mean, statistics + at->variance, factor, offset);
}

void mlp_fold(const struct mlp *mlp, const real *parameters, const real *statistics, real *scratch, real *folded) {
  const struct mlp to = mlp_folded(mlp);
  if (!mlp->batch) {
    memcpy(folded, parameters, mlp->parameters * sizeof *folded);
    return;
  }
  real *in_factor = scratch, *in_offset = in_factor + mlp->input;
  real *factor = in_offset + mlp->input, *offset = factor + widest(mlp);
  const struct place input = {mlp->input, mlp->input_scale, mlp->input_shift, mlp->input_mean, mlp->input_variance};
  fold_norm(mlp, &input, parameters, statistics, in_factor, in_offset);
  if (mlp->rms) memcpy(folded + to.gain, parameters + mlp->gain, mlp->layer[mlp->layers - 1].in * sizeof *folded);
  for (uint32_t l = 0; l < mlp->layers; l++) {
    const struct mlp_layer *layer = &mlp->layer[l];
    const bool normed = layer->norm == MLP_NORM_BATCH;
    const struct place own = {layer->out, layer->norm_scale, layer->norm_shift, layer->mean, layer->variance};
    if (normed) fold_norm(mlp, &own, parameters, statistics, factor, offset);
    for (size_t o = 0; !normed && o < layer->out; o++) {
      factor[o] = 1;
      offset[o] = layer->biased ? parameters[layer->bias + o] : 0;
    }
    const struct linalg_shape shape = mlp_shape(mlp, l);
    real *weight = folded + to.layer[l].weight, *bias = folded + to.layer[l].bias;
    linalg_scale(&shape, parameters + layer->weight, factor, l == 0 ? in_factor : NULL, weight);
    memcpy(bias, offset, layer->out * sizeof *bias);
    if (l > 0) continue;
    // b' = o + f W o_in
    for (size_t o = 0; o < layer->out; o++) {
      double sum = 0;
      for (size_t i = 0; i < layer->in; i++)
        sum += (double)parameters[layer->weight + linalg_weight_index(&shape, o, i)] * (double)in_offset[i];
      bias[o] = (real)((double)offset[o] + (double)factor[o] * sum);
    }
  }
}
