// The learner: takes messages into the job, makes the updates that the rate limiter owes, publishes, evaluates, saves
// and reports. One thread drives it, calling learner_turn in a loop; no turn blocks. A team of threads shares an
// update.
//
// async does whatever is due; sync runs in rounds. learner.c says how, and learner/README.md why.
#ifndef CORSAC_LEARNER_LEARNER_H
#define CORSAC_LEARNER_LEARNER_H

#include "common/wire/transport.h"
#include "common/base/turn.h"
#include "learner/job/job.h"
#include "learner/run/run_directory.h"
#include <signal.h>

struct errands; // learner/run/errands.h

struct learner_setup { // not owned, all of it
  struct job *job;     // initialised, or read from a checkpoint
  struct transport *transport;
  struct run_directory *run;
  struct metrics_file *metrics_file;
  const volatile sig_atomic_t *stop; // a signal's number, or 0
  const char *checkpoint;            // file name of the checkpoint resumed from, or ""
  struct tensorboard *tensorboard;   // NULL: none is wanted
  const uint32_t *pid;               // (actors) of handshake_collect; NULL: unknown
  struct errands *errands;           // that write its files; NULL: they are written at once
  double began;                      // clock_now() when the start began: max_hours counts from there
  double best_saved;                 // return of the policy in the run's best.h5; -inf: there is none
};

struct learner;
struct learner *learner_create(const struct learner_setup *setup, struct error *error);
// Returns false where the job may not be released: see checkpoint_writer_destroy. NULL is fine.
bool learner_destroy(struct learner *learner);

// Tells every actor where its environments stand, the current policy, and to begin.
enum status learner_start(struct learner *learner, struct error *error);

// For an errand that takes long: the actors hear of the learner, and their silence does not count.
void learner_keep_in_touch(struct learner *learner);

// One turn. TURN_DONE: the job is over: it is saved, the actors have left, status.json is written. The learner logs
// what went wrong.
enum turn learner_turn(struct learner *learner);

// True when learner_outcome and status.json are final and only the actors' BYE is awaited.
bool learner_is_leaving(const struct learner *learner);

// True when a signal or max_hours asks the job to stop and it has not begun to. Any thread may call it.
bool learner_wants_to_stop(const struct learner *learner);

// The process ends now and its memory is not to be trusted: writes why to the log and to status.json, saves nothing.
void learner_abandon(struct learner *learner, const struct error *why);

struct learner_outcome {
  int exit_code;       // EXIT_*
  const char *state;   // as in status.json
  bool together;       // every actor has said BYE, so MPI_Finalize does not wait for one
  char reason[1024];   // in words; "" where exit_code is 0
  char checkpoint[64]; // file name of the newest, "" where there is none
  bool evaluated;      // the newest evaluation has a result:
  double last_return;  // its mean
  uint64_t last_steps; // its step
  uint32_t last_cut;   // its episodes that were cut
};

const struct learner_outcome *learner_outcome(const struct learner *learner);
#endif
