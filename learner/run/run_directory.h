// A run's directory: config.yaml, metrics.csv, log.txt, status.json, ckpt-<steps>.h5, best.h5, and a lock that keeps a
// second run out.
#ifndef CORSAC_LEARNER_RUN_RUN_DIRECTORY_H
#define CORSAC_LEARNER_RUN_RUN_DIRECTORY_H

#include "common/base/file.h"
#include "common/base/status.h"
#include "learner/run/metrics_file.h"
#include "learner/run/run_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_directory; // holds the lock

// A new one (parents are made): it must not exist, or be empty. The message says how to resume, or to choose another
// --run-dir.
struct run_directory *run_directory_create(const char *path, struct error *error);
// A new one of a name that nobody else has: `path` if that is free, else path-2, path-3, ..., of several who ask at
// once one each. path (size bytes) becomes the name.
struct run_directory *run_directory_create_unique(char *path, size_t size, struct error *error);
// One that is there, to go on in it. Locked by a living process: an error that names host, pid and how long ago the
// lock was refreshed. A stale lock (its process on this host is gone, or not refreshed for 60 s) is taken over with a
// warning. What a killed writer left behind (*.tmp) is removed.
struct run_directory *run_directory_open(const char *path, struct error *error);
void run_directory_close(struct run_directory *run); // gives the lock back
// For a job that never began: removes what a new directory holds so far (config.yaml, log.txt, status.json, the lock)
// and, if that leaves it empty, itself. Instead of run_directory_close.
void run_directory_discard(struct run_directory *run);
const char *run_directory_path(const struct run_directory *run);
// Refreshes the lock if it is older than 10 s, and `updated` of a status.json that says running if that is older than
// 5 s; cheap to call often.
void run_directory_refresh(struct run_directory *run);

// A run goes on from its checkpoint at `steps`: those of more steps, which could not be read or are not to be gone on
// from, are renamed to *.bad with a warning, so that none of them passes for the newest.
enum status run_directory_set_aside(struct run_directory *run, uint64_t steps, struct error *error);
// Deletes all but the newest `keep` checkpoints. 0 keeps all. Reads of `run` only what never changes.
enum status run_directory_prune(struct run_directory *run, uint64_t keep, struct error *error);
// The newest checkpoint of a directory (or the file itself where path is one) that verifies; each one that is damaged
// is named in a warning. One that cannot be judged (in use by another program for longer than 2 s, no permission, an
// error of the disk, another version) is an error, and nothing older takes its place: a run that went on from there
// would rename it to *.bad. With `require_resumable` a best.h5 given by name is refused with a clear word. path out:
// FILE_PATH bytes.
enum status run_newest_checkpoint(const char *path, bool require_resumable, char *checkpoint, struct error *error);

// Writes a small file whole or not at all: temporary name, fsync, rename.
enum status run_write_file(const char *path, const char *text, size_t size, struct error *error);

// status.json: the truth about the run for scripts.
struct run_status {
  const char *state; // running, done, stopped, failed
  int exit_code;     // -1 while running (null in the file)
  const char *reason;
  uint64_t env_steps, updates;
  const char *checkpoint;                 // file name of the newest, or ""
  uint64_t surplus, unsent, lost_at_most; // steps made and not used: see struct actor_table_losses
  uint32_t actors_lost;
  uint32_t eval_cut; // episodes of the newest evaluation that did not end by themselves
};
enum status run_write_status(struct run_directory *run, const struct run_status *status, struct error *error);

// What status.json said when the directory was opened; RUN_DIED where that start has left no word of its end.
const struct run_word *run_directory_before(const struct run_directory *run);

// A start that has failed at the same step as the two before it, and in the same way, would do so for ever.
enum { RUN_FAILURES = 3 };
// The start goes on from a checkpoint (file name, or "") of so many steps and updates: status.json says running. Starts
// before it that died without a word count as failures: an error, once, where there are RUN_FAILURES of them.
enum status run_directory_begin(struct run_directory *run, uint64_t env_steps, uint64_t updates, const char *checkpoint,
                                struct error *error);
// The start ends there, and not because it was asked to: counts it. Returns how many in a row now have ended so. cause:
// less than 32 characters; status.json has it.
uint32_t run_directory_count_failure(struct run_directory *run, const char *cause, uint64_t env_steps,
                                     uint64_t updates);
void run_directory_forget_failures(struct run_directory *run); // the job is done
#endif
