// What a checkpoint says about acting: /policy, /normalizer, /env and the part of /config that belongs to them.
#ifndef CORSAC_LEARNER_STORAGE_POLICY_CHECKPOINT_H
#define CORSAC_LEARNER_STORAGE_POLICY_CHECKPOINT_H

#include "learner/storage/checkpoint_head.h"
#include "learner/storage/trained_policy.h"

// Reads the policy alone, for acting. Allocates `weights`, and the bounds in `hello`, of which it fills environment,
// obs_dim, act_dim, action_low and action_high. info, config: the file's.
enum status checkpoint_read_policy(const char *path, const struct checkpoint_info *info, const struct config *config,
                                   struct policy_weights *weights, struct message_hello *hello, struct error *error);
// All of a policy that is initialised to 0.
enum status checkpoint_read_trained(const char *path, struct trained_policy *policy, struct error *error);
// The newest checkpoint of a run's directory that verifies (checkpoint_newest). file: FILE_PATH bytes.
enum status checkpoint_newest_policy(const char *directory, char *file, struct error *error);
// Before the first of these in a program that is not ours: HDF5 is that program's too, and goes on closing what is open
// when it ends (h5.c turns that off).
void checkpoint_share_library(void);
#endif
