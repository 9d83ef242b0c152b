#include "learner/storage/policy_checkpoint.h"

#include "common/nn/networks.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_layout.h"
#include "learner/storage/h5_guard.h"

#include <stdio.h>
#include <string.h>

// Reads the arrays of a policy whose dimensions are set. Checks all shapes before memory of their size is allocated.
static void read_arrays(struct h5 *h5, const struct config *config, struct trained_policy *policy) {
  const struct checkpoint_shape shape = checkpoint_shape_of(config, policy->obs_dim, policy->act_dim);
  policy->history = history_of(config, policy->obs_dim, policy->act_dim);
  policy->net = shape.acting;
  policy->form = log_std_form_of(config);
  struct normalizer unread = {.dim = policy->obs_dim};
  checkpoint_walk_bounds(h5, policy->act_dim, NULL, NULL);
  checkpoint_walk_policy(h5, &shape, &(struct checkpoint_nets){0});
  checkpoint_walk_normalizer(h5, &unread);
  if (h5->status == STATUS_OK) h5->status = trained_policy_alloc(policy, h5->error);
  if (h5->status != STATUS_OK) return;
  checkpoint_walk_bounds(h5, policy->act_dim, policy->action_low, policy->action_high);
  checkpoint_walk_policy(h5, &shape, &(struct checkpoint_nets){.values = policy->weights.values});
  checkpoint_walk_normalizer(h5, &policy->normalizer);
  if (config->normalize_observations && h5->status == STATUS_OK) trained_policy_normalize(policy);
}

enum status policy_checkpoint_read(const char *path, struct trained_policy *policy, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info = {0};
  struct config config;
  h5_open(&h5, path, error);
  checkpoint_walk_info(&h5, &info);
  h5_guard_file(&h5);
  if (h5.status == STATUS_OK) h5.status = checkpoint_parse_config(path, &info, &config, error);
  if (h5.status == STATUS_OK) {
    snprintf(policy->environment, sizeof policy->environment, "%s", info.environment);
    policy->env_steps = info.env_steps;
    policy->obs_dim = info.obs_dim;
    policy->act_dim = info.act_dim;
    policy->frame_skip = (uint32_t)config.frame_skip;
    read_arrays(&h5, &config, policy);
    policy->weights.version = info.policy_version;
  }
  checkpoint_info_release(&info);
  return h5_close(&h5);
}

enum status checkpoint_read_policy(const char *path, const struct checkpoint_info *info, const struct config *config,
                                   struct policy_weights *weights, struct message_hello *hello, struct error *error) {
  struct h5 h5;
  struct trained_policy policy = {.obs_dim = info->obs_dim, .act_dim = info->act_dim};
  *weights = (struct policy_weights){0};
  *hello = (struct message_hello){0};
  h5_open(&h5, path, error);
  read_arrays(&h5, config, &policy);
  const enum status status = h5_close(&h5);
  if (status == STATUS_OK) {
    // The arrays change their owner.
    *weights = policy.weights;
    weights->version = info->policy_version;
    *hello = (struct message_hello){.obs_dim = policy.obs_dim,
                                    .act_dim = policy.act_dim,
                                    .action_low = policy.action_low,
                                    .action_high = policy.action_high};
    memcpy(hello->environment, info->environment, sizeof hello->environment);
    policy.weights = (struct policy_weights){0};
    policy.action_low = policy.action_high = NULL;
  }
  trained_policy_release(&policy);
  return status;
}
