// A checkpoint: one HDF5 file that holds the whole job (its layout: DESIGN section 4 and README), written so that it is
// whole or absent: temporary name, fsync, rename, fsync of the directory. Metadata carry HDF5's checksums (newest
// format), every dataset fletcher32. Nothing read from a file is trusted before its size is checked, and what leads out
// of the file (links, external storage) is refused: h5_guard.h. Messages name the file, the object in it, what
// it is and what it should be.
#ifndef CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_H
#define CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_H

#include "learner/job/job.h"
#include <stdatomic.h>

enum { CHECKPOINT_FORMAT = 1 };
enum checkpoint_content {
  CHECKPOINT_ALL,      // the whole job (the replay only where checkpoint_replay is on)
  CHECKPOINT_NO_REPLAY // all but the replay: small and quick, exact = 0
};

// What the head of a file says.
struct checkpoint_info {
  uint32_t format_version, learner_threads;
  char program_version[64], created[64], blas_core[64], environment[WIRE_TEXT];
  uint64_t env_steps, updates, episodes, policy_version;
  bool exact;
  bool resumable; // false: best.h5, a policy without the rest of its job
  uint32_t obs_dim, act_dim;
  uint64_t parameters;                   // reals of the policy and all critics (targets apart)
  uint64_t replay_size, replay_capacity; // 0 where the file has no replay
  char *config;                          // YAML text, NUL-terminated, owned
};
void checkpoint_info_release(struct checkpoint_info *info);
// What info->config says. STATUS_FORMAT: it makes no sense; STATUS_MISMATCH: nor need it, another version wrote it.
enum status checkpoint_parse_config(const char *path, const struct checkpoint_info *info, struct config *config,
                                    struct error *error);

enum status checkpoint_write(const char *path, const struct job *job, enum checkpoint_content content,
                             struct error *error);
// What another thread may want of one that writes.
struct checkpoint_watch {
  atomic_bool abandon; // give the file up, soon
  atomic_bool urgent;  // somebody waits for it; else every other moment is left to those who need the core
};
// The same on a thread of its own: given up it leaves nothing (STATUS_STOPPED). The replay may be a view (replay.h): it
// is let go of as it is written.
enum status checkpoint_write_in_background(const char *path, const struct job *job, enum checkpoint_content content,
                                           const struct checkpoint_watch *watch, struct error *error);
// best.h5: a policy and what it needs to act (/policy, /normalizer, /env, /config); `normalizer` is the one of the same
// moment.
enum status checkpoint_write_policy(const char *path, const struct job *job, const struct policy_weights *weights,
                                    const struct normalizer *normalizer, uint64_t env_steps, struct error *error);
// Small and quick. Fails on: not there, not HDF5, no checkpoint of ours, another format version, damaged head.
enum status checkpoint_read_info(const char *path, struct checkpoint_info *info, struct error *error);
void checkpoint_library(char *version, size_t size); // HDF5's, as "1.10.8"
// Walks the layout that loading walks, by the file's own configuration: every array is there, in its shape and type,
// its checksum agrees and its numbers can be gone on with; and nothing in the file leads out of it. STATUS_FORMAT: the
// file is damaged; anything else: it cannot be judged (h5.h).
enum status checkpoint_verify(const char *path, struct error *error);
// Into a job initialised (job_init) for the configuration that is to go on. Shapes must match it; the replay may be
// absent or smaller or larger in capacity only if sizes fit. *has_replay: false: the caller refills. On failure the
// job's content is undefined.
enum status checkpoint_read(const char *path, struct job *job, bool *has_replay, struct error *error);
// The policy alone, for acting: allocates weights, bounds and dimensions in `hello` (name, obs_dim, act_dim,
// action_low, action_high).
enum status checkpoint_read_policy(const char *path, const struct checkpoint_info *info, const struct config *config,
                                   struct policy_weights *weights, struct message_hello *hello, struct error *error);
#endif
