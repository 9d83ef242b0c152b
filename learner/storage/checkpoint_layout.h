// The layout of a checkpoint: every name, shape and type in it, once. Each walk_ function writes, reads or verifies one
// part (h5.h), so verifying checks exactly what loading needs. The layout knows where numbers are in a file. Where they
// are in memory the caller says, with pointers.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_LAYOUT_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_LAYOUT_H

#include "common/config/config.h"
#include "common/nn/mlp_arrays.h"
#include "common/nn/normalizer.h"
#include "common/wire/message.h"
#include "learner/storage/checkpoint_sums.h"
#include "learner/storage/h5.h"

// All sizes of arrays follow from it.
struct checkpoint_shape {
  uint32_t obs_dim, act_dim, critics, environments;
  uint32_t slots;            // agents of all environments; 0: as many as the file has (verifying)
  uint32_t window;           // transitions that an n-step window holds at most
  struct mlp policy, critic; // what is trained, dense
  struct mlp acting;         // the policy that acts, dense
  bool sync;
  bool rewards; // there are statistics of rewards
  bool linked; // the replay holds each observation once; without a history an older file may have next_obs all the same
};
struct checkpoint_shape checkpoint_shape_of(const struct config *config, uint32_t obs_dim, uint32_t act_dim);

// The parameters and running statistics of networks of one shape, one network after another. The file has them densely,
// as the arrays of mlp_arrays.h. Memory may have the parameters in another order, which the functions convert.
struct checkpoint_nets {
  float *values;         // NULL: there are none (verifying, or only shapes are checked)
  const struct mlp *net; // for the functions; NULL: memory is dense too
  size_t stride;         // floats from one network to the next
  float *statistics;     // (networks x net.statistics) those of batch norms; NULL: as values
  void (*to_dense)(const struct mlp *net, const float *values, float *dense);
  void (*from_dense)(const struct mlp *net, const float *dense, float *values);
};
// /policy, the policy that acts.
void checkpoint_walk_policy(struct h5 *h5, const struct checkpoint_shape *shape, const struct checkpoint_nets *acting);
// /training/policy, the one that is trained. There is none where both are the same network, without batch norm.
void checkpoint_walk_trained_policy(struct h5 *h5, const struct checkpoint_shape *shape,
                                    const struct checkpoint_nets *policy);
// group: "critics" or "targets"; shape->critics of them.
void checkpoint_walk_critics(struct h5 *h5, const char *group, const struct checkpoint_shape *shape,
                             const struct checkpoint_nets *critics);

// Statistics of rewards; a pointer is NULL where a file is only verified.
struct checkpoint_rewards {
  uint64_t *count;
  double *mean, *m2, *highest;
  double *returns; // (shape.slots)
  uint64_t *last;  // (shape.slots)
};

// Its sums alone: count, mean, m2 and highest.
void checkpoint_walk_reward_sums(struct h5 *h5, const struct checkpoint_rewards *rewards);

struct checkpoint_adam {
  struct checkpoint_nets m, v;
  uint64_t *step;
};
// Everything but the head, the bounds and the replay. A pointer is NULL where a file is only verified.
struct checkpoint_parts {
  struct checkpoint_nets policy, critics, targets;
  struct checkpoint_nets acting; // the folded policy; only where the policy has batch norm, and to be written
  struct checkpoint_adam policy_adam, critics_adam;
  double *alpha_m, *alpha_v, *log_alpha;
  uint64_t *alpha_step;
  struct normalizer *normalizer;
  struct checkpoint_rewards rewards;                     // where shape.rewards
  uint64_t *steps, *updates, *base_steps, *base_updates; // the rate limiter's
  uint64_t *transitions, *base_transitions;              // a file whose environments have one agent has none
  struct checkpoint_sums sums;
  double *seconds, *best_return;
  uint64_t *next_log, *next_eval, *next_checkpoint, *evaluations, *dropped;
  struct snapshot *environments; // (shape.environments)
};
void checkpoint_walk_parts(struct h5 *h5, const struct checkpoint_shape *shape, const struct checkpoint_parts *parts);

#endif
