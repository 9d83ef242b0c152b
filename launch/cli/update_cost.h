// What an update costs: the floating-point operations of its matrix products, counted from the configuration.
#ifndef CORSAC_LAUNCH_CLI_UPDATE_COST_H
#define CORSAC_LAUNCH_CLI_UPDATE_COST_H

#include "common/config/config.h"

// The mean of an update, with policy_delay: 2 m n k of every product (m x k) (k x n) that it needs. With 0 dimensions
// it is the part that lies between hidden layers.
double update_flop(const struct config *config, uint32_t obs_dim, uint32_t act_dim);

// utd times the same, over what a step of plain SAC (the defaults, utd 1) takes. With utd 0 it is that of one update.
double update_cost_of_step(const struct config *config, uint32_t obs_dim, uint32_t act_dim);

#endif
