// Writes checkpoints and best.h5 in the background, on a thread of its own. Beginning a checkpoint copies all that is
// small (job_snapshot.h). The replay's rows are read where they are, oldest first, while the file is written; until a
// row has been read nothing may be inserted over it (replay_room). A file is the same as one that was written at the
// moment of its beginning.
//
// While a writer exists no other thread may call HDF5 (checkpoint.h, h5.h), which is not made for several threads. All
// of these functions are for one thread.
#ifndef CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H
#define CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H

#include "common/base/file.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/run/run_directory.h"

// The result of writing one file.
struct checkpoint_result {
  bool policy_only;   // it is best.h5, not a checkpoint
  double eval_return; // of that policy
  double in_place;    // eval_return of the last policy that this writer has put in place; -inf: of none
  enum checkpoint_content content;
  char path[FILE_PATH];
  double seconds;        // that writing took
  struct error error;    // status STATUS_OK: the file is whole and in place; STATUS_STOPPED: it was abandoned, or
                         // another job has the run directory now
  struct error unpruned; // why older checkpoints could not be removed
};

struct checkpoint_writer;
// job, run: not owned. run may be NULL: then nothing is pruned, and no other job may write there. NULL: failed.
struct checkpoint_writer *checkpoint_writer_create(const struct job *job, struct run_directory *run,
                                                   struct error *error);
// Abandons what is being written. Returns false if the disk does not answer for a minute: the thread and its memory
// stay behind, and the job has to stay, too, since the thread may still read its replay. NULL is fine.
bool checkpoint_writer_destroy(struct checkpoint_writer *writer);

// Begins to write the job as it is now; no other checkpoint may be in progress (checkpoint_writer_saving). Once the
// file is in place, all checkpoints but the newest `keep` are removed (0: none is).
enum status checkpoint_writer_begin(struct checkpoint_writer *writer, const char *path, enum checkpoint_content content,
                                    uint64_t keep, struct error *error);
// Begins what checkpoint_write_policy does, whatever else is in progress. The policy is written next, before a
// checkpoint that is begun later. It replaces one that still waits.
enum status checkpoint_writer_begin_policy(struct checkpoint_writer *writer, const char *path,
                                           const struct checkpoint_policy *policy, struct error *error);

// Abandons the checkpoint in progress, if any: soon, unless the disk is already being synchronised.
void checkpoint_writer_abandon(struct checkpoint_writer *writer);
// Somebody waits for the checkpoint in progress: from now on it does not leave half of the time to training.
void checkpoint_writer_urgent(struct checkpoint_writer *writer);

// Whether a checkpoint is in progress, or its result is still to be taken.
bool checkpoint_writer_saving(struct checkpoint_writer *writer);
// The same for a checkpoint or a policy.
bool checkpoint_writer_busy(struct checkpoint_writer *writer);
// Takes the next result; false: there is none.
bool checkpoint_writer_take(struct checkpoint_writer *writer, struct checkpoint_result *result);
// Waits for a result, at most so long.
void checkpoint_writer_wait(struct checkpoint_writer *writer, double seconds);
// A number that changes whenever rows or files have been written. If it stays the same for long, the disk hangs.
uint64_t checkpoint_writer_progress(struct checkpoint_writer *writer);
#endif
