#include "common/nn/policy.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/backend.h"
#include "common/nn/mlp_fold.h"
#include "common/nn/networks.h"
#include "common/nn/normalizer.h"

#include <assert.h>
#include <string.h>

void policy_network(struct mlp *mlp, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                    const struct config *config) {
  struct mlp trained;
  const struct mlp_spec spec = policy_spec(config, tiles, obs_dim, act_dim);
  mlp_init_spec(&trained, &spec);
  *mlp = mlp_folded(&trained);
}

#ifndef CORSAC_REAL_DOUBLE // acting is in float only

enum { LARGEST_BLOCK = 8 };

struct policy {
  struct mlp net;
  struct policy_weights weights;
  struct log_std_form form;
  size_t act_dim, block;
  bool imported;          // parameters hold the current weights
  bool taken;             // policy_take set them: weights.values are older
  struct arena arena;     // holds the arrays below, each for a block of the largest size
  float *obs;             // (block x obs_dim) normalised
  float *head;            // (block x 2 act_dim)
  float *parameters;      // the weights as the backend has them
  struct mlp_cache cache; // of mlp_forward
};

struct policy_weights *policy_weights(struct policy *policy) {
  if (policy->taken) mlp_export(&policy->net, policy->parameters, policy->weights.values);
  policy->taken = policy->imported = false;
  return &policy->weights;
}

size_t policy_parameters(const struct policy *policy) { return policy->net.parameters; }

void policy_take(struct policy *policy, const struct policy_view *view) {
  struct policy_weights *weights = &policy->weights;
  assert(view->obs_dim == weights->obs_dim && view->parameters == policy->net.parameters);
  weights->version = view->version;
  weights->normalize = view->normalize;
  memcpy(weights->shift, view->shift, view->obs_dim * sizeof *weights->shift);
  memcpy(weights->scale, view->scale, view->obs_dim * sizeof *weights->scale);
  memcpy(policy->parameters, view->values, view->parameters * sizeof *policy->parameters);
  policy->taken = policy->imported = true;
}

static void import(struct policy *policy) {
  if (!policy->imported) mlp_import(&policy->net, policy->weights.values, policy->parameters);
  policy->imported = true;
}

struct policy_view policy_view(struct policy *policy) {
  const struct policy_weights *weights = &policy->weights;
  import(policy);
  return (struct policy_view){weights->version, weights->obs_dim,       weights->normalize, weights->shift,
                              weights->scale,   policy->net.parameters, policy->parameters};
}

uint64_t policy_version(const struct policy *policy) { return policy->weights.version; }

size_t policy_block_rows(const struct policy *policy) { return policy->block; }

// Computes policy->head from the rows in policy->obs.
static void forward(struct policy *policy, size_t rows) {
  mlp_forward(&policy->net, policy->parameters, rows, policy->obs, policy->net.input, &policy->cache, policy->head);
}

// Computes the head (2 act_dim) of one observation that is row `row` of a block of zeros.
static void head_alone(struct policy *policy, const float *obs, size_t row, float *head) {
  size_t in = policy->net.input, out = policy->net.output;
  memset(policy->obs, 0, policy->block * in * sizeof *policy->obs);
  memcpy(policy->obs + row * in, obs, in * sizeof *obs);
  forward(policy, policy->block);
  memcpy(head, policy->head + row * out, out * sizeof *head);
}

// Whether the head of an observation is the same, bit for bit, at each row of a block, alone and among the others.
// obs (block x obs_dim); alone ((block + 1) x 2 act_dim) is scratch.
static bool row_makes_no_difference(struct policy *policy, const float *obs, float *alone) {
  size_t block = policy->block, in = policy->net.input, out = policy->net.output;
  bool same = true;
  for (size_t r = 0; r < block; r++) {
    float *moved = alone + block * out;
    head_alone(policy, obs + r * in, 0, alone + r * out);
    for (size_t row = 1; row < block; row++) {
      head_alone(policy, obs + r * in, row, moved);
      same = same && memcmp(moved, alone + r * out, out * sizeof *moved) == 0;
    }
  }
  for (size_t shift = 0; shift < block; shift++) {
    for (size_t p = 0; p < block; p++) {
      memcpy(policy->obs + p * in, obs + (p + shift) % block * in, in * sizeof *obs);
    }
    forward(policy, block);
    for (size_t p = 0; p < block; p++) {
      size_t r = (p + shift) % block;
      same = same && memcmp(policy->head + p * out, alone + r * out, out * sizeof *alone) == 0;
    }
  }
  return same;
}

// Chooses the largest block of 8, 4 or 1 rows in which a row's index and its neighbours make no difference.
static enum status choose_block(struct policy *policy, struct error *error) {
  enum { ROUNDS = 3 };
  size_t in = policy->net.input, out = policy->net.output;
  float *obs = memory_alloc(LARGEST_BLOCK * in, sizeof *obs, "the policy's self-test", error);
  float *alone = memory_alloc((LARGEST_BLOCK + 1) * out, sizeof *alone, "the policy's self-test", error);
  enum status status = obs && alone ? STATUS_OK : STATUS_MEMORY;
  struct random random = random_stream(0, RANDOM_INIT, RANDOM_MAX_ENVIRONMENT, 0);
  if (status == STATUS_OK) mlp_init_parameters(&policy->net, policy->parameters, &random);
  for (policy->block = LARGEST_BLOCK; status == STATUS_OK && policy->block > 1;) {
    bool same = true;
    for (int round = 0; same && round < ROUNDS; round++) {
      for (size_t i = 0; i < policy->block * in; i++) obs[i] = (float)random_normal(&random);
      same = row_makes_no_difference(policy, obs, alone);
    }
    if (same) break;
    policy->block = policy->block == 8 ? 4 : 1;
  }
  memory_free(obs);
  memory_free(alone);
  return status;
}

// --- a policy ---

static enum status take_arrays(struct policy *policy, struct error *error) {
  const struct mlp *net = &policy->net;
  const size_t cache = mlp_cache_size(net, LARGEST_BLOCK);
  const size_t size = arena_need(LARGEST_BLOCK * net->input, sizeof(float)) +
                      arena_need(LARGEST_BLOCK * net->output, sizeof(float)) +
                      arena_need(net->parameters, sizeof(float)) + arena_need(cache, sizeof(float));
  const enum status status = arena_init(&policy->arena, size, "a policy's scratch", error);
  if (status != STATUS_OK) return status;
  policy->obs = arena_alloc(&policy->arena, LARGEST_BLOCK * net->input, sizeof(float));
  policy->head = arena_alloc(&policy->arena, LARGEST_BLOCK * net->output, sizeof(float));
  policy->parameters = arena_alloc(&policy->arena, net->parameters, sizeof(float));
  policy->cache = mlp_cache_in(net, LARGEST_BLOCK, arena_alloc(&policy->arena, cache, sizeof(float)));
  return STATUS_OK;
}

struct policy *policy_create_on(const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                                const struct config *config, struct error *error) {
  struct policy *policy = memory_alloc(1, sizeof *policy, "a policy", error);
  if (!policy) return NULL;
  policy_network(&policy->net, tiles, obs_dim, act_dim, config);
  policy->form = log_std_form_of(config);
  policy->act_dim = act_dim;
  policy->block = LARGEST_BLOCK;
  enum status status = policy_weights_init(&policy->weights, obs_dim, mlp_dense_size(&policy->net), error);
  if (status == STATUS_OK) status = take_arrays(policy, error);
  if (status == STATUS_OK) status = linalg_reserve(tiles, 1, error);
  if (status == STATUS_OK && !tiles) status = choose_block(policy, error);
  if (status == STATUS_OK) return policy;
  policy_destroy(policy);
  return NULL;
}

struct policy *policy_create(const struct config *config, uint32_t obs_dim, uint32_t act_dim, struct error *error) {
  return policy_create_on(backend_tiles(config), obs_dim, act_dim, config, error);
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
  import(policy);
  for (size_t start = 0; start < rows; start += block) {
    size_t n = rows - start < block ? rows - start : block;
    if (weights->normalize) {
      normalizer_apply(n, in, weights->shift, weights->scale, obs + start * in, policy->obs);
    } else {
      memcpy(policy->obs, obs + start * in, n * in * sizeof *obs);
    }
    if (!policy->net.tiles) memset(policy->obs + n * in, 0, (block - n) * in * sizeof *obs);
    forward(policy, policy->net.tiles ? n : block);
    if (eps) {
      squashed_gaussian_sample(&policy->form, n, act_dim, policy->head, eps + start * act_dim, action + start * act_dim,
                               NULL);
    } else {
      squashed_gaussian_mode(n, act_dim, policy->head, action + start * act_dim);
    }
  }
}

#endif
