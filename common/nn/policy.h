// A policy that acts: normalizer + mlp + squashed-Gaussian head, float in and float out. What actors, evaluation and
// `eval` run. The action of an observation does not depend on the rows it is computed with, nor on their number:
//   - where the CPU has fused multiply-adds the forward runs on our own tiles (common/nn/tiles.h), whose every result
//   is
//     one chain in a fixed order, the same on every such CPU;
//   - elsewhere on OpenBLAS, whose result for a row depends on the number of rows and on the row's place: so in blocks
//     of a fixed number of rows, padded with zeros, and a self-test at creation finds a block size (8, 4 or 1) in which
//     place and neighbours make no difference on the kernel at hand.
#ifndef CORSAC_COMMON_NN_POLICY_H
#define CORSAC_COMMON_NN_POLICY_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/nn/mlp.h"
#include "common/nn/policy_weights.h"
#include <stddef.h>
#include <stdint.h>

// The policy network of a configuration: obs_dim -> hidden -> 2 act_dim ([mean | log_std]). The same on every rank.
void policy_network(struct mlp *mlp, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                    const struct config_widths *hidden);

// policy_weights with the values as they lie in the backend's memory (mlp.h), for whoever shares that; nothing is
// owned.
struct policy_view {
  uint64_t version;
  uint32_t obs_dim;
  bool normalize;
  const float *shift, *scale; // (obs_dim)
  size_t parameters;          // mlp.parameters
  const float *values;        // (parameters)
};

struct policy;
// Owns its weights, at first all 0 with version 0.
struct policy *policy_create(const struct config *config, uint32_t obs_dim, uint32_t act_dim, struct error *error);
// The same on tiles of the caller's choice, or on OpenBLAS where tiles is NULL (then runs the self-test). For tests.
struct policy *policy_create_on(const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                                const struct config_widths *hidden, struct error *error);
void policy_destroy(struct policy *policy);
// To be read or overwritten, until the next policy_act, which takes it that they have changed.
struct policy_weights *policy_weights(struct policy *policy);
size_t policy_parameters(const struct policy *policy); // of a policy_view
// Acts with these from now on. view has the policy's obs_dim and parameters.
void policy_take(struct policy *policy, const struct policy_view *view);
// What it acts with, in the backend's memory; valid until it changes.
struct policy_view policy_view(struct policy *policy);
uint64_t policy_version(const struct policy *policy);
size_t policy_block_rows(const struct policy *policy); // rows of a block: the self-test's choice; on tiles any would do
// obs (rows x obs_dim) -> action (rows x act_dim) in [-1,1]. eps (rows x act_dim): the noise; NULL: deterministic,
// tanh(mean). No allocation; any number of rows.
void policy_act(struct policy *policy, size_t rows, const float *obs, const float *eps, float *action);
#endif
