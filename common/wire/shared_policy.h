// The policy as it stands on a board: in the memory layout of its backend, so that the writer copies it once and the
// reader need not convert it. The ranks of a board run the same program with the same configuration.
#ifndef CORSAC_COMMON_WIRE_SHARED_POLICY_H
#define CORSAC_COMMON_WIRE_SHARED_POLICY_H

#include "common/base/memory.h"
#include "common/nn/policy.h"
#include "common/wire/shared_weights.h"

size_t posted_policy_size(uint32_t obs_dim, size_t parameters); // bytes on the board
// head: scratch. Fits the board by its capacity.
enum status posted_policy_write(struct board *board, const struct policy_view *view, struct buffer *head,
                                struct error *error);
// The same for one of several writers (board_publish_shared).
enum status posted_policy_share(struct board *board, const struct policy_view *view, struct buffer *head,
                                struct error *error);
// The board's policy, if its version is above `than`, copied into `copy`, which view then points into; view->version 0:
// there is none, or the learner was writing all the while. STATUS_FORMAT for anything else than a policy of these
// dimensions and of the version that the board says.
enum status posted_policy_read(const struct board *board, uint64_t than, uint32_t obs_dim, size_t parameters,
                               struct buffer *copy, struct policy_view *view, struct error *error);

#endif
