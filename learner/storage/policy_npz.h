// A policy as an .npz, for NumPy and back: layer0.weight, layer0.bias, ..., mean.*, log_std.* (weights are (out x in)),
// obs_mean, obs_m2, obs_count (the normalizer; absent where it is off), obs_shift, obs_scale, obs_clip (what it comes
// to), action_low, action_high, env, env_steps, corsac_policy (the format's version).
#ifndef CORSAC_LEARNER_STORAGE_POLICY_NPZ_H
#define CORSAC_LEARNER_STORAGE_POLICY_NPZ_H

#include "learner/storage/trained_policy.h"
#include "common/base/memory.h"

enum { POLICY_NPZ_FORMAT = 1 };
enum status policy_npz_read(const char *path, struct trained_policy *policy, struct error *error);
// file: the bytes of the file, the caller's to release.
enum status policy_npz_format(const struct trained_policy *policy, struct buffer *file, struct error *error);
#endif
