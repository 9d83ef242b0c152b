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

double config_call_timeout(const struct config *config, enum config_call call) {
  const double own = call == CONFIG_CREATE  ? config->create_timeout
                     : call == CONFIG_RESET ? config->reset_timeout
                     : call == CONFIG_STEP  ? config->step_timeout
                                            : 0;
  return own > 0 ? own : config->env_timeout;
}

double config_longest_timeout(const struct config *config) {
  double longest = 0;
  for (int call = CONFIG_CREATE; call <= CONFIG_STEP; call++)
    if (config_call_timeout(config, (enum config_call)call) > longest)
      longest = config_call_timeout(config, (enum config_call)call);
  return longest;
}

const char *config_call_option(const struct config *config, enum config_call call) {
  switch (call) {
  case CONFIG_CREATE: return config->create_timeout > 0 ? "create_timeout" : "env_timeout";
  case CONFIG_RESET: return config->reset_timeout > 0 ? "reset_timeout" : "env_timeout";
  case CONFIG_STEP: return config->step_timeout > 0 ? "step_timeout" : "env_timeout";
  case CONFIG_OTHER: break;
  }
  return "env_timeout";
}
