// When and how the job is saved: in the background while training goes on, and waited for where the job ends. During a
// wait the actors get heartbeats and the run's lock stays fresh. checkpoint_schedule.c lists states and invariants.
#ifndef CORSAC_LEARNER_CHECKPOINT_SCHEDULE_H
#define CORSAC_LEARNER_CHECKPOINT_SCHEDULE_H

#include "common/base/log_throttle.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/exchange/actor_table.h"
#include "learner/reporter.h"
#include <signal.h>

struct checkpoint_schedule {
  struct job *job; // not owned, nor is what follows
  struct run_directory *run;
  struct reporter *reporter; // its `checkpoint` names the newest
  struct actor_table *table;
  const volatile sig_atomic_t *stop;

  struct checkpoint_writer *writer;
  double best_saved;    // return of the policy in best.h5; -inf: there is none
  double best;          // the same once all that was begun is written
  double last;          // clock_now() at which the last checkpoint began, or the process
  double retry;         // clock_coarse() from which one that failed is tried again; 0: none failed
  bool wanted;          // a checkpoint has come due and has not begun
  bool in_background;   // training goes on during the running save: the log tells its result
  struct error failure; // of the last checkpoint that ended; STATUS_OK: it is there
  struct error partial; // why the newest checkpoint is without its replay; STATUS_OK: it is not
  bool whole;           // the newest checkpoint of this process has its replay
  struct log_throttle unsaved;
  int heeded; // the signal that ends no wait any more
  bool hangs; // the disk does not answer: no wait is worth it any more
};
// Begins without a best.h5; the caller sets best_saved and best where there is one.
enum status checkpoint_schedule_init(struct checkpoint_schedule *schedule, struct job *job, struct run_directory *run,
                                     struct reporter *reporter, struct actor_table *table,
                                     const volatile sig_atomic_t *stop, struct error *error);
// As checkpoint_writer_destroy.
bool checkpoint_schedule_release(struct checkpoint_schedule *schedule);

// --- while training goes on ---

// True when a checkpoint is due and may begin. One that comes due during a save is `wanted` and may begin right after.
// Called every turn, in sync at every round's end.
bool checkpoint_schedule_is_due(struct checkpoint_schedule *schedule);

// Begins to save the job as it stands, after checkpoint_schedule_is_due. A save that fails is logged; training goes on.
void checkpoint_schedule_begin(struct checkpoint_schedule *schedule);

// Whether a policy with this return in an evaluation is better than that of best.h5.
bool checkpoint_schedule_is_best(const struct checkpoint_schedule *schedule, double eval_return);

// Begins to write best.h5. Where that fails the policy before it stays the one to be compared with.
enum status checkpoint_schedule_best(struct checkpoint_schedule *schedule, const struct checkpoint_policy *policy,
                                     struct error *error);

// Takes the results of saves that have ended, and logs them. Called every turn.
void checkpoint_schedule_poll(struct checkpoint_schedule *schedule);

// --- where the job ends ---

// The signal of this number, 0: another reason to stop, is obeyed from now on; one that came since is not yet. Gives up
// the running save, for something newer, and waits until it has ended.
void checkpoint_schedule_give_up(struct checkpoint_schedule *schedule, int signal_number);

// Waits for the running save, then saves the job as it stands and waits for that. STATUS_STOPPED: a signal came that is
// not yet obeyed; the job is not saved, for what the signal may ask.
enum status checkpoint_schedule_now(struct checkpoint_schedule *schedule, enum checkpoint_content content,
                                    struct error *error);

// Saves the whole job as checkpoint_schedule_now does. On a disk that is too full for the replay it saves all but that;
// `partial` then says why, until a whole checkpoint is saved. Fails where nothing of the job as it stands is saved.
enum status checkpoint_schedule_whole(struct checkpoint_schedule *schedule, struct error *error);

// True when the newest checkpoint is of the job's present step.
bool checkpoint_schedule_has_step(const struct checkpoint_schedule *schedule);

// Waits for all running saves, best.h5 included.
void checkpoint_schedule_finish(struct checkpoint_schedule *schedule);
#endif
