// The numbers of a policy, as the learner sends them to actors and as files hold them.
#ifndef CORSAC_COMMON_NN_POLICY_WEIGHTS_H
#define CORSAC_COMMON_NN_POLICY_WEIGHTS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Version 0 means "act uniformly at random".
struct policy_weights {
  uint64_t version;
  uint32_t obs_dim;
  size_t parameters;    // mlp_dense_size
  float *shift, *scale; // (obs_dim) normalizer, 0 and 1 where it is off
  bool normalize;
  float *values; // (parameters) of policy_network, dense
};
enum status policy_weights_init(struct policy_weights *weights, uint32_t obs_dim, size_t parameters,
                                struct error *error);
void policy_weights_release(struct policy_weights *weights);

// Both have the same shape.
void policy_weights_copy(struct policy_weights *to, const struct policy_weights *from);
#endif
