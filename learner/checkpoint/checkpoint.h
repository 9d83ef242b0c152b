// A checkpoint: one HDF5 file that holds the whole job (its layout: DESIGN section 4 and README), written so that it is
// whole or absent: temporary name, fsync, rename, fsync of the directory. Metadata carry HDF5's checksums (newest
// format), every dataset fletcher32. Nothing read from a file is trusted before its size is checked, and what leads out
// of the file (links, external storage) is refused: h5_guard.h. Messages name the file, the object in it, what
// it is and what it should be.
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
// Into a job initialised (job_init) for the configuration that is to go on. Shapes must match it; the replay may be
// absent or smaller or larger in capacity only if sizes fit. *has_replay: false: the caller refills. On failure the
// job's content is undefined.
enum status checkpoint_read(const char *path, struct job *job, bool *has_replay, struct error *error);
#endif
