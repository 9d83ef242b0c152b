// A trained policy that no longer changes. It is packed once for the tiles, then any number of threads act with it,
// each with scratch of its own. Its actions are those of policy.h on tiles, bit for bit, scaled to the environment's
// range. It needs neither OpenBLAS nor MPI: libcorsac_policy is built on it.
//
// Its input is a history of observations and actions. A state holds that of an episode: frozen_policy_reset, then
// frozen_policy_step for each observation.
#ifndef CORSAC_COMMON_NN_FROZEN_POLICY_H
#define CORSAC_COMMON_NN_FROZEN_POLICY_H

#include "common/base/status.h"
#include "common/nn/history.h"
#include "common/nn/mlp.h"
#include "common/nn/policy_weights.h"
#include "common/nn/squashed_gaussian.h"

struct frozen_policy;

// Copies its arguments. net: dense, without batch norm (mlp_dense of policy_network); the weights are its. history:
// what its input is. low, high: (act_dim), the environment's bounds.
struct frozen_policy *frozen_policy_create(const struct mlp *net, const struct policy_weights *weights,
                                           const struct log_std_form *form, const struct history *history,
                                           const double *low, const double *high, struct error *error);

// NULL is fine.
void frozen_policy_destroy(struct frozen_policy *policy);

// The floats of scratch that frozen_policy_act and frozen_policy_step need.
size_t frozen_policy_scratch(const struct frozen_policy *policy);

// input (history_width) -> action (act_dim) in [low, high]. eps (act_dim) is the noise; NULL gives the deterministic
// action. Allocates nothing.
void frozen_policy_act(const struct frozen_policy *policy, const float *input, const float *eps, float *action,
                       float *scratch);

// The floats of a state, which the caller owns and may copy. A state is
//
//   [1 after the first step, else 0 | the last action in [-1, 1] (act_dim) | input (history_width)]
size_t frozen_policy_state(const struct frozen_policy *policy);

// An episode begins: the observation of the next step is its first.
void frozen_policy_reset(const struct frozen_policy *policy, float *state);

// Acts at the next observation, obs (obs_dim), as frozen_policy_act does at the input that it makes. The state keeps
// the action.
void frozen_policy_step(const struct frozen_policy *policy, float *state, const float *obs, const float *eps,
                        float *action, float *scratch);

// The environment got another action (act_dim, in [low, high]) than the one that the last step gave.
void frozen_policy_applied(const struct frozen_policy *policy, float *state, const float *action);
#endif
