// A policy as an .npz, for NumPy and back. Its arrays: layer0.weight, layer0.bias, ..., mean.*, log_std.* (weights are
// out x in); the normalizer as obs_mean, obs_m2, obs_count, and as what follows from them, obs_shift, obs_scale,
// obs_clip (all absent where it is off); action_low, action_high, env, env_steps, corsac_policy (the format's version);
// log_std_min, log_std_max where they are not -20 and 2; frame_skip where it is not 1.
//
// Format 2 has what format 1 has not: network ("residual"), layer0 then has no ReLU and each two layers behind it are a
// block x + relu(layer(relu(layer(x)))), perhaps without biases; rms.gain, of the RMS norm before mean and log_std;
// log_std_form ("tanh"). A policy without these is written as format 1.
//
// Format 3 has a history: history (observations of an input), history_actions (1: with the actions between them, else
// 0) and obs_dim. layer0.weight, obs_shift and obs_scale are then of the width of an input, whose order history.h has;
// obs_mean and obs_m2 stay those of one observation.
#ifndef CORSAC_LEARNER_STORAGE_POLICY_NPZ_H
#define CORSAC_LEARNER_STORAGE_POLICY_NPZ_H

#include "common/base/memory.h"
#include "learner/storage/trained_policy.h"

// The least that suffices is written; all are read.
enum { POLICY_NPZ_PLAIN = 1, POLICY_NPZ_NETWORK = 2, POLICY_NPZ_HISTORY = 3, POLICY_NPZ_FORMAT = POLICY_NPZ_HISTORY };
// Fills a zero-initialised policy but for its file name. On failure it may hold memory (trained_policy_release).
enum status policy_npz_read(const char *path, struct trained_policy *policy, struct error *error);
// Makes the bytes of such a file; the caller releases them.
enum status policy_npz_format(const struct trained_policy *policy, struct buffer *file, struct error *error);
#endif
