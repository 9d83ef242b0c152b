// When and how the job is saved: beside training where training goes on, and waited for where the job ends. While it is
// waited for, the actors hear of the learner and the run's lock stays fresh.
#ifndef CORSAC_LEARNER_CHECKPOINT_SCHEDULE_H
#define CORSAC_LEARNER_CHECKPOINT_SCHEDULE_H

#include "common/base/log_throttle.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/reporter.h"
#include "learner/exchange/actor_table.h"
#include <signal.h>

struct checkpoint_schedule {
  struct job *job; // not owned, nor is what follows
  struct run_directory *run;
  struct reporter *reporter; // its `checkpoint` is the newest
  struct actor_table *table;
  const volatile sig_atomic_t *stop;
  struct checkpoint_writer *writer;
  double last;          // s, when the last checkpoint began, or the process
  bool wanted;          // a checkpoint has come due and is not begun
  bool in_background;   // the one under way is written beside training: nobody waits to hear how it ends
  struct error failure; // of the last checkpoint that ended; status STATUS_OK: it is there
  struct error partial; // why the newest checkpoint is without its replay; status STATUS_OK: it is not
  bool whole;           // the newest that this process saved has its replay
  struct log_throttle unsaved;
  int heeded; // the signal that is being obeyed already
  bool hangs; // the disk does not answer: nothing is waited for any more
};
enum status checkpoint_schedule_init(struct checkpoint_schedule *schedule, struct job *job, struct run_directory *run,
                                     struct reporter *reporter, struct actor_table *table,
                                     const volatile sig_atomic_t *stop, struct error *error);
void checkpoint_schedule_release(struct checkpoint_schedule *schedule);

// Every turn, or at every round's end: a checkpoint is due and may begin. One that comes due while the one before it is
// still being written is `wanted` and may begin right after.
bool checkpoint_schedule_is_due(struct checkpoint_schedule *schedule);
// Begins to save the job as it stands; only after checkpoint_schedule_is_due. A save that fails in the middle of
// training is no reason to stop, here or later: it is logged.
void checkpoint_schedule_begin(struct checkpoint_schedule *schedule);
// Begins to write best.h5.
enum status checkpoint_schedule_best(struct checkpoint_schedule *schedule, const struct policy_weights *weights,
                                     const struct normalizer *normalizer, uint64_t env_steps, struct error *error);
void checkpoint_schedule_poll(struct checkpoint_schedule *schedule); // every turn: says how saves ended

// A signal, or another reason to stop, is obeyed from now on: gives up what is being saved, for something newer, and
// waits until it has.
void checkpoint_schedule_give_up(struct checkpoint_schedule *schedule);
// Lets a save that is under way end, saves the job as it stands and waits. STATUS_STOPPED: there is a signal that is
// not yet obeyed, and the job was not saved, for what it may ask.
enum status checkpoint_schedule_now(struct checkpoint_schedule *schedule, enum checkpoint_content content,
                                    struct error *error);
bool checkpoint_schedule_has_step(
    const struct checkpoint_schedule *schedule); // the newest checkpoint is of this very step
// The same for the whole job, or what of it can be written: on a disk that is too full for the replay, all but that.
// Then `partial` says what is missing and why, until a whole one is saved. Fails where nothing of the job as it stands
// is saved.
enum status checkpoint_schedule_whole(struct checkpoint_schedule *schedule, struct error *error);
void checkpoint_schedule_finish(struct checkpoint_schedule *schedule); // waits for all that is under way
#endif
