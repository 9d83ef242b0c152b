// What a policy can be exported as. Each format holds all of acting: normalisation, the network, the environment's own
// range of actions.
#ifndef CORSAC_LAUNCH_POLICY_EXPORT_H
#define CORSAC_LAUNCH_POLICY_EXPORT_H

#include "common/base/memory.h"
#include "learner/storage/trained_policy.h"

enum { EXPORT_VECTORS = 8 }; // of a test vector

struct export {
  struct trained_policy policy;
  const char *name;                // of functions and the graph: an identifier
  float *observation, *action;     // (EXPORT_VECTORS x obs_dim), (EXPORT_VECTORS x act_dim): what it does there
  float *action_low, *action_high; // (act_dim) the bounds, rounded to the inside
};

// The bytes of the file, the caller's to release. `export_npz` is policy_npz_format.
enum status export_c(const struct export *export, struct buffer *file, struct error *error);
enum status export_onnx(const struct export *export, struct buffer *file, struct error *error);
#endif
