#include "common/config/config.h"

#include "common/base/logarithm.h"

const struct config_widths *config_critic_hidden(const struct config *config) {
  return config->critic_hidden.count > 0 ? &config->critic_hidden : &config->hidden;
}

const struct config_widths *config_policy_hidden(const struct config *config) {
  return config->policy_hidden.count > 0 ? &config->policy_hidden : &config->hidden;
}

double config_target_entropy(const struct config *config, uint32_t act_dim) {
  const struct config_entropy *target = &config->target_entropy;
  const double half_log_2_pi_e = 1.4189385332046727;
  if (target->is_auto) return -(double)act_dim;
  switch (target->form) {
  case CONFIG_ENTROPY_NATS: break;
  case CONFIG_ENTROPY_PER_ACTION: return act_dim * target->value;
  case CONFIG_ENTROPY_SIGMA: return act_dim * (half_log_2_pi_e + logarithm(target->value));
  }
  return target->value;
}
