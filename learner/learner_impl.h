// Inside of the learner: its state, shared by its loop (learner.c) and what takes the actors' messages
// (learner_messages.c).
#ifndef CORSAC_LEARNER_LEARNER_IMPL_H
#define CORSAC_LEARNER_LEARNER_IMPL_H

#include "common/base/log_throttle.h"
#include "learner/exchange/evaluation.h"
#include "learner/exchange/env_failures.h"
#include "learner/learner.h"
#include "learner/reporter.h"
#include "learner/exchange/actor_table.h"
#include "learner/checkpoint_schedule.h"
#include "learner/exchange/transition_receiver.h"
#include "learner/exchange/weights_publisher.h"

enum phase { PHASE_TRAINING, PHASE_FINISHING, PHASE_LEAVING, PHASE_OVER };
// sync: what a round goes through, in this order. A job saved anywhere in it resumes at STAGE_UPDATE and does the same.
enum stage { STAGE_UPDATE, STAGE_EVALUATE, STAGE_REPORT, STAGE_ROUND };

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
  uint64_t round;
  uint32_t round_ends; // sync: actors that have ended the round
  uint64_t requests;   // async: how often all were asked for snapshots
  uint64_t collecting; // async: snapshots still missing for the save that is due; 0: none is
  double collect_until;
  double deadline;   // max_hours
  double idle_since; // 0: busy
  double leave_began, leave_until;
  bool said_waiting;
  double looked;   // when at who is alive
  uint64_t climbs; // updates in a row in which the entropy was below its target
  struct log_throttle alpha_high;
  uint64_t updates_at_round; // sync: updates before the round's first
  bool stop_requested;       // an actor was told to stop
  bool final_evaluation;     // asked for
  bool retired;              // an actor was
  bool scattered;            // a group failed, whose ranks may not come out of their environment: no common end
  bool failed;               // an actor reported why it cannot go on, and the job cannot without it
  struct learner_outcome outcome;
};

// Takes what has arrived, up to a number of messages. What no actor of ours would say costs its sender its place in the
// job, not the job.
enum status learner_drain(struct learner *learner, bool *busy, struct error *error);
int learner_world_rank(const struct learner *learner, uint32_t actor); // how messages to people name it
void learner_give_up_evaluation(struct learner *learner);              // the one under way, if there is one

#endif
