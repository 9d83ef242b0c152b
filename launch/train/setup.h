// What rank 0 settles before a job starts: the resolved configuration, the checkpoint to go on from, the run directory.
#ifndef CORSAC_LAUNCH_TRAIN_SETUP_H
#define CORSAC_LAUNCH_TRAIN_SETUP_H

#include "common/base/file.h"
#include "common/config/config.h"
#include "learner/run/run_directory.h"

struct start_watch;
struct setup {
  double began;                  // clock_now() of setup_resolve
  bool last;                     // the process ends with this job
  struct config config;          // resolved
  struct config saved;           // before this start's options: the checkpoint's, or defaults, preset and recipe
  bool resume, in_place;         // in_place: the run directory goes on; else it is a new one
  bool begins_again;             // in a run directory that exists, but holds no checkpoint
  bool automatic;                // --resume auto: a script starts it, and reads status.json
  char checkpoint[FILE_PATH];    // of a resume: the file
  uint64_t steps, updates;       // ... and what it holds
  uint64_t seen;                 // the steps of the directory's newest checkpoint before the choice; 0: none
  uint64_t wanted_threads;       // of the learner, if mpirun's binding did not limit them
  uint32_t ranks;                // of the job, 1 in one process
  char init_replay[CONFIG_TEXT]; // the file of transitions that a new run's replay begins with, "" for none
  char recipe[CONFIG_TEXT];      // the recipe of this start, "" for none
  char init_policy[CONFIG_TEXT]; // the policy that a new run begins with, "" for none
  struct start_watch *watch;     // looks for signals until training begins; not owned, may be NULL
  struct run_directory *run;     // owned: locked, config.yaml written, log.txt opened
};

// Resolves everything. Later values win: defaults, the environment's preset, --recipe, --config FILE, the command line.
// A resume takes the checkpoint's configuration in place of defaults and preset. actors: ranks that act, 1 in one
// process. STATUS_DONE: the run to be resumed has ended at env_steps, and nothing of it was touched. After another
// failure status.json tells of it, as after setup_refuse.
enum status setup_resolve(struct setup *setup, int argc, char **argv, uint32_t actors, struct error *error);

// The name of the checkpoint that goes on in its own run directory; "" for every other start.
const char *setup_checkpoint_name(const struct setup *setup);

// A job that never began gives its run directory back. One that existed before stays, and status.json tells how this
// start ended. A new one is removed, except that of --resume auto, which keeps status.json. setup->run becomes NULL.
void setup_abandon(struct setup *setup, int exit_code, const char *reason);

// The same where no setup exists yet: for the run that these arguments name, if no other process has it.
void setup_refuse(int argc, char **argv, int exit_code, const char *reason);

// The bytes that the shared weights get. They are made before the environment is known, so the policy of every
// environment of up to 4096 observations and 256 actions fits. 0: that would be more than a message may have.
size_t setup_shared_weights_capacity(const struct config *config);

#endif
