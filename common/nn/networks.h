// The networks of a configuration, as they are trained, and the form of the policy's head. Everybody who needs a shape
// takes it from here: the update, actors, checkpoints, tools.
#ifndef CORSAC_COMMON_NN_NETWORKS_H
#define CORSAC_COMMON_NN_NETWORKS_H

#include "common/config/config.h"
#include "common/nn/history.h"
#include "common/nn/mlp.h"
#include "common/nn/squashed_gaussian.h"

// In all of these obs_dim is the width of the networks' input (history_width).
//
// obs_dim + act_dim -> 1, or value_atoms where critics are categorical. The spec points into the configuration.
struct mlp_spec critic_spec(const struct config *config, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim);

// obs_dim -> 2 act_dim, [mean | log_std]. What acts is mlp_folded of it.
struct mlp_spec policy_spec(const struct config *config, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim);

// What acts: the folded policy, obs_dim -> 2 act_dim. The same on every rank.
void policy_network(struct mlp *mlp, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                    const struct config *config);

// log_std_plain where the configuration gives no bounds.
struct log_std_form log_std_form_of(const struct config *config);
#endif
