// The policy of a checkpoint: /policy, /normalizer, /env and the part of /config that belongs to them.
#ifndef CORSAC_LEARNER_STORAGE_POLICY_CHECKPOINT_H
#define CORSAC_LEARNER_STORAGE_POLICY_CHECKPOINT_H

#include "learner/storage/checkpoint_head.h"
#include "learner/storage/trained_policy.h"

// Reads the policy alone, for acting. Allocates `weights`, and the bounds in `hello`, of which it fills environment,
// obs_dim, act_dim, action_low and action_high: hello's obs_dim is the environment's, that of the weights the width of
// the network's input. info, config: the file's.
enum status checkpoint_read_policy(const char *path, const struct checkpoint_info *info, const struct config *config,
                                   struct policy_weights *weights, struct message_hello *hello, struct error *error);
// Fills a zero-initialised policy but for its file name. On failure it may hold memory (trained_policy_release).
enum status policy_checkpoint_read(const char *path, struct trained_policy *policy, struct error *error);
#endif
