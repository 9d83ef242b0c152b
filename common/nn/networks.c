#include "common/nn/networks.h"
#include <string.h>

static bool is(const char *choice, const char *name) { return strcmp(choice, name) == 0; }

// What critics and policy have in common.
static struct mlp_spec spec_of(const struct config *config, const struct tiles *tiles,
                               const struct config_widths *widths, const char *norm) {
  const struct config_widths *hidden = widths->count > 0 ? widths : &config->hidden;
  return (struct mlp_spec){
      .tiles = tiles,
      .hidden = hidden->width,
      .hidden_count = hidden->count,
      .norm = is(norm, "batch")   ? MLP_NORM_BATCH
              : is(norm, "layer") ? MLP_NORM_LAYER
                                  : MLP_NORM_NONE,
      .residual = is(config->network, "residual"),
      .expansion = (uint32_t)config->expansion,
      .rms = is(config->output_norm, "rms"),
  };
}

struct mlp_spec critic_spec(const struct config *config, const struct tiles *tiles, uint32_t obs_dim,
                            uint32_t act_dim) {
  struct mlp_spec spec = spec_of(config, tiles, &config->critic_hidden, config->critic_norm);
  if (config->critic_layer_norm && spec.norm == MLP_NORM_NONE) spec.norm = MLP_NORM_LAYER;
  spec.input = obs_dim + act_dim;
  spec.output = is(config->critic_loss, "categorical") ? (uint32_t)config->value_atoms : 1;
  return spec;
}

struct mlp_spec policy_spec(const struct config *config, const struct tiles *tiles, uint32_t obs_dim,
                            uint32_t act_dim) {
  struct mlp_spec spec = spec_of(config, tiles, &config->policy_hidden, config->policy_norm);
  spec.input = obs_dim;
  spec.output = 2 * act_dim;
  return spec;
}

struct log_std_form log_std_form_of(const struct config *config) {
  if (!(config->log_std_min < config->log_std_max)) return log_std_plain;
  return (struct log_std_form){config->log_std_min, config->log_std_max, is(config->log_std_form, "tanh")};
}
