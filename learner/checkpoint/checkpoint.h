// A checkpoint: one HDF5 file that holds the whole job (README.md lists what). It is whole or absent: written under a
// temporary name, fsynced, renamed, and its directory fsynced. Every byte has a checksum. Nothing read from a file is
// trusted before its size is checked, and a file that leads out of itself is refused (h5_guard.h). Messages name the
// file, the object in it, what it is and what it should be.
//
// A reader that only looks at a checkpoint needs learner/storage/checkpoint_head.h and checkpoint_verify.h instead.
#ifndef CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_H
#define CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_H

#include "learner/job/job.h"
#include <stdatomic.h>

enum checkpoint_content {
  CHECKPOINT_ALL,      // the whole job (the replay only where checkpoint_replay is on)
  CHECKPOINT_NO_REPLAY // all but the replay: small and quick, exact = 0
};
enum status checkpoint_write(const char *path, const struct job *job, enum checkpoint_content content,
                             struct error *error);

// What other threads ask of the one that writes.
struct checkpoint_watch {
  atomic_bool abandon; // abandon the file soon
  atomic_bool urgent;  // somebody waits; otherwise the writer sleeps half of the time, so that others get the core
};
// The same for a thread of its own. An abandoned file leaves nothing behind (STATUS_STOPPED). The replay may be a view
// (replay.h), whose rows are released as they are written.
enum status checkpoint_write_in_background(const char *path, const struct job *job, enum checkpoint_content content,
                                           const struct checkpoint_watch *watch, struct error *error);
// A policy, its statistics and the job's counts, all of the moment at which it was taken, and what it reached.
struct checkpoint_policy {
  const struct policy_weights *weights;
  const struct normalizer *normalizer;
  uint64_t env_steps, updates, episodes;
  double eval_return; // in its evaluation, finite
};
// Writes best.h5: a policy and what it needs to act (/policy, /normalizer, /env, /config).
enum status checkpoint_write_policy(const char *path, const struct job *job, const struct checkpoint_policy *policy,
                                    struct error *error);

// Reads a checkpoint into a job that job_init made for the configuration of the resumed run. Shapes must match that.
// The replay may have another capacity if its rows fit. *has_replay false: the file has none, and the caller refills
// it. On failure the job's content is undefined.
enum status checkpoint_read(const char *path, struct job *job, bool *has_replay, struct error *error);
#endif
