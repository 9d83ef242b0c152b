// Writes checkpoints and best.h5 beside training, on a thread of its own. Beginning one copies what is small (see
// job_snapshot.h); the replay's rows are read where they stand while they are written, oldest first, and until then
// nothing may be inserted over them (replay_room). A file is what a save at the moment of its beginning would have
// been.
//
// Once a writer is there nobody else may call HDF5 (checkpoint.h): it is not made for several threads. All of this is
// for one thread.
#ifndef CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H
#define CORSAC_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H

#include "common/base/file.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/run/run_directory.h"

// What became of a file.
struct checkpoint_result {
  bool policy_only; // it is a policy's
  enum checkpoint_content content;
  char path[FILE_PATH];
  double seconds;        // that it took
  struct error error;    // status STATUS_OK: it is whole and in place; STATUS_STOPPED: it was given up
  struct error unpruned; // why older ones could not be removed
};

struct checkpoint_writer;
// job, run: not owned; run may be NULL where nothing is to be pruned.
struct checkpoint_writer *checkpoint_writer_create(const struct job *job, struct run_directory *run,
                                                   struct error *error);
// Gives up what is under way. A disk that does not answer for a minute keeps the thread and its memory.
void checkpoint_writer_destroy(struct checkpoint_writer *writer);

// Begins to write the job as it stands; no other checkpoint may be under way. Once it is in place, all but the newest
// `keep` are removed (0: none).
enum status checkpoint_writer_begin(struct checkpoint_writer *writer, const char *path, enum checkpoint_content content,
                                    uint64_t keep, struct error *error);
// The same for checkpoint_write_policy, whatever is under way: it comes next, and before a checkpoint that is begun
// later. One that waits already is replaced.
enum status checkpoint_writer_begin_policy(struct checkpoint_writer *writer, const char *path,
                                           const struct policy_weights *weights, const struct normalizer *normalizer,
                                           uint64_t env_steps, struct error *error);
// The checkpoint under way, if any, is given up: soon, unless it is already being synchronised with the disk.
void checkpoint_writer_abandon(struct checkpoint_writer *writer);
// The checkpoint under way is waited for: it no longer leaves every other moment to training.
void checkpoint_writer_urgent(struct checkpoint_writer *writer);
bool checkpoint_writer_saving(struct checkpoint_writer *writer); // a checkpoint is under way, or has an ending to take
bool checkpoint_writer_busy(struct checkpoint_writer *writer);   // or a policy
// Takes the next ending there is; false: none.
bool checkpoint_writer_take(struct checkpoint_writer *writer, struct checkpoint_result *result);
// Waits until there is an ending, but not longer than this.
void checkpoint_writer_wait(struct checkpoint_writer *writer, double seconds);
// Changes whenever something has been done: what does not change for long hangs.
uint64_t checkpoint_writer_progress(struct checkpoint_writer *writer);
#endif
