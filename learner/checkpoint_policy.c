#include "learner/checkpoint_policy.h"

#include "common/base/memory.h"
#include "common/config/options.h"
#include "common/nn/policy_layers.h"
#include "learner/checkpoint_head.h"

#include <stdio.h>
#include <string.h>

// values NULL: only checks.
static void walk_layers(struct h5 *h5, const struct trained_policy *policy, float *values) {
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t count = policy_layers(policy->obs_dim, policy->act_dim, &policy->hidden, layer);
  h5->hint = "hidden: fixed on resume";
  for (uint32_t l = 0; l < count; l++) {
    float *weight = values ? values + layer[l].weight : NULL, *bias = values ? values + layer[l].bias : NULL;
    h5_values(h5, h5_name(h5, "policy/%s/weight", layer[l].name), H5_KIND_FLOAT, layer[l].out, layer[l].in, weight);
    h5_values(h5, h5_name(h5, "policy/%s/bias", layer[l].name), H5_KIND_FLOAT, layer[l].out, 0, bias);
  }
  h5->hint = "";
}

// Of a policy that knows its dimensions and widths. Shapes are checked before anything of their size is allocated.
static void read_arrays(struct h5 *h5, bool normalize, struct trained_policy *policy) {
  struct normalizer unread = {.dim = policy->obs_dim};
  checkpoint_walk_bounds(h5, policy->act_dim, NULL, NULL);
  walk_layers(h5, policy, NULL);
  checkpoint_walk_normalizer(h5, &unread);
  if (h5->status == STATUS_OK) h5->status = trained_policy_alloc(policy, h5->error);
  if (h5->status != STATUS_OK) return;
  checkpoint_walk_bounds(h5, policy->act_dim, policy->action_low, policy->action_high);
  walk_layers(h5, policy, policy->weights.values);
  checkpoint_walk_normalizer(h5, &policy->normalizer);
  policy->weights.normalize = normalize;
  if (normalize && h5->status == STATUS_OK)
    normalizer_export(&policy->normalizer, policy->weights.shift, policy->weights.scale);
}

static enum status parse_config(const char *path, const char *text, struct config *config, struct error *error) {
  char name[RUN_PATH + 16];
  snprintf(name, sizeof name, "%s:/config", path);
  options_defaults(config);
  if (options_parse_yaml(text, strlen(text), name, config, error) == STATUS_OK) return STATUS_OK;
  return error->status = STATUS_FORMAT; // the file's mistake, not the user's
}

enum status checkpoint_read_trained(const char *path, struct trained_policy *policy, struct error *error) {
  struct h5 h5;
  struct checkpoint_info info = {0};
  struct config config;
  h5_open(&h5, path, error);
  checkpoint_walk_info(&h5, &info);
  if (h5.status == STATUS_OK) h5.status = parse_config(path, info.config, &config, error);
  if (h5.status == STATUS_OK) {
    snprintf(policy->environment, sizeof policy->environment, "%s", info.environment);
    policy->env_steps = info.env_steps;
    policy->obs_dim = info.obs_dim;
    policy->act_dim = info.act_dim;
    policy->hidden = config.hidden;
    read_arrays(&h5, config.normalize_observations, policy);
    policy->weights.version = info.policy_version;
  }
  checkpoint_info_release(&info);
  return h5_close(&h5);
}

enum status checkpoint_read_policy(const char *path, const struct checkpoint_info *info, const struct config *config,
                                   struct policy_weights *weights, struct message_hello *hello, struct error *error) {
  struct h5 h5;
  struct trained_policy policy = {.obs_dim = info->obs_dim, .act_dim = info->act_dim, .hidden = config->hidden};
  *weights = (struct policy_weights){0};
  *hello = (struct message_hello){0};
  h5_open(&h5, path, error);
  read_arrays(&h5, config->normalize_observations, &policy);
  const enum status status = h5_close(&h5);
  if (status == STATUS_OK) { // the arrays go over
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

enum status checkpoint_newest_policy(const char *directory, char *file, struct error *error) {
  enum { MOST = 1000 };
  struct error newest = {0};
  uint64_t *steps = memory_alloc(MOST, sizeof *steps, "the list of checkpoints", error);
  if (!steps) return STATUS_MEMORY;
  const int there = run_checkpoints(directory, steps, MOST, error), count = there < MOST ? there : MOST;
  enum status status = there < 0 ? STATUS_IO : STATUS_FORMAT;
  for (int i = 0; i < count && status == STATUS_FORMAT; i++) {
    struct error why = {0};
    status = run_checkpoint_path(file, directory, steps[i], error);
    if (status != STATUS_OK) break;
    if (checkpoint_verify(file, &why) != STATUS_OK) status = STATUS_FORMAT;
    if (i == 0) newest = why;
  }
  memory_free(steps);
  if (there == 0)
    return error_set(error, STATUS_IO, "%s: holds no checkpoint yet (ckpt-*.h5), so no policy", directory);
  if (status == STATUS_FORMAT)
    error_set(error, STATUS_FORMAT, "%s: none of its %d checkpoints can be read; of the newest: %s", directory, there,
              newest.text);
  return status;
}

void checkpoint_share_library(void) { (void)H5open(); }
