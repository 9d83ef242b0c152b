// The policy as the content of shared-memory weights. It has the memory layout of its backend, so the writer copies it
// once and the reader converts nothing. All ranks of a node run the same program with the same configuration.
#ifndef CORSAC_COMMON_WIRE_SHARED_POLICY_H
#define CORSAC_COMMON_WIRE_SHARED_POLICY_H

#include "common/base/memory.h"
#include "common/nn/policy.h"
#include "common/wire/shared_weights.h"

// Bytes of the content.
size_t shared_policy_size(uint32_t obs_dim, size_t parameters);

// The only writer publishes this policy, which must fit the capacity. head: scratch.
enum status shared_policy_write(struct shared_weights *shared, const struct policy_view *view, struct buffer *head,
                                struct error *error);

// The same for one of several writers (shared_weights_publish_shared).
enum status shared_policy_share(struct shared_weights *shared, const struct policy_view *view, struct buffer *head,
                                struct error *error);

// Copies the shared policy into `copy` if its version is above `than`; view then points into that. view->version is 0
// where there is no newer one, or where writers were faster. STATUS_FORMAT: the content is no policy of these
// dimensions and of the version that it is published under.
enum status shared_policy_read(const struct shared_weights *shared, uint64_t than, uint32_t obs_dim, size_t parameters,
                               struct buffer *copy, struct policy_view *view, struct error *error);

#endif
