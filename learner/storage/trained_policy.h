// A policy taken out of its run: of a checkpoint, a best.h5, or a .npz that `corsac export` or corsac_from_sb3.py
// wrote. Reading needs neither MPI nor OpenBLAS: libcorsac_policy is built of it.
#ifndef CORSAC_LEARNER_STORAGE_TRAINED_POLICY_H
#define CORSAC_LEARNER_STORAGE_TRAINED_POLICY_H

#include "common/base/file.h"
#include "common/config/config.h"
#include "common/nn/normalizer.h"
#include "common/nn/policy_weights.h"

struct trained_policy {
  char file[FILE_PATH], environment[512];
  uint64_t env_steps;
  uint32_t obs_dim, act_dim;
  struct config_widths hidden;
  struct policy_weights weights;    // dense: policy_layers.h
  struct normalizer normalizer;     // what weights.shift and weights.scale come from
  double *action_low, *action_high; // (act_dim)
};
// path: one of these files, or a run directory: its newest checkpoint that is good. Release afterwards; on
// failure nothing is held.
enum status trained_policy_read(const char *path, struct trained_policy *policy, struct error *error);
// For whoever fills one: the arrays of its dimensions and widths.
enum status trained_policy_alloc(struct trained_policy *policy, struct error *error);
void trained_policy_release(struct trained_policy *policy);
#endif
