#include "launch/library/policy.h"

#include "common/base/c_locale.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/nn/frozen_policy.h"
#include "learner/storage/policy_file.h"

#include <math.h>
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
    policy->frozen = frozen_policy_create(&trained->net, &trained->weights, &trained->form, trained->action_low,
                                          trained->action_high, &error);
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

// The activations of the network, the noise, and the bytes to align them to a cache line.
size_t corsac_policy_scratch_size(const struct corsac_policy *policy) {
  return (frozen_policy_scratch(policy->frozen) + policy->trained.act_dim) * sizeof(float) + CACHE_LINE;
}

static float *aligned(void *scratch) {
  return (float *)(((uintptr_t)scratch + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

static int is_finite(const struct corsac_policy *policy, const float *obs) {
  for (uint32_t i = 0; i < policy->trained.obs_dim; i++)
    if (!isfinite(obs[i])) return 0;
  return 1;
}

int corsac_policy_act(const struct corsac_policy *policy, const float *obs, float *action, void *scratch) {
  if (!is_finite(policy, obs)) return -1;
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
  if (!is_finite(policy, obs)) return -1;
  const uint32_t act_dim = policy->trained.act_dim;
  float *rows = aligned(scratch), *eps = rows + frozen_policy_scratch(policy->frozen);
  random_normals_at(random_stream(seed, RANDOM_ACTOR, 0, counter), 1, act_dim, eps, act_dim);
  frozen_policy_act(policy->frozen, obs, eps, action, rows);
  return 0;
}
