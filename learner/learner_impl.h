// Inside of the learner: its state, shared by its loop (learner.c), the turns of training (learner_stages.c), the end
// of a job (learner_end.c) and what takes the actors' messages (learner_messages.c).
#ifndef CORSAC_LEARNER_LEARNER_IMPL_H
#define CORSAC_LEARNER_LEARNER_IMPL_H

#include "common/base/log_throttle.h"
#include "learner/checkpoint_schedule.h"
#include "learner/exchange/actor_table.h"
#include "learner/exchange/env_failures.h"
#include "learner/exchange/evaluation.h"
#include "learner/exchange/transition_receiver.h"
#include "learner/exchange/weights_publisher.h"
#include "learner/learner.h"
#include "learner/reporter.h"

// learner.c says what leads from one phase, and from one stage, to the next.
enum phase { PHASE_TRAINING, PHASE_FINISHING, PHASE_LEAVING, PHASE_OVER };
enum stage { STAGE_UPDATE, STAGE_EVALUATE, STAGE_REPORT, STAGE_ROUND }; // of a round in sync

struct learner {
  struct job *job;
  struct transport *transport;
  const volatile sig_atomic_t *stop;
  enum phase phase;
  enum stage stage;

  struct actor_table table;
  struct transition_receiver *receiver;
  struct weights_publisher publisher;
  struct evaluation evaluation;
  struct reporter reporter;
  struct checkpoint_schedule schedule;
  struct env_failures env_failures;

  uint64_t round;            // sync: its number in this process
  uint32_t round_ends;       // sync: actors that have ended the round
  uint64_t updates_at_round; // sync: updates before the round's first

  uint64_t requests;    // async: how often the learner asked all actors for snapshots
  uint64_t collecting;  // async: snapshots that the save that is due still waits for; 0: none
  double collect_until; // clock_now(): the save waits no longer; 0: no save collects snapshots

  double deadline;                 // clock_now() at which max_hours have passed
  double idle_since;               // clock_now(); 0: the last turn was busy
  double began, idle;              // clock_now() of the first turn, 0: none yet; s of idle turns since then
  double leave_began, leave_until; // clock_now()
  double looked;                   // clock_coarse() of the last look at who is alive
  bool said_waiting;

  uint64_t climbs; // updates in a row in which the entropy was below its target
  struct log_throttle alpha_high;

  bool stop_requested;   // a signal told an actor to stop
  bool final_evaluation; // it has begun
  bool retired;          // an actor retired
  bool scattered;        // a group of ranks failed; some of them may hang in their environment: no common end
  bool failed;           // an actor reported why it cannot go on, and the job cannot go on without it
  struct learner_outcome outcome;
};

// --- learner.c ---

// Adds to *seconds what has passed since `since`.
void learner_add_time(double *seconds, double since);

// Publishes the job's policy; everyone: to all actors now, see weights_publisher_poll.
enum status learner_publish(struct learner *learner, bool everyone, struct error *error);

// Sends a message without fields to all actors that are alive; active_only: to those that have environments.
enum status learner_send_empty(struct learner *learner, enum message_type type, bool active_only, struct error *error);

// --- learner_stages.c ---

// One turn of training, async or sync.
enum status learner_train(struct learner *learner, bool *busy, struct error *error);

// One turn after the last step and update: the final evaluation and save.
enum status learner_finish(struct learner *learner, bool *busy, struct error *error);

// --- learner_end.c ---

// Fixes the outcome, tells the actors to stop, and waits for their BYE from now on. No effect when called again.
void learner_leave(struct learner *learner, int exit_code, const char *state, const char *reason);

// Leaves because of an error.
void learner_fail(struct learner *learner, const struct error *error);

// Saves the job and leaves. signal_number: the signal that asks for it, 0: none. cause: LEARNER_ACTORS or LEARNER_TIME;
// NULL: a signal, here or at an actor.
void learner_save_and_stop(struct learner *learner, int signal_number, const char *cause, const char *reason);

// One turn of waiting for the actors' last messages.
void learner_wait_for_leaving(struct learner *learner);

// Causes of an end that no user asked for, in status.json; equal from start to start.
#define LEARNER_ACTORS "actors"
#define LEARNER_TIME   "max_hours"

// --- learner_messages.c ---

// Takes the messages that have arrived, up to a number of them. Expels the sender of an invalid one; the job goes on.
enum status learner_drain(struct learner *learner, bool *busy, struct error *error);

// The rank by which messages to people name an actor.
int learner_world_rank(const struct learner *learner, uint32_t actor);

// Gives up the evaluation that is running, if one is.
void learner_give_up_evaluation(struct learner *learner);

#endif
