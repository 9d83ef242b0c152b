// The learner: drains messages into the job, updates as far as the rate limiter owes, publishes, evaluates, saves and
// reports. One thread talks (an update is shared by its team), never blocking: whoever drives it calls learner_turn in
// a loop.
//
// async: all of that whenever it is due. sync: lockstep rounds; see DESIGN section 3 and CONTRIBUTING. One code path
// apart from that order.
#ifndef CORSAC_LEARNER_LEARNER_H
#define CORSAC_LEARNER_LEARNER_H

#include "common/wire/transport.h"
#include "common/base/turn.h"
#include "learner/job/job.h"
#include "learner/run/run_directory.h"
#include <signal.h>

struct learner_setup { // not owned, all of it
  struct job *job;     // initialised, or read from a checkpoint
  struct transport *transport;
  struct run_directory *run;
  struct metrics_file *metrics_file;
  const volatile sig_atomic_t *stop; // a signal's number, or 0
  const char *checkpoint;            // file name of the checkpoint resumed from, or ""
  struct tensorboard *tensorboard;   // NULL: none is wanted
  const uint32_t *pid;               // (actors) of handshake_collect; NULL: unknown
};
struct learner;
struct learner *learner_create(const struct learner_setup *setup, struct error *error);
void learner_destroy(struct learner *learner);
// Tells every actor where its environments stand, the current policy, and to begin.
enum status learner_start(struct learner *learner, struct error *error);
// TURN_DONE: the job is over: checkpoint saved, actors told to leave, status.json written. What went wrong was logged
// here.
enum turn learner_turn(struct learner *learner);

// The end stands in learner_outcome and in status.json; only the actors' last word is awaited.
bool learner_is_leaving(const struct learner *learner);
// A signal or the time limit asks the job to stop, and it has not begun to. From any thread.
bool learner_wants_to_stop(const struct learner *learner);
// The process ends now, and memory is not to be trusted: says why, in the log and in status.json, and saves nothing.
void learner_abandon(struct learner *learner, const struct error *why);

struct learner_outcome {
  int exit_code;       // EXIT_*
  const char *state;   // as in status.json
  bool together;       // every actor has said BYE, so MPI_Finalize will not wait
  char reason[1024];   // in words; "" where exit_code is 0
  char checkpoint[64]; // file name of the newest, "" where there is none
  bool evaluated;      // last_return is the mean of the newest evaluation, at last_steps
  double last_return;
  uint64_t last_steps;
  uint32_t last_cut; // of its episodes
};
const struct learner_outcome *learner_outcome(const struct learner *learner);
#endif
