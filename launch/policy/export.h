// The formats that a policy is exported in. Each holds all of acting: the normalisation of observations, the network,
// and the scaling to the environment's range of actions.
#ifndef CORSAC_LAUNCH_POLICY_EXPORT_H
#define CORSAC_LAUNCH_POLICY_EXPORT_H

#include "common/base/memory.h"
#include "learner/storage/trained_policy.h"

enum { EXPORT_VECTORS = 8 }; // observations of a test vector

struct export {
  struct trained_policy policy;
  const char *name;                // of functions and of the graph: an identifier of C
  float *observation, *action;     // (EXPORT_VECTORS x obs_dim), (EXPORT_VECTORS x act_dim): a test vector, an episode
  float *action_low, *action_high; // (act_dim) the bounds, rounded to the inside
};

// Fill `file`, which the caller releases. The third format, .npz, is policy_npz_format (learner/storage).
enum status export_c(const struct export *export, struct buffer *file, struct error *error);
enum status export_onnx(const struct export *export, struct buffer *file, struct error *error);
#endif
