// A policy without its run, as policy_file.h reads it.
#ifndef CORSAC_LEARNER_STORAGE_TRAINED_POLICY_H
#define CORSAC_LEARNER_STORAGE_TRAINED_POLICY_H

#include "common/base/file.h"
#include "common/nn/history.h"
#include "common/nn/mlp.h"
#include "common/nn/normalizer.h"
#include "common/nn/policy_weights.h"
#include "common/nn/squashed_gaussian.h"

struct trained_policy {
  char file[FILE_PATH], environment[512];
  uint64_t env_steps;
  uint32_t obs_dim, act_dim;        // the environment's
  uint32_t frame_skip;              // steps of the environment for which an action is held, at least 1
  struct history history;           // what the network sees of them
  struct mlp net;                   // what acts, dense: mlp_dense of policy_network
  struct log_std_form form;         // of its head
  struct policy_weights weights;    // by mlp_arrays.h; shift and scale are of the network's input
  struct normalizer normalizer;     // (obs_dim) the source of shift and scale
  double *action_low, *action_high; // (act_dim)
};
// Allocates the arrays for the dimensions, the history and the network that are set. Release afterwards, on failure
// too.
enum status trained_policy_alloc(struct trained_policy *policy, struct error *error);
// The policy normalises, by its normalizer: each observation of its input likewise, and no action.
void trained_policy_normalize(struct trained_policy *policy);
void trained_policy_release(struct trained_policy *policy);
#endif
