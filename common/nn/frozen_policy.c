#include "common/nn/frozen_policy.h"
#ifndef CORSAC_REAL_DOUBLE // acting is in float only

#include "common/base/memory.h"
#include "common/nn/action_range.h"
#include "common/nn/normalizer.h"
#include "common/nn/rms_norm.h"
#include "common/nn/tiles.h"

#include <assert.h>
#include <string.h>

enum { LINE = 64 / sizeof(float) }; // arrays start at multiples of a cache line, where panels are read fastest

struct frozen_layer {
  uint32_t in, out;
  bool relu, block_end;
  const float *panels, *bias;
};

struct frozen_policy {
  const struct tiles *tiles;
  uint32_t input, act_dim, layers, widest;
  bool normalize;
  struct history history;
  struct log_std_form form;
  struct frozen_layer layer[MLP_MAX_LAYERS]; // the hidden ones, then both heads as one
  const float *gain;                         // (in of the last layer) of RMS norm; NULL: there is none
  const float *shift, *scale;                // (input)
  const double *low, *high;                  // (act_dim)
  struct arena arena;                        // holds all of these
};

static const void *keep(struct arena *arena, const void *values, size_t count, size_t size) {
  void *kept = arena_alloc(arena, count, size);
  memcpy(kept, values, count * size);
  return kept;
}

// Fills the layers' shapes and returns the bytes that all arrays take.
static size_t plan(struct frozen_policy *policy, const struct mlp *net) {
  size_t bytes = 2 * arena_need(policy->input, sizeof(float)) + 2 * arena_need(policy->act_dim, sizeof(double));
  policy->layers = net->layers;
  policy->widest = policy->input;
  for (uint32_t l = 0; l < policy->layers; l++) {
    const struct mlp_layer *from = &net->layer[l];
    policy->layer[l] =
        (struct frozen_layer){.in = from->in, .out = from->out, .relu = from->relu, .block_end = from->block_end};
    bytes +=
        arena_need(tiles_size(from->in, from->out), sizeof(float)) + arena_need(tiles_padded(from->out), sizeof(float));
    if (from->out > policy->widest) policy->widest = from->out;
  }
  return bytes + (net->rms ? arena_need(net->layer[net->layers - 1].in, sizeof(float)) : 0);
}

static void pack(struct frozen_policy *policy, const struct mlp *net, const float *dense) {
  for (uint32_t l = 0; l < policy->layers; l++) {
    struct frozen_layer *layer = &policy->layer[l];
    const struct mlp_layer *from = &net->layer[l];
    float *panels = arena_alloc(&policy->arena, tiles_size(layer->in, layer->out), sizeof(float));
    float *bias = arena_alloc(&policy->arena, tiles_padded(layer->out), sizeof(float));
    tiles_pack(layer->in, layer->out, dense + from->weight, panels);
    memset(bias, 0, tiles_padded(layer->out) * sizeof *bias);
    if (from->biased) memcpy(bias, dense + from->bias, layer->out * sizeof *bias);
    layer->panels = panels;
    layer->bias = bias;
  }
  if (net->rms) policy->gain = keep(&policy->arena, dense + net->gain, net->layer[net->layers - 1].in, sizeof *dense);
}

struct frozen_policy *frozen_policy_create(const struct mlp *net, const struct policy_weights *weights,
                                           const struct log_std_form *form, const struct history *history,
                                           const double *low, const double *high, struct error *error) {
  assert(!net->tiles && !net->batch && weights->parameters == net->parameters);
  assert(history_width(history) == net->input);
  struct frozen_policy *policy = memory_alloc(1, sizeof *policy, "a policy", error);
  if (!policy) return NULL;
  *policy = (struct frozen_policy){.tiles = tiles_best(),
                                   .input = net->input,
                                   .act_dim = net->output / 2,
                                   .normalize = weights->normalize,
                                   .history = *history,
                                   .form = *form};
  if (arena_init(&policy->arena, plan(policy, net), "a policy", error) != STATUS_OK) {
    memory_free(policy);
    return NULL;
  }
  policy->shift = keep(&policy->arena, weights->shift, policy->input, sizeof(float));
  policy->scale = keep(&policy->arena, weights->scale, policy->input, sizeof(float));
  policy->low = keep(&policy->arena, low, policy->act_dim, sizeof(double));
  policy->high = keep(&policy->arena, high, policy->act_dim, sizeof(double));
  pack(policy, net, weights->values);
  return policy;
}

void frozen_policy_destroy(struct frozen_policy *policy) {
  if (!policy) return;
  arena_release(&policy->arena);
  memory_free(policy);
}

static size_t row_size(const struct frozen_policy *policy) { return (policy->widest + LINE - 1) / LINE * LINE; }

// A layer's input, its output, and the input of the block that it ends.
enum { ROWS = 3 };

size_t frozen_policy_scratch(const struct frozen_policy *policy) { return ROWS * row_size(policy); }

// A row of scratch that holds neither of the two.
static float *other_row(const struct frozen_policy *policy, float *scratch, const float *x, const float *kept) {
  float *row = scratch;
  while (row == x || row == kept) row += row_size(policy);
  return row;
}

// y = epilogue(w x + b)
static void product(const struct frozen_policy *policy, const struct frozen_layer *layer, const float *x, float *y) {
  policy->tiles->forward(&(struct tiles_product){
      .rows = 1,
      .in = layer->in,
      .out = layer->out,
      .x = x,
      .ldx = layer->in,
      .panels = layer->panels,
      .b = layer->bias,
      .y = y,
      .ldy = layer->out,
      .epilogue = layer->relu ? TILES_RELU : TILES_PLAIN,
  });
}

// Returns the head [mean | log_std], which lies in scratch.
static const float *head_of(const struct frozen_policy *policy, const float *x, float *scratch) {
  const float *block = NULL; // the input of the block
  for (uint32_t l = 0; l < policy->layers; l++) {
    const struct frozen_layer *layer = &policy->layer[l];
    if (l + 1 < policy->layers && layer[1].block_end) block = x;
    float *y = other_row(policy, scratch, x, block);
    if (policy->gain && l + 1 == policy->layers) {
      rms_norm_row(layer->in, policy->gain, x, y);
      x = y;
      y = other_row(policy, scratch, x, NULL);
    }
    product(policy, layer, x, y);
    for (uint32_t i = 0; layer->block_end && i < layer->out; i++) y[i] = block[i] + y[i];
    x = y;
  }
  return x;
}

// action (act_dim) in [-1, 1]
static void act(const struct frozen_policy *policy, const float *input, const float *eps, float *action,
                float *scratch) {
  const float *x = input;
  if (policy->normalize) {
    normalizer_apply(1, policy->input, policy->shift, policy->scale, input, scratch);
    x = scratch;
  }
  const float *head = head_of(policy, x, scratch);
  if (eps)
    squashed_gaussian_sample(&policy->form, 1, policy->act_dim, head, eps, action, NULL);
  else
    squashed_gaussian_mode(1, policy->act_dim, head, action);
}

static void scale(const struct frozen_policy *policy, const float *from, float *action) {
  for (uint32_t i = 0; i < policy->act_dim; i++) action[i] = action_scaled(from[i], policy->low[i], policy->high[i]);
}

void frozen_policy_act(const struct frozen_policy *policy, const float *input, const float *eps, float *action,
                       float *scratch) {
  act(policy, input, eps, action, scratch);
  scale(policy, action, action);
}

// --- a state: [begun | last action | input] ---

enum { LAST = 1 };

size_t frozen_policy_state(const struct frozen_policy *policy) { return LAST + policy->act_dim + policy->input; }

void frozen_policy_reset(const struct frozen_policy *policy, float *state) {
  memset(state, 0, frozen_policy_state(policy) * sizeof *state);
}

void frozen_policy_step(const struct frozen_policy *policy, float *state, const float *obs, const float *eps,
                        float *action, float *scratch) {
  float *last = state + LAST, *input = last + policy->act_dim;
  if (state[0] == 0)
    history_reset(&policy->history, input, obs);
  else
    history_push(&policy->history, input, last, obs);
  state[0] = 1;
  act(policy, input, eps, last, scratch);
  scale(policy, last, action);
}

void frozen_policy_applied(const struct frozen_policy *policy, float *state, const float *action) {
  for (uint32_t i = 0; i < policy->act_dim; i++)
    state[LAST + i] = action_unscaled(action[i], policy->low[i], policy->high[i]);
}

#endif
