#include "launch/library/policy.h"

#include "common/base/c_locale.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/frozen_policy.h"
#include "learner/storage/policy_file.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

struct corsac_policy {
  struct trained_policy trained;
  struct frozen_policy *frozen;
};

enum { CACHE_LINE = 64 };

int corsac_policy_abi(void) { return CORSAC_POLICY_ABI; }

static struct corsac_policy *load(const char *path, char *why, size_t size) {
  struct error error = {0};
  policy_file_share_hdf5();
  struct corsac_policy *policy = memory_alloc(1, sizeof *policy, "a policy", &error);
  if (policy && policy_file_read(path, &policy->trained, &error) == STATUS_OK) {
    const struct trained_policy *trained = &policy->trained;
    policy->frozen = frozen_policy_create(&trained->net, &trained->weights, &trained->form, &trained->history,
                                          trained->action_low, trained->action_high, &error);
    if (policy->frozen) return policy;
  }
  if (why && size > 0) snprintf(why, size, "%s", error.text);
  corsac_policy_free(policy);
  return NULL;
}

// Parsing needs the C locale; the host's own, which may write 0,5, is restored afterwards.
struct corsac_policy *corsac_policy_load(const char *path, char *why, size_t size) {
  const locale_t host = locale_enter_c();
  struct corsac_policy *policy = load(path, why, size);
  locale_restore(host);
  return policy;
}

void corsac_policy_free(struct corsac_policy *policy) {
  if (!policy) return;
  frozen_policy_destroy(policy->frozen);
  trained_policy_release(&policy->trained);
  memory_free(policy);
}

const char *corsac_policy_file(const struct corsac_policy *policy) { return policy->trained.file; }
const char *corsac_policy_env(const struct corsac_policy *policy) { return policy->trained.environment; }
uint64_t corsac_policy_env_steps(const struct corsac_policy *policy) { return policy->trained.env_steps; }
uint32_t corsac_policy_obs_dim(const struct corsac_policy *policy) { return policy->trained.obs_dim; }
uint32_t corsac_policy_act_dim(const struct corsac_policy *policy) { return policy->trained.act_dim; }
const double *corsac_policy_action_low(const struct corsac_policy *policy) { return policy->trained.action_low; }
const double *corsac_policy_action_high(const struct corsac_policy *policy) { return policy->trained.action_high; }

uint32_t corsac_policy_history(const struct corsac_policy *policy) { return policy->trained.history.length; }
uint32_t corsac_policy_frame_skip(const struct corsac_policy *policy) { return policy->trained.frame_skip; }

// The activations of the network, the noise, and the bytes to align them to a cache line.
size_t corsac_policy_scratch_size(const struct corsac_policy *policy) {
  return (frozen_policy_scratch(policy->frozen) + policy->trained.act_dim) * sizeof(float) + CACHE_LINE;
}

static float *aligned(void *scratch) {
  return (float *)(((uintptr_t)scratch + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

static bool are_finite(uint32_t count, const float *x) {
  for (uint32_t i = 0; i < count; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

// Whether the policy acts at this observation alone.
static bool acts_alone(const struct corsac_policy *policy, const float *obs) {
  return policy->trained.history.length == 1 && are_finite(policy->trained.obs_dim, obs);
}

// The noise of a draw, which lies behind the activations in scratch.
static const float *draw_noise(const struct corsac_policy *policy, uint64_t seed, uint64_t counter, float *rows) {
  const uint32_t act_dim = policy->trained.act_dim;
  float *eps = rows + frozen_policy_scratch(policy->frozen);
  random_normals_at(random_stream(seed, RANDOM_ACTOR, 0, counter), 1, act_dim, eps, act_dim);
  return eps;
}

int corsac_policy_act(const struct corsac_policy *policy, const float *obs, float *action, void *scratch) {
  if (!acts_alone(policy, obs)) return -1;
  frozen_policy_act(policy->frozen, obs, NULL, action, aligned(scratch));
  return 0;
}

size_t corsac_policy_act_many(const struct corsac_policy *policy, size_t rows, const float *obs, float *action,
                              void *scratch) {
  size_t refused = 0;
  for (size_t r = 0; r < rows; r++)
    refused += corsac_policy_act(policy, obs + r * policy->trained.obs_dim, action + r * policy->trained.act_dim,
                                 scratch) != 0;
  return refused;
}

int corsac_policy_sample(const struct corsac_policy *policy, const float *obs, uint64_t seed, uint64_t counter,
                         float *action, void *scratch) {
  if (!acts_alone(policy, obs)) return -1;
  float *rows = aligned(scratch);
  frozen_policy_act(policy->frozen, obs, draw_noise(policy, seed, counter, rows), action, rows);
  return 0;
}

// --- with a state ---

size_t corsac_policy_state_size(const struct corsac_policy *policy) {
  return frozen_policy_state(policy->frozen) * sizeof(float);
}

void corsac_policy_reset(const struct corsac_policy *policy, void *state) {
  frozen_policy_reset(policy->frozen, state);
}

int corsac_policy_step(const struct corsac_policy *policy, void *state, const float *obs, float *action,
                       void *scratch) {
  if (!are_finite(policy->trained.obs_dim, obs)) return -1;
  frozen_policy_step(policy->frozen, state, obs, NULL, action, aligned(scratch));
  return 0;
}

int corsac_policy_step_sample(const struct corsac_policy *policy, void *state, const float *obs, uint64_t seed,
                              uint64_t counter, float *action, void *scratch) {
  if (!are_finite(policy->trained.obs_dim, obs)) return -1;
  float *rows = aligned(scratch);
  frozen_policy_step(policy->frozen, state, obs, draw_noise(policy, seed, counter, rows), action, rows);
  return 0;
}

int corsac_policy_applied(const struct corsac_policy *policy, void *state, const float *action) {
  if (!are_finite(policy->trained.act_dim, action)) return -1;
  frozen_policy_applied(policy->frozen, state, action);
  return 0;
}
