#include "common/nn/policy.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/normalizer.h"
#include "common/nn/squashed_gaussian.h"
#include "common/nn/tiles.h"
#include <string.h>

void policy_network(struct mlp *mlp, uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden) {
  mlp_init(mlp, obs_dim, hidden->width, hidden->count, 2 * act_dim, false);
}

enum status policy_weights_init(struct policy_weights *weights, uint32_t obs_dim, size_t parameters,
                                struct error *error) {
  *weights = (struct policy_weights){.obs_dim = obs_dim, .parameters = parameters};
  weights->shift = memory_alloc(obs_dim, sizeof *weights->shift, "a policy's normalizer", error);
  weights->scale = memory_alloc(obs_dim, sizeof *weights->scale, "a policy's normalizer", error);
  weights->values = memory_alloc(parameters, sizeof *weights->values, "a policy's weights", error);
  if (!weights->shift || !weights->scale || !weights->values) {
    policy_weights_release(weights);
    return STATUS_MEMORY;
  }
  for (uint32_t i = 0; i < obs_dim; i++) weights->scale[i] = 1;
  return STATUS_OK;
}

void policy_weights_release(struct policy_weights *weights) {
  memory_free(weights->shift);
  memory_free(weights->scale);
  memory_free(weights->values);
  *weights = (struct policy_weights){0};
}

void policy_weights_copy(struct policy_weights *to, const struct policy_weights *from) {
  to->version = from->version;
  to->normalize = from->normalize;
  memcpy(to->shift, from->shift, from->obs_dim * sizeof *to->shift);
  memcpy(to->scale, from->scale, from->obs_dim * sizeof *to->scale);
  memcpy(to->values, from->values, from->parameters * sizeof *to->values);
}

#ifndef CORSAC_REAL_DOUBLE // acting is in float only

enum { LARGEST_BLOCK = 8 };

struct policy {
  struct mlp net;
  struct policy_weights weights;
  size_t act_dim, block;
  const struct tiles *tiles;     // NULL: OpenBLAS
  bool packed;                   // panels hold the weights as they are now
  struct arena arena;            // holds what follows, all for a block of the largest size
  float *obs;                    // (block x obs_dim) normalised
  float *head;                   // (block x 2 act_dim)
  float *cache;                  // of mlp_forward; on tiles two hidden layers' outputs
  float *panels[MLP_MAX_LAYERS]; // on tiles: each layer's weight
};

struct policy_weights *policy_weights(struct policy *policy) {
  policy->packed = false;
  return &policy->weights;
}

uint64_t policy_version(const struct policy *policy) { return policy->weights.version; }

size_t policy_block_rows(const struct policy *policy) { return policy->block; }

// Row `row` of the self-test's observations alone in a block, at `place` and between zeros -> its head (2 act_dim)
static void head_alone(struct policy *policy, const float *obs, size_t place, float *head) {
  size_t in = policy->net.input, out = policy->net.output;
  memset(policy->obs, 0, policy->block * in * sizeof *policy->obs);
  memcpy(policy->obs + place * in, obs, in * sizeof *obs);
  mlp_forward(&policy->net, policy->weights.values, policy->block, policy->obs, policy->cache, policy->head);
  memcpy(head, policy->head + place * out, out * sizeof *head);
}

// Whether the head of a row is the same, bit for bit, alone at each place of a block and at each place among other
// rows. obs (block x obs_dim) the rows, alone (block x 2 act_dim) scratch.
static bool place_makes_no_difference(struct policy *policy, const float *obs, float *alone) {
  size_t block = policy->block, in = policy->net.input, out = policy->net.output;
  bool same = true;
  for (size_t r = 0; r < block; r++) {
    float *moved = alone + block * out;
    head_alone(policy, obs + r * in, 0, alone + r * out);
    for (size_t place = 1; place < block; place++) {
      head_alone(policy, obs + r * in, place, moved);
      same = same && memcmp(moved, alone + r * out, out * sizeof *moved) == 0;
    }
  }
  for (size_t shift = 0; shift < block; shift++) {
    for (size_t p = 0; p < block; p++) {
      memcpy(policy->obs + p * in, obs + (p + shift) % block * in, in * sizeof *obs);
    }
    mlp_forward(&policy->net, policy->weights.values, block, policy->obs, policy->cache, policy->head);
    for (size_t p = 0; p < block; p++) {
      size_t r = (p + shift) % block;
      same = same && memcmp(policy->head + p * out, alone + r * out, out * sizeof *alone) == 0;
    }
  }
  return same;
}

// The largest block of 8, 4 or 1 rows in which place and neighbours make no difference; with 1 there are none.
static enum status choose_block(struct policy *policy, struct error *error) {
  enum { ROUNDS = 3 };
  size_t in = policy->net.input, out = policy->net.output;
  float *obs = memory_alloc(LARGEST_BLOCK * in, sizeof *obs, "the policy's self-test", error);
  float *alone = memory_alloc((LARGEST_BLOCK + 1) * out, sizeof *alone, "the policy's self-test", error);
  enum status status = obs && alone ? STATUS_OK : STATUS_MEMORY;
  struct random random = random_stream(0, RANDOM_INIT, RANDOM_MAX_ENVIRONMENT, 0);
  if (status == STATUS_OK) mlp_init_parameters(&policy->net, policy->weights.values, &random);
  for (policy->block = LARGEST_BLOCK; status == STATUS_OK && policy->block > 1;) {
    bool same = true;
    for (int round = 0; same && round < ROUNDS; round++) {
      for (size_t i = 0; i < policy->block * in; i++) obs[i] = (float)random_normal(&random);
      same = place_makes_no_difference(policy, obs, alone);
    }
    if (same) break;
    policy->block = policy->block == 8 ? 4 : 1;
  }
  memset(policy->weights.values, 0, policy->weights.parameters * sizeof *policy->weights.values);
  memory_free(obs);
  memory_free(alone);
  return status;
}

// --- on tiles ---

static void pack(struct policy *policy) {
  for (uint32_t l = 0; l < policy->net.layers; l++) {
    const struct mlp_layer *layer = &policy->net.layer[l];
    tiles_pack(layer->in, layer->out, policy->weights.values + layer->weight, policy->panels[l]);
  }
  policy->packed = true;
}

// head (rows x 2 act_dim) of the rows in policy->obs
static void forward_on_tiles(struct policy *policy, size_t rows) {
  const struct mlp *net = &policy->net;
  const size_t half = mlp_cache_size(net, LARGEST_BLOCK) / 2;
  const float *x = policy->obs;
  for (uint32_t l = 0; l < net->layers; l++) {
    const struct mlp_layer *layer = &net->layer[l];
    const bool last = l + 1 == net->layers;
    float *y = last ? policy->head : policy->cache + l % 2 * half;
    policy->tiles->forward(rows, layer->in, layer->out, x, layer->in, policy->panels[l],
                           policy->weights.values + layer->bias, y, layer->out, last ? TILES_PLAIN : TILES_RELU, NULL);
    x = y;
  }
}

// --- a policy ---

static size_t arena_size(const struct policy *policy, size_t cache) {
  const struct mlp *net = &policy->net;
  size_t need = arena_need(LARGEST_BLOCK * net->input, sizeof(float)) +
                arena_need(LARGEST_BLOCK * net->output, sizeof(float)) + arena_need(cache, sizeof(float));
  for (uint32_t l = 0; policy->tiles && l < net->layers; l++)
    need += arena_need(tiles_size(net->layer[l].in, net->layer[l].out), sizeof(float));
  return need;
}

static void take_arrays(struct policy *policy, size_t cache) {
  const struct mlp *net = &policy->net;
  policy->obs = arena_alloc(&policy->arena, LARGEST_BLOCK * net->input, sizeof(float));
  policy->head = arena_alloc(&policy->arena, LARGEST_BLOCK * net->output, sizeof(float));
  policy->cache = arena_alloc(&policy->arena, cache, sizeof(float));
  for (uint32_t l = 0; policy->tiles && l < net->layers; l++)
    policy->panels[l] = arena_alloc(&policy->arena, tiles_size(net->layer[l].in, net->layer[l].out), sizeof(float));
}

struct policy *policy_create_on(const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                                const struct config_widths *hidden, struct error *error) {
  struct policy *policy = memory_alloc(1, sizeof *policy, "a policy", error);
  if (!policy) return NULL;
  policy_network(&policy->net, obs_dim, act_dim, hidden);
  policy->act_dim = act_dim;
  policy->tiles = tiles;
  policy->block = LARGEST_BLOCK;
  const size_t cache = mlp_cache_size(&policy->net, LARGEST_BLOCK);
  enum status status = policy_weights_init(&policy->weights, obs_dim, policy->net.parameters, error);
  if (status == STATUS_OK) status = arena_init(&policy->arena, arena_size(policy, cache), "a policy's scratch", error);
  if (status == STATUS_OK) take_arrays(policy, cache);
  if (status == STATUS_OK && !tiles) status = choose_block(policy, error);
  if (status == STATUS_OK) return policy;
  policy_destroy(policy);
  return NULL;
}

struct policy *policy_create(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden,
                             struct error *error) {
  return policy_create_on(tiles_are_fast() ? tiles_best() : NULL, obs_dim, act_dim, hidden, error);
}

void policy_destroy(struct policy *policy) {
  if (!policy) return;
  policy_weights_release(&policy->weights);
  arena_release(&policy->arena);
  memory_free(policy);
}

void policy_act(struct policy *policy, size_t rows, const float *obs, const float *eps, float *action) {
  const struct policy_weights *weights = &policy->weights;
  size_t in = policy->net.input, act_dim = policy->act_dim, block = policy->block;
  if (policy->tiles && !policy->packed) pack(policy);
  for (size_t start = 0; start < rows; start += block) {
    size_t n = rows - start < block ? rows - start : block;
    if (weights->normalize) {
      normalizer_apply(n, in, weights->shift, weights->scale, obs + start * in, policy->obs);
    } else {
      memcpy(policy->obs, obs + start * in, n * in * sizeof *obs);
    }
    if (policy->tiles) {
      forward_on_tiles(policy, n);
    } else {
      memset(policy->obs + n * in, 0, (block - n) * in * sizeof *obs);
      mlp_forward(&policy->net, weights->values, block, policy->obs, policy->cache, policy->head);
    }
    if (eps) {
      squashed_gaussian_sample(n, act_dim, policy->head, eps + start * act_dim, action + start * act_dim, NULL);
    } else {
      squashed_gaussian_mode(n, act_dim, policy->head, action + start * act_dim);
    }
  }
}

#endif
