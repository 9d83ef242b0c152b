#include "launch/cli/update_cost.h"

#include "common/config/options.h"
#include "launch/cli/update_products.h"

static void add_flop(void *context, const struct update_product *product) {
  *(double *)context += 2 * (double)product->m * (double)product->n * (double)product->k;
}

double update_flop(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  double with = 0, without = 0;
  const double delay = (double)config->policy_delay;
  update_products(config, obs_dim, act_dim, true, &(struct update_visitor){add_flop, &with});
  update_products(config, obs_dim, act_dim, false, &(struct update_visitor){add_flop, &without});
  return (with + (delay - 1) * without) / delay;
}

double update_cost_of_step(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  struct config plain;
  options_defaults(&plain);
  const double utd = config->utd > 0 ? config->utd : 1;
  return utd * update_flop(config, obs_dim, act_dim) / update_flop(&plain, obs_dim, act_dim);
}
