// When and how the job is saved: beside training where training goes on, and waited for where the job ends. While it is
// waited for, the actors hear of the learner and the run's lock stays fresh.
#ifndef CORSAC_LEARNER_CHECKPOINT_SCHEDULE_H
#define CORSAC_LEARNER_CHECKPOINT_SCHEDULE_H

#include "common/base/log_throttle.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/reporter.h"
#include "learner/exchange/actor_table.h"
#include <signal.h>

struct saving {
  struct job *job; // not owned, nor is what follows
  struct run_directory *run;
  struct reporter *reporter; // its `checkpoint` is the newest
  struct roster *roster;
  const volatile sig_atomic_t *stop;
  struct checkpoint_writer *writer;
  double last;          // s, when the last checkpoint began, or the process
  bool wanted;          // a checkpoint has come due and is not begun
  bool beside;          // the one under way is written beside training: nobody waits to hear how it ends
  struct error failure; // of the last checkpoint that ended; status STATUS_OK: it is there
  struct error partial; // why the newest checkpoint is without its replay; status STATUS_OK: it is not
  bool whole;           // the newest that this process saved has its replay
  struct complaint unsaved;
  int heeded; // the signal that is being obeyed already
  bool hangs; // the disk does not answer: nothing is waited for any more
};
enum status saving_init(struct saving *saving, struct job *job, struct run_directory *run, struct reporter *reporter,
                        struct roster *roster, const volatile sig_atomic_t *stop, struct error *error);
void saving_release(struct saving *saving);

// Every turn, or at every round's end: a checkpoint is due and may begin. One that comes due while the one before it is
// still being written is `wanted` and may begin right after.
bool saving_is_due(struct saving *saving);
// Begins to save the job as it stands; only after saving_is_due. A save that fails in the middle of training is no
// reason to stop, here or later: it is logged.
void saving_begin(struct saving *saving);
// Begins to write best.h5.
enum status saving_best(struct saving *saving, const struct policy_weights *weights,
                        const struct normalizer *normalizer, uint64_t env_steps, struct error *error);
void saving_poll(struct saving *saving); // every turn: says how saves ended

// A signal, or another reason to stop, is obeyed from now on: gives up what is being saved, for something newer, and
// waits until it has.
void saving_give_up(struct saving *saving);
// Lets a save that is under way end, saves the job as it stands and waits. STATUS_STOPPED: there is a signal that is
// not yet obeyed, and the job was not saved, for what it may ask.
enum status saving_now(struct saving *saving, enum checkpoint_content content, struct error *error);
bool saving_has_step(const struct saving *saving); // the newest checkpoint is of this very step
// The same for the whole job, or what of it can be written: on a disk that is too full for the replay, all but that.
// Then `partial` says what is missing and why, until a whole one is saved. Fails where nothing of the job as it stands
// is saved.
enum status saving_whole(struct saving *saving, struct error *error);
void saving_finish(struct saving *saving); // waits for all that is under way
#endif
