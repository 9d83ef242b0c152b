// A trained policy that no longer changes: packed once for the tiles, then read by any number of threads, each with
// scratch of its own. The same bits as policy.h on tiles gives, and the environment's own range of actions. Needs
// neither OpenBLAS nor MPI.
#ifndef CORSAC_COMMON_NN_FROZEN_POLICY_H
#define CORSAC_COMMON_NN_FROZEN_POLICY_H

#include "common/base/status.h"
#include "common/nn/policy_layers.h"
#include "common/nn/policy_weights.h"

struct frozen_policy;
// Copies all it is given. low, high: (act_dim), the environment's bounds.
struct frozen_policy *frozen_policy_create(uint32_t act_dim, const struct config_widths *hidden,
                                           const struct policy_weights *weights, const double *low, const double *high,
                                           struct error *error);
void frozen_policy_destroy(struct frozen_policy *policy);         // NULL is fine
size_t frozen_policy_scratch(const struct frozen_policy *policy); // floats
// obs (obs_dim) -> action (act_dim) in [low, high]. eps (act_dim): the noise; NULL: deterministic. No allocation.
void frozen_policy_act(const struct frozen_policy *policy, const float *obs, const float *eps, float *action,
                       float *scratch);
#endif
