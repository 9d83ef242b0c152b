#include "common/nn/frozen_policy.h"
#ifndef CORSAC_REAL_DOUBLE // acting is in float only

#include "common/base/memory.h"
#include "common/nn/action_range.h"
#include "common/nn/normalizer.h"
#include "common/nn/tiles.h"

#include <string.h>

enum { LINE = 64 / sizeof(float) }; // arrays start at multiples of a cache line, where panels are read fastest

struct frozen_layer {
  uint32_t in, out;
  const float *panels, *bias;
};

struct frozen_policy {
  const struct tiles *tiles;
  uint32_t obs_dim, act_dim, layers, widest;
  bool normalize;
  struct log_std_form form;
  struct frozen_layer layer[CONFIG_MAX_HIDDEN + 1]; // the hidden ones, then both heads as one
  const float *shift, *scale;                       // (obs_dim)
  const double *low, *high;                         // (act_dim)
  struct arena arena;                               // holds all of these
};

static const void *keep(struct arena *arena, const void *values, size_t count, size_t size) {
  void *kept = arena_alloc(arena, count, size);
  memcpy(kept, values, count * size);
  return kept;
}

// Fills the layers' shapes and returns the bytes that all arrays take.
static size_t plan(struct frozen_policy *policy, const struct config_widths *hidden) {
  size_t bytes = 2 * arena_need(policy->obs_dim, sizeof(float)) + 2 * arena_need(policy->act_dim, sizeof(double));
  uint32_t in = policy->obs_dim;
  policy->layers = hidden->count + 1;
  policy->widest = in;
  for (uint32_t l = 0; l < policy->layers; l++) {
    const uint32_t out = l < hidden->count ? hidden->width[l] : 2 * policy->act_dim;
    policy->layer[l] = (struct frozen_layer){.in = in, .out = out};
    bytes += arena_need(tiles_size(in, out), sizeof(float)) + arena_need(tiles_padded(out), sizeof(float));
    if (out > policy->widest) policy->widest = out;
    in = out;
  }
  return bytes;
}

static void pack(struct frozen_policy *policy, const float *dense) {
  for (uint32_t l = 0; l < policy->layers; l++) {
    struct frozen_layer *layer = &policy->layer[l];
    float *panels = arena_alloc(&policy->arena, tiles_size(layer->in, layer->out), sizeof(float));
    float *bias = arena_alloc(&policy->arena, tiles_padded(layer->out), sizeof(float));
    tiles_pack(layer->in, layer->out, dense, panels);
    dense += (size_t)layer->in * layer->out;
    memset(bias, 0, tiles_padded(layer->out) * sizeof *bias);
    memcpy(bias, dense, layer->out * sizeof *bias);
    dense += layer->out;
    layer->panels = panels;
    layer->bias = bias;
  }
}

struct frozen_policy *frozen_policy_create(uint32_t act_dim, const struct config_widths *hidden,
                                           const struct policy_weights *weights, const struct log_std_form *form,
                                           const double *low, const double *high, struct error *error) {
  struct frozen_policy *policy = memory_alloc(1, sizeof *policy, "a policy", error);
  if (!policy) return NULL;
  *policy = (struct frozen_policy){.tiles = tiles_best(),
                                   .obs_dim = weights->obs_dim,
                                   .act_dim = act_dim,
                                   .normalize = weights->normalize,
                                   .form = form ? *form : log_std_plain};
  if (arena_init(&policy->arena, plan(policy, hidden), "a policy", error) != STATUS_OK) {
    memory_free(policy);
    return NULL;
  }
  policy->shift = keep(&policy->arena, weights->shift, policy->obs_dim, sizeof(float));
  policy->scale = keep(&policy->arena, weights->scale, policy->obs_dim, sizeof(float));
  policy->low = keep(&policy->arena, low, act_dim, sizeof(double));
  policy->high = keep(&policy->arena, high, act_dim, sizeof(double));
  pack(policy, weights->values);
  return policy;
}

void frozen_policy_destroy(struct frozen_policy *policy) {
  if (!policy) return;
  arena_release(&policy->arena);
  memory_free(policy);
}

static size_t row_size(const struct frozen_policy *policy) { return (policy->widest + LINE - 1) / LINE * LINE; }

size_t frozen_policy_scratch(const struct frozen_policy *policy) { return 2 * row_size(policy); }

void frozen_policy_act(const struct frozen_policy *policy, const float *obs, const float *eps, float *action,
                       float *scratch) {
  float *row[2] = {scratch, scratch + row_size(policy)};
  const float *x = obs;
  if (policy->normalize) {
    normalizer_apply(1, policy->obs_dim, policy->shift, policy->scale, obs, row[1]);
    x = row[1];
  }
  for (uint32_t l = 0; l < policy->layers; l++) {
    const struct frozen_layer *layer = &policy->layer[l];
    policy->tiles->forward(&(struct tiles_product){
        .rows = 1,
        .in = layer->in,
        .out = layer->out,
        .x = x,
        .ldx = layer->in,
        .panels = layer->panels,
        .b = layer->bias,
        .y = row[l % 2],
        .ldy = layer->out,
        .epilogue = l + 1 < policy->layers ? TILES_RELU : TILES_PLAIN,
    });
    x = row[l % 2];
  }
  if (eps)
    squashed_gaussian_sample(&policy->form, 1, policy->act_dim, x, eps, action, NULL);
  else
    squashed_gaussian_mode(1, policy->act_dim, x, action);
  for (uint32_t i = 0; i < policy->act_dim; i++) action[i] = action_scaled(action[i], policy->low[i], policy->high[i]);
}

#endif
