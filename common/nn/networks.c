#include "common/nn/networks.h"
#include "common/nn/mlp_fold.h"
#include <string.h>

static bool is(const char *choice, const char *name) { return strcmp(choice, name) == 0; }

// What critics and policy have in common.
static struct mlp_spec spec_of(const struct config *config, const struct tiles *tiles,
                               const struct config_widths *hidden, const char *norm) {
  return (struct mlp_spec){
      .tiles = tiles,
      .hidden = hidden->width,
      .hidden_count = hidden->count,
      .norm = is(norm, "batch")   ? MLP_NORM_BATCH
              : is(norm, "layer") ? MLP_NORM_LAYER
                                  : MLP_NORM_NONE,
      .residual = is(config->network, "residual"),
      .expansion = is(config->network, "residual") ? (uint32_t)config->expansion : 0,
      .rms = is(config->output_norm, "rms"),
  };
}

struct mlp_spec critic_spec(const struct config *config, const struct tiles *tiles, uint32_t obs_dim,
                            uint32_t act_dim) {
  struct mlp_spec spec = spec_of(config, tiles, config_critic_hidden(config), config->critic_norm);
  if (config->critic_layer_norm && spec.norm == MLP_NORM_NONE) spec.norm = MLP_NORM_LAYER;
  spec.input = obs_dim + act_dim;
  spec.output = is(config->critic_loss, "categorical") ? (uint32_t)config->value_atoms : 1;
  return spec;
}

struct mlp_spec policy_spec(const struct config *config, const struct tiles *tiles, uint32_t obs_dim,
                            uint32_t act_dim) {
  struct mlp_spec spec = spec_of(config, tiles, config_policy_hidden(config), config->policy_norm);
  spec.input = obs_dim;
  spec.output = 2 * act_dim;
  return spec;
}

void policy_network(struct mlp *mlp, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                    const struct config *config) {
  struct mlp trained;
  const struct mlp_spec spec = policy_spec(config, tiles, obs_dim, act_dim);
  mlp_init_spec(&trained, &spec);
  *mlp = mlp_folded(&trained);
}

struct log_std_form log_std_form_of(const struct config *config) {
  if (!(config->log_std_min < config->log_std_max)) return log_std_plain;
  return (struct log_std_form){config->log_std_min, config->log_std_max, is(config->log_std_form, "tanh")};
}
