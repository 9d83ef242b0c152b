// The shape of a network: where each array lies among the parameters. It needs no backend, so libcorsac_policy has it.
#include "common/nn/mlp.h"
#include "common/nn/mlp_fold.h"
#include <assert.h>

// Batch norms go through an array by columns. Where its rows lie a multiple of 1024 bytes apart, a part of the columns
// would have room in a part of the caches only.
static size_t row_distance(const struct mlp *mlp, size_t out) {
  enum { CROWDED = 1024 / sizeof(real), LINE = 64 / sizeof(real) };
  return mlp->batch && out % CROWDED == 0 ? out + LINE : out;
}

// Where a layer has no bias, a backend has room for one all the same, which is 0 and stays 0: its products add it.
static void add_layer(struct mlp *mlp, const struct mlp_layer *layer, bool dense) {
  const uint32_t l = mlp->layers++;
  assert(layer->in > 0 && layer->out > 0 && l < MLP_MAX_LAYERS);
  mlp->layer[l] = *layer;
  const struct linalg_shape shape = mlp_shape(mlp, l);
  const size_t vector = linalg_vector_size(&shape), normed = layer->norm ? vector : 0;
  struct mlp_layer *added = &mlp->layer[l];
  added->ld = row_distance(mlp, layer->out);
  added->weight = mlp->parameters;
  added->bias = added->weight + linalg_weight_size(&shape);
  added->norm_scale = added->bias + (layer->biased || !dense ? vector : 0);
  added->norm_shift = added->norm_scale + normed;
  mlp->parameters = added->norm_shift + normed;
  if (layer->norm != MLP_NORM_BATCH) return;
  added->mean = mlp->statistics;
  added->variance = added->mean + layer->out;
  mlp->statistics = added->variance + layer->out;
}

static void add_input_norm(struct mlp *mlp) {
  mlp->input_shift = linalg_vector_size(&(struct linalg_shape){mlp->tiles, 1, mlp->input});
  mlp->parameters = 2 * mlp->input_shift;
  mlp->input_variance = mlp->input;
  mlp->statistics = 2 * (size_t)mlp->input;
}

static void init(struct mlp *mlp, const struct mlp_spec *spec, bool dense) {
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
      if (i == 0) add_layer(mlp, &embedding, dense);
      layer.in = width, layer.out = wide;
      add_layer(mlp, &layer, dense);
      layer.in = wide, layer.out = width, layer.block_end = true;
    }
    add_layer(mlp, &layer, dense);
    in = width;
  }
  mlp->gain = mlp->parameters;
  if (spec->rms) mlp->parameters += linalg_vector_size(&(struct linalg_shape){mlp->tiles, 1, in});
  add_layer(mlp, &(struct mlp_layer){.in = in, .out = spec->output, .biased = true}, dense);
}

void mlp_init_spec(struct mlp *mlp, const struct mlp_spec *spec) { init(mlp, spec, false); }

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

struct mlp mlp_dense(const struct mlp *mlp) {
  struct mlp dense;
  struct mlp_spec spec = mlp_spec_of(mlp);
  spec.tiles = NULL;
  init(&dense, &spec, true);
  return dense;
}

size_t mlp_dense_size(const struct mlp *mlp) { return mlp_dense(mlp).parameters; }

struct mlp mlp_folded(const struct mlp *mlp) {
  struct mlp folded;
  if (!mlp->batch) return *mlp;
  struct mlp_spec spec = mlp_spec_of(mlp);
  spec.norm = MLP_NORM_NONE;
  spec.bias = true;
  mlp_init_spec(&folded, &spec);
  return folded;
}
