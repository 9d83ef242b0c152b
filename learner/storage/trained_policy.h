// A policy without its run, as policy_file.h reads it.
#ifndef CORSAC_LEARNER_STORAGE_TRAINED_POLICY_H
#define CORSAC_LEARNER_STORAGE_TRAINED_POLICY_H

#include "common/base/file.h"
#include "common/nn/mlp.h"
#include "common/nn/normalizer.h"
#include "common/nn/policy_weights.h"
#include "common/nn/squashed_gaussian.h"

struct trained_policy {
  char file[FILE_PATH], environment[512];
  uint64_t env_steps;
  uint32_t obs_dim, act_dim;
  struct mlp net;                   // what acts, dense: mlp_dense of policy_network
  struct log_std_form form;         // of its head
  struct policy_weights weights;    // by mlp_arrays.h
  struct normalizer normalizer;     // the source of weights.shift and weights.scale
  double *action_low, *action_high; // (act_dim)
};
// Allocates the arrays for the dimensions and the network that are set. Release afterwards, on failure too.
enum status trained_policy_alloc(struct trained_policy *policy, struct error *error);
void trained_policy_release(struct trained_policy *policy);
#endif
