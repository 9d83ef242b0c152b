// A run's directory: config.yaml, metrics.csv, log.txt, status.json, ckpt-<steps>.h5, best.h5, and a lock that keeps a
// second run out.
#ifndef CORSAC_LEARNER_RUN_RUN_DIRECTORY_H
#define CORSAC_LEARNER_RUN_RUN_DIRECTORY_H

#include "common/base/status.h"
#include "learner/run/run_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_directory; // holds the lock

// --- opening and closing ---

// Makes a new directory, with its parents. Where it exists already it must be empty, other than scratch directories and
// unfinished files that a start has left: the error says how to resume, or to choose another --run-dir.
struct run_directory *run_directory_create(const char *path, struct error *error);

// Makes a new directory under a name that nobody else has: `path` if that is free, else path-2, path-3, ... Of several
// processes that ask at once each gets a name of its own. path (size bytes) becomes the name.
struct run_directory *run_directory_create_unique(char *path, size_t size, struct error *error);

// Opens the directory of a run that goes on, and removes what a killed writer left behind (*.tmp). An error names who
// holds the lock; a stale lock is taken over (run_lock.h).
struct run_directory *run_directory_open(const char *path, struct error *error);

// Gives the lock back.
void run_directory_close(struct run_directory *run);

// Instead of run_directory_close, for a job that never began: removes what a new directory holds so far (config.yaml,
// log.txt, status.json, the lock) and, if that leaves it empty, the directory itself. Removes nothing where the lock
// was lost.
void run_directory_discard(struct run_directory *run);

const char *run_directory_path(const struct run_directory *run);

// --- the lock: another job takes it over where this process stood still for too long ---

// Looks, at most once a second, whether the lock was lost, and refreshes it if it is older than 10 s. Any thread may
// call it. It returns at once while another thread is in it.
void run_directory_refresh_lock(struct run_directory *run);

// Whether a refresh found that the lock was lost. The directory is then another job's, and nothing more may be written
// to it. Any thread may call it.
bool run_directory_is_lost(const struct run_directory *run);

// The same as a status: STATUS_FAILED, and the error names the process that has the directory now.
enum status run_directory_check(const struct run_directory *run, struct error *error);

// Reads the lock's file for the same answer as of now. It may take long. Any thread may call it.
enum status run_directory_check_now(const struct run_directory *run, struct error *error);

// --- status.json ---

// STATUS_FAILED: the lock was lost, and the file stays as it is.
enum status run_directory_write_status(struct run_directory *run, const struct run_status *status, struct error *error);

// Refreshes the lock if it is older than 10 s, and the time in a status.json that says running if that is older than
// 5 s. Cheap enough to be called often.
void run_directory_refresh(struct run_directory *run);

// Returns what status.json said when the directory was opened. It is RUN_DIED where the start before did not say how
// it ended.
const struct run_last_status *run_directory_before(const struct run_directory *run);

// --- starts that fail ---

// A start that fails at the same step and in the same way as the two before it would do so for ever.
enum { RUN_FAILURES = 3 };

// Begins a start from a checkpoint (file name, or "") of so many steps and updates: status.json says running. Starts
// before it that died count as failures. RUN_FAILURES of them are an error, once.
enum status run_directory_begin(struct run_directory *run, uint64_t env_steps, uint64_t updates, const char *checkpoint,
                                struct error *error);

// Counts a start that ends at this step without having been asked to. Returns how many in a row have now ended so.
// cause: less than 32 characters, for status.json.
uint32_t run_directory_count_failure(struct run_directory *run, const char *cause, uint64_t env_steps,
                                     uint64_t updates);

// The job is done: no failure counts any more.
void run_directory_forget_failures(struct run_directory *run);

// --- checkpoints ---

// Renames the checkpoints of more than `steps` steps to *.bad, with a warning each: the run goes on from `steps`, so
// none of them may pass for the newest.
enum status run_directory_set_aside(struct run_directory *run, uint64_t steps, struct error *error);

// Deletes all but the newest `keep` checkpoints; 0 keeps all. STATUS_FAILED: another process has the lock now, and all
// stay. Reads of `run` only what never changes, so that another thread may call it.
enum status run_directory_prune(struct run_directory *run, uint64_t keep, struct error *error);

// Finds the newest checkpoint of a directory that verifies, or takes `path` itself where it is a file. A warning names
// each damaged one. A checkpoint that cannot be judged (in use by another program for longer than 2 s, no permission,
// an error of the disk, another version) is an error, and no older one takes its place: a run that went on from there
// would rename it to *.bad. With `require_resumable` a best.h5 given by name is refused. checkpoint: FILE_PATH bytes.
enum status run_newest_checkpoint(const char *path, bool require_resumable, char *checkpoint, struct error *error);
#endif
