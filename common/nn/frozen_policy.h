// A trained policy that no longer changes. It is packed once for the tiles, then any number of threads act with it,
// each with scratch of its own. Its actions are those of policy.h on tiles, bit for bit, scaled to the environment's
// range. It needs neither OpenBLAS nor MPI: libcorsac_policy is built on it.
#ifndef CORSAC_COMMON_NN_FROZEN_POLICY_H
#define CORSAC_COMMON_NN_FROZEN_POLICY_H

#include "common/base/status.h"
#include "common/nn/policy_layers.h"
#include "common/nn/policy_weights.h"
#include "common/nn/squashed_gaussian.h"

struct frozen_policy;

// Copies its arguments. low, high: (act_dim), the environment's bounds. form: NULL for log_std_plain.
struct frozen_policy *frozen_policy_create(uint32_t act_dim, const struct config_widths *hidden,
                                           const struct policy_weights *weights, const struct log_std_form *form,
                                           const double *low, const double *high, struct error *error);

// NULL is fine.
void frozen_policy_destroy(struct frozen_policy *policy);

// The floats of scratch that frozen_policy_act needs.
size_t frozen_policy_scratch(const struct frozen_policy *policy);

// obs (obs_dim) -> action (act_dim) in [low, high]. eps (act_dim) is the noise; NULL gives the deterministic action.
// Allocates nothing.
void frozen_policy_act(const struct frozen_policy *policy, const float *obs, const float *eps, float *action,
                       float *scratch);
#endif
