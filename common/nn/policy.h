// A policy that acts: normalizer + mlp + squashed-Gaussian head, float in and float out. Actors, evaluation and `eval`
// run it. The action of an observation depends neither on the other rows it is computed with nor on their number:
//   - On tiles (common/nn/tiles.h) every result is one chain in a fixed order, the same on every CPU.
//   - On OpenBLAS a row's result depends on the number of rows and on the row's index. So the forward runs in blocks of
//     a fixed number of rows, padded with zeros. A self-test at creation finds a block size (8, 4 or 1) in which index
//     and neighbours make no difference on the kernel at hand.
#ifndef CORSAC_COMMON_NN_POLICY_H
#define CORSAC_COMMON_NN_POLICY_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/nn/mlp.h"
#include "common/nn/policy_weights.h"
#include <stddef.h>
#include <stdint.h>

// The policy network of a configuration that acts: obs_dim -> 2 act_dim ([mean | log_std]), batch norms folded into
// weights. The same on every rank.
void policy_network(struct mlp *mlp, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                    const struct config *config);

// The weights of a policy with the values as they lie in the backend's memory (mlp.h), which ranks of one node share.
// It owns nothing.
struct policy_view {
  uint64_t version;
  uint32_t obs_dim;
  bool normalize;
  const float *shift, *scale; // (obs_dim)
  size_t parameters;          // mlp.parameters
  const float *values;        // (parameters)
};

struct policy;

// A policy owns its weights. At first they are all 0, with version 0.
struct policy *policy_create(const struct config *config, uint32_t obs_dim, uint32_t act_dim, struct error *error);

// The same on tiles of the caller's choice, or on OpenBLAS where tiles is NULL. For tests.
struct policy *policy_create_on(const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                                const struct config *config, struct error *error);
void policy_destroy(struct policy *policy);

// The weights, to be read or overwritten until the next policy_act, which assumes that they have changed.
struct policy_weights *policy_weights(struct policy *policy);

// The reals of a policy_view of this policy.
size_t policy_parameters(const struct policy *policy);

// Copies these weights and acts with them from now on. view has the policy's obs_dim and parameters.
void policy_take(struct policy *policy, const struct policy_view *view);

// The weights that the policy acts with, in the backend's memory; valid until they change.
struct policy_view policy_view(struct policy *policy);

uint64_t policy_version(const struct policy *policy);

// The rows of a block, as the self-test chose them. On tiles the number does not matter.
size_t policy_block_rows(const struct policy *policy);

// obs (rows x obs_dim) -> action (rows x act_dim) in [-1,1], for any number of rows. eps (rows x act_dim) is the noise;
// NULL gives the deterministic action tanh(mean). Allocates nothing.
void policy_act(struct policy *policy, size_t rows, const float *obs, const float *eps, float *action);
#endif
