// status.json: what a run says about itself, for scripts and for people. The learner writes it; everybody else reads it
// here and learns whether the process that wrote it still lives.
#ifndef CORSAC_LEARNER_RUN_RUN_STATUS_H
#define CORSAC_LEARNER_RUN_RUN_STATUS_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How many starts in a row have ended in the same way at the same step.
struct run_failures {
  uint32_t count;
  char cause[32]; // "": none
  uint64_t at_steps, at_updates;
};

// --- writing ---

// The call of an environment that keeps an actor waiting longest.
struct run_wait {
  const char *call; // NULL: none takes long
  int rank;
  uint32_t environment;
  bool evaluation;
  double seconds;
};

struct run_status {
  const char *state; // running, done, stopped, failed
  int exit_code;     // -1 while the run runs (null in the file)
  const char *reason;
  uint64_t env_steps, updates;
  const char *checkpoint;                 // file name of the newest, or ""
  uint64_t surplus, unsent, lost_at_most; // steps that were made and never used: struct actor_table_losses
  uint32_t actors_lost;
  uint32_t eval_cut; // episodes of the newest evaluation that were cut short
  struct run_wait wait;
};

// Replaces the file at `path` as a whole. The file names the host, this process and the time too. While the run runs,
// the write does not wait for the disk; on a full disk it goes over the old file in place.
enum status run_status_write(const char *path, const struct run_status *status, const struct run_failures *failures,
                             const char *host, struct error *error);

// --- reading ---

enum run_state {
  RUN_UNKNOWN, // there is no status.json that can be read
  RUN_RUNNING,
  RUN_SILENT, // the file says running, but it is old, and this host cannot see whether the process lives
  RUN_DIED,   // the file says running, but its process has gone: killed, crashed, or its host went down
  RUN_DONE,
  RUN_STOPPED,
  RUN_FAILED
};

// Returns "unknown", "running", "silent", "died", "done", "stopped" or "failed".
const char *run_state_name(enum run_state state);

// What the file said last. A text that the file lacks is "", a number is 0.
struct run_last_status {
  enum run_state state; // judged
  bool says_running;    // as it stands in the file
  int exit_code;        // -1: the run has not ended, or the file has none
  char reason[1024], host[256], updated[64], checkpoint[64], boot[64];
  uint64_t pid, pid_namespace, process_start;
  double age; // s since `updated`; negative: unknown
  uint64_t env_steps, updates, surplus, unsent, lost_at_most, actors_lost;
  struct run_failures failures;
};

// Reads the status.json of a run directory and judges it as of now. Never fails: what cannot be read is RUN_UNKNOWN.
void run_last_status_read(const char *directory, struct run_last_status *last);

// Says it in words for people: "died: process 7 on node3 has gone ...".
void run_last_status_format(const struct run_last_status *last, char *text, size_t size);
#endif
