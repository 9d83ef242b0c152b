// The policy as it stands on a shared weights: in the memory layout of its backend, so that the writer copies it once
// and the reader need not convert it. The ranks of a shared weights run the same program with the same configuration.
#ifndef CORSAC_COMMON_WIRE_SHARED_POLICY_H
#define CORSAC_COMMON_WIRE_SHARED_POLICY_H

#include "common/base/memory.h"
#include "common/nn/policy.h"
#include "common/wire/shared_weights.h"

size_t shared_policy_size(uint32_t obs_dim, size_t parameters); // bytes on the shared weights
// head: scratch. Fits the shared weights by its capacity.
enum status shared_policy_write(struct shared_weights *shared, const struct policy_view *view, struct buffer *head,
                                struct error *error);
// The same for one of several writers (shared_weights_publish_shared).
enum status shared_policy_share(struct shared_weights *shared, const struct policy_view *view, struct buffer *head,
                                struct error *error);
// The shared weights's policy, if its version is above `than`, copied into `copy`, which view then points into;
// view->version 0: there is none, or the learner was writing all the while. STATUS_FORMAT for anything else than a
// policy of these dimensions and of the version that the shared weights says.
enum status shared_policy_read(const struct shared_weights *shared, uint64_t than, uint32_t obs_dim, size_t parameters,
                               struct buffer *copy, struct policy_view *view, struct error *error);

#endif
