// What has to be settled before a job starts, on rank 0 alone: the resolved configuration, the checkpoint to go on
// from, the run directory.
#ifndef CORSAC_LAUNCH_TRAIN_SETUP_H
#define CORSAC_LAUNCH_TRAIN_SETUP_H

#include "common/base/file.h"
#include "common/config/config.h"
#include "learner/run/run_directory.h"

struct start_watch;
struct setup {
  bool last;             // the process ends with this job
  struct config config;  // resolved
  struct config saved;   // what stood before this start's options: the checkpoint's, or defaults, preset and recipe
  bool resume, in_place; // in_place: the run directory goes on; else it is a new one
  bool begins_again;     // in a run directory that is there, but holds no checkpoint
  bool automatic;        // --resume auto: whoever starts it reads status.json
  char checkpoint[FILE_PATH];    // resume: the file
  uint64_t steps, updates;       // ... and what it holds
  uint64_t wanted_threads;       // of the learner, were it not for mpirun's binding
  uint32_t ranks;                // of the job, 1 in one process
  char init_replay[CONFIG_TEXT]; // file of transitions that a new run's replay begins with, "" for none
  char init_policy[CONFIG_TEXT]; // whose policy a new run begins with, "" for none
  struct start_watch *watch;     // not owned, or NULL: who looks for signals until training begins
  struct run_directory *run;     // owned: locked, config.yaml written, log.txt opened
};
// actors: ranks that act (1 in one process). Precedence: defaults < preset of the environment < --recipe < --config
// FILE < command line; on resume the checkpoint's configuration takes the place of defaults and preset. STATUS_DONE:
// the run to be resumed has ended at env_steps, and nothing of it was touched.
enum status setup_resolve(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error);
// A job that never began gives its run directory back. What was there before it stays, and status.json says how this
// start ended; a new one goes, but that of --resume auto keeps the word. setup->run becomes NULL.
void setup_abandon(struct setup *setup, int exit_code, const char *reason);
// The same where there is no setup yet: the run that these arguments name, if it is one, and no other process has it.
// setup_resolve does it where it fails.
void setup_refuse(int argc, char **argv, int exit_code, const char *reason);
// Bytes of a shared weights on which the policy of every environment of up to some thousand observations and some
// hundred actions can be published: shared weights are made before the environment is known. 0: that would be more than
// a message may have.
size_t setup_shared_weights_capacity(const struct config *config);
#endif
