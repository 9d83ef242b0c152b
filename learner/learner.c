// The learner's loop: learner_turn, called over and over, makes one turn and never blocks.
//
// The phases of a job, and what leads from one to the next:
//
//   TRAINING   rows arrive, updates are made
//     -> FINISHING   learner_train: env_steps are made, and in async the updates owed for them
//     -> LEAVING     learner_save_and_stop: a signal, max_hours, actors presumed dead or expelled (look_around)
//                    learner_fail: an error, an actor that reports why the job cannot go on, or another job that
//                    has taken the run directory over (look_around): nothing is saved then
//   FINISHING  the final evaluation runs, the whole job is saved
//     -> LEAVING     learner_finish: all is saved; or as from TRAINING
//   LEAVING    the outcome is fixed, the actors have been told to stop
//     -> OVER        learner_wait_for_leaving: every actor that is alive has said BYE, or the time for it has passed
//   OVER       learner_turn returns TURN_DONE
//
// async: a turn of TRAINING does everything that is due (async_turn in learner_stages.c).
// sync: TRAINING consists of rounds, and a round of stages. A new job and a resumed one begin at UPDATE.
//
//   UPDATE     makes the updates that are owed, one a turn
//     -> EVALUATE    update_stage: none is owed; the parameters have their version (close_updates)
//   EVALUATE   runs the evaluation that is due, while the actors wait
//     -> REPORT      evaluate_stage: none is due, none runs
//   REPORT     writes a row of metrics, begins a checkpoint
//     -> ROUND       begin_round: publishes the version and sends ROUND to every actor
//     -> phase FINISHING, at env_steps
//   ROUND      the actors make their steps; the receiver keeps rows and snapshots apart from the job
//     -> UPDATE      round_stage: every actor has ended the round; its rows and snapshots go into the job
//
// Invariants, between two turns (check_invariants):
//
//   I1. Phases go forward only.
//   I2. The outcome is fixed when, and only when, the phase is LEAVING or OVER.
//   I3. sync: the job is always that of a whole round's end plus some of the updates it owes. So a save at any moment
//       is exact and waits for no actor, and a resume begins at UPDATE and computes the same.
//   I4. sync: past UPDATE no update is owed, and a round's rows are made by the parameters of its version.
//   I5. async: a save waits for snapshots only until collect_until.
//   I6. No version is published that the job does not have.
#include "learner/learner_impl.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/plural.h"
#include "common/config/options.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LOOK_SECONDS = 0.01;   // between two looks at who is alive
static const double SILENT_SECONDS = 30.0; // after which the log says that training waits for an evaluation

// Slack covers the rows that all actors may have in flight, so that one slow actor does not use up the others' share.
static void set_slack(struct learner *learner) {
  struct job *job = learner->job;
  uint64_t slack = 0;
  for (uint32_t i = 0; i < learner->table.active; i++)
    slack += ACTOR_TABLE_CREDITS * (uint64_t)(job->limiter.by_transition ? learner->table.entry[i].batch_transitions
                                                                         : learner->table.entry[i].batch_steps);
  job->limiter.slack = job->config.utd_slack > slack ? job->config.utd_slack : slack;
}

static enum status init_parts(struct learner *learner, const struct learner_setup *setup, struct error *error) {
  struct job *job = setup->job;
  enum status status = actor_table_init(&learner->table, &job->config, setup->transport, error);
  if (status == STATUS_OK) actor_table_take_agents(&learner->table, &job->config, job->environment.agents);
  const uint32_t actors = learner->table.actors;
  for (uint32_t i = 0; i < actors && status == STATUS_OK && setup->pid; i++)
    learner->table.entry[i].pid = setup->pid[i];
  if (status == STATUS_OK) status = weights_publisher_init(&learner->publisher, job, setup->transport, error);
  if (status == STATUS_OK) status = evaluation_init(&learner->evaluation, job, error);
  if (status == STATUS_OK)
    status = checkpoint_schedule_init(&learner->schedule, job, setup->run, &learner->reporter, &learner->table,
                                      setup->stop, error);
  if (status != STATUS_OK) return status;
  learner->schedule.best_saved = learner->schedule.best = setup->best_saved;
  learner->receiver = transition_receiver_create(job, actors, error);
  return learner->receiver ? STATUS_OK : error->status;
}

struct learner *learner_create(const struct learner_setup *setup, struct error *error) {
  struct learner *learner = memory_alloc(1, sizeof *learner, "the learner", error);
  if (!learner) return NULL;
  struct job *job = setup->job;
  *learner = (struct learner){.job = job, .transport = setup->transport, .stop = setup->stop};
  const double hours = job->config.max_hours;
  learner->deadline = hours > 0 ? setup->began + 3600 * hours : INFINITY;
  if (init_parts(learner, setup, error) != STATUS_OK) {
    learner_destroy(learner);
    return NULL;
  }
  set_slack(learner);
  learner->updates_at_round = job->limiter.updates;
  reporter_init(&learner->reporter, job, setup->run, setup->metrics_file);
  learner->reporter.tensorboard = setup->tensorboard;
  learner->reporter.errands = setup->errands;
  snprintf(learner->reporter.checkpoint, sizeof learner->reporter.checkpoint, "%s", setup->checkpoint);
  return learner;
}

bool learner_destroy(struct learner *learner) {
  if (!learner) return true;
  const bool job_is_free = checkpoint_schedule_release(&learner->schedule);
  transition_receiver_destroy(learner->receiver);
  weights_publisher_release(&learner->publisher);
  evaluation_release(&learner->evaluation);
  actor_table_release(&learner->table);
  memory_free(learner);
  return job_is_free;
}

const struct learner_outcome *learner_outcome(const struct learner *learner) { return &learner->outcome; }

void learner_keep_in_touch(struct learner *learner) {
  if (learner->leave_began > 0) return;                                                   // STOP is what they hear last
  (void)actor_table_send_heartbeats(&learner->table, learner->job->policy_version, NULL); // an error comes again
  actor_table_excuse(&learner->table);
}

bool learner_is_leaving(const struct learner *learner) { return learner->phase >= PHASE_LEAVING; }

bool learner_wants_to_stop(const struct learner *learner) {
  return learner->phase < PHASE_LEAVING && (*learner->stop || clock_now() >= learner->deadline);
}

void learner_add_time(double *seconds, double since) { *seconds += clock_now() - since; }

// --- what the learner sends ---

enum status learner_publish(struct learner *learner, bool everyone, struct error *error) {
  const double began = clock_now();
  const enum status status =
      weights_publisher_poll(&learner->publisher, learner->job, &learner->table, everyone, error);
  learner_add_time(&learner->reporter.times.publish, began);
  return status;
}

enum status learner_send_empty(struct learner *learner, enum message_type type, bool active_only, struct error *error) {
  const enum status status = message_encode_empty(&learner->table.bytes, type, 0, error);
  return status == STATUS_OK ? actor_table_send_all(&learner->table, active_only, error) : status;
}

// Tells every actor where its environments stand. *anew: environments whose running episode the checkpoint lacks.
static enum status send_snapshots(struct learner *learner, uint32_t *anew, struct error *error) {
  struct job *job = learner->job;
  struct actor_table *table = &learner->table;
  enum status status = STATUS_OK;
  *anew = 0;
  for (uint32_t i = 0; i < table->active && status == STATUS_OK; i++) {
    const struct assignment share = assignment_of(&job->config, table->actors, i);
    for (uint32_t e = share.first; e < share.first + share.count && status == STATUS_OK; e++) {
      const struct snapshot *environment = &job->environments[e];
      *anew += environment->steps > 0 && !environment->exact && !environment->live; // exact: it was between two
      status = message_encode_snapshot(&table->bytes, MESSAGE_RESTORE, 0, environment, error);
      if (status == STATUS_OK) status = actor_table_send(table, i, error);
    }
  }
  return status;
}

enum status learner_start(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  uint32_t anew = 0;
  enum status status = learner_publish(learner, true, error);
  if (status == STATUS_OK) status = send_snapshots(learner, &anew, error);
  if (anew > 0)
    log_info("%u of %llu environment%s begin%s a new episode: the checkpoint does not hold the running one", anew,
             (unsigned long long)job->config.envs, plural(job->config.envs), anew == 1 ? "s" : "");
  if (status == STATUS_OK) status = learner_send_empty(learner, MESSAGE_START, false, error);
  reporter_status(&learner->reporter, job, &learner->table, "running", -1, "");
  return status;
}

// --- what may stop the job ---

// reason: set where fewer actors are left than the user wants.
static void check_number(const struct learner *learner, char *reason, size_t size) {
  const uint64_t least = learner->job->config.min_actors;
  const uint32_t alive = actor_table_alive(&learner->table);
  if (alive < least && learner->table.active >= least)
    snprintf(reason, size, "%u actor%s left, fewer than min_actors (%llu)", alive, alive == 1 ? " is" : "s are",
             (unsigned long long)least);
}

// An actor is presumed dead from now on, or was expelled. reason: set where the job has to stop for it.
static void note_death(struct learner *learner, uint32_t actor, char *reason, size_t size) {
  const struct actor_table *table = &learner->table;
  const struct actor_entry *entry = &table->entry[actor];
  const int rank = learner_world_rank(learner, actor);
  const bool isolate = options_can_isolate(&learner->job->config), sync = learner->job->config.sync;
  const char *what = entry->expelled ? "expelled" : "presumed dead";
  if (entry->expelled)
    log_warn("actor rank %d is expelled; %u of %u actor%s left", rank, actor_table_alive(table), table->active,
             table->active == 1 ? " is" : "s are");
  else
    log_warn("actor rank %d is presumed dead: its process has ended, or it was silent for too long (%.1f s%s); %u of "
             "%u actor%s left",
             rank, clock_now() - entry->heard,
             isolate ? "; --isolate cuts off a step that never ends at --env-timeout" : "", actor_table_alive(table),
             table->active, table->active == 1 ? " is" : "s are");

  if (!entry->active) return; // it had nothing to do
  learner_give_up_evaluation(learner);
  if (sync || actor_table_alive(table) == 0)
    snprintf(reason, size, "actor rank %d is %s%s", rank, what, sync ? ", and sync needs every one" : "");
  else
    check_number(learner, reason, size);
}

// Looks at every actor, so not every turn.
static enum status look_for_the_dead(struct learner *learner, char *reason, size_t size, struct error *error) {
  const double now = clock_coarse();
  if (now - learner->looked < LOOK_SECONDS) return STATUS_OK;
  learner->looked = now;
  int dead = 0;
  while (dead >= 0) {
    const enum status status = actor_table_keep_in_touch(&learner->table, learner->job->policy_version, &dead, error);
    if (status != STATUS_OK) return status;
    if (dead >= 0) note_death(learner, (uint32_t)dead, reason, size);
  }
  return STATUS_OK;
}

// Stops the job for a signal, here or at an actor, for max_hours, or for actors that are missing. Fails where the run
// directory is another job's: a save of this one would mix with it.
static enum status look_around(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  char reason[128] = "";
  enum status status = run_directory_check(learner->reporter.run, error);
  if (status == STATUS_OK) status = look_for_the_dead(learner, reason, sizeof reason, error);
  if (status != STATUS_OK) return status;

  const int signal_number = *learner->stop;
  const char *cause = LEARNER_ACTORS;
  if (learner->retired && !reason[0]) check_number(learner, reason, sizeof reason);
  if (signal_number) {
    cause = NULL;
    snprintf(reason, sizeof reason, "signal %d (%s)", signal_number, strsignal(signal_number));
  } else if (learner->stop_requested) {
    cause = NULL;
    snprintf(reason, sizeof reason, "an actor was told to stop by a signal");
  } else if (clock_now() >= learner->deadline) {
    cause = LEARNER_TIME;
    snprintf(reason, sizeof reason, "max_hours (%g) have passed", job->config.max_hours);
  }
  if (reason[0]) learner_save_and_stop(learner, signal_number, cause, reason);
  return STATUS_OK;
}

// --- the turn ---

#ifdef CORSAC_CHECKS
static void check_invariants(const struct learner *learner, enum phase before) {
  const struct job *job = learner->job;
  assert(learner->phase >= before);                                              // I1
  assert((learner->outcome.state != NULL) == (learner->phase >= PHASE_LEAVING)); // I2
  assert(learner->publisher.posted <= job->policy_version);                      // I6
  assert(learner->collecting <= job->config.envs);                               // I5
  assert(learner->collecting == 0 || learner->collect_until > 0);                // I5
  if (!job->config.sync) return;
  assert(job->limiter.steps % (job->config.envs * job->config.sync_steps) == 0); // I3
  assert(learner->round_ends <= learner->table.active);                          // I3
  if (learner->stage == STAGE_UPDATE) return;
  assert(rate_limiter_owed(&job->limiter) == 0 || replay_drawable(job->replay) == 0); // I4
  assert(job->limiter.updates == learner->updates_at_round);                          // I4
}
#endif

// began: the beginning of this turn. What a busy turn does after an idle one is not waiting.
static void count_idle(struct learner *learner, double began, bool busy) {
  const double now = clock_now(), idle = learner->idle_since > 0 ? (busy ? began : now) - learner->idle_since : 0;
  learner->job->metrics.learner_wait += idle;
  learner->idle += idle;
  if (learner->began == 0) learner->began = began;
  learner->idle_since = busy ? 0 : now;
}

// Once for each evaluation: training stands still for it.
static void say_evaluating(struct learner *learner) {
  struct evaluation *evaluation = &learner->evaluation;
  if (!evaluation->running || evaluation->said_waiting || clock_coarse() - evaluation->began < SILENT_SECONDS) return;
  if (learner->phase == PHASE_TRAINING && !learner->job->config.sync) return;
  evaluation->said_waiting = true;
  log_info("waiting for the evaluation at %llu step%s: %u of %u episode%s ended (--eval-max-steps, --eval-timeout)",
           (unsigned long long)evaluation->env_steps, plural(evaluation->env_steps), evaluation->arrived,
           evaluation->episodes, evaluation->episodes == 1 ? " has" : "s have");
}

static enum status training_turn(struct learner *learner, bool *busy, struct error *error) {
  const double began = clock_now();
  enum status status = learner_drain(learner, busy, error);
  learner_add_time(&learner->reporter.times.drain, began);
  checkpoint_schedule_poll(&learner->schedule);
  if (status == STATUS_OK) status = look_around(learner, error);
  if (status == STATUS_OK && learner->phase == PHASE_TRAINING)
    status = learner_train(learner, busy, error);
  else if (status == STATUS_OK && learner->phase == PHASE_FINISHING)
    status = learner_finish(learner, busy, error);
  count_idle(learner, began, *busy);
  say_evaluating(learner);
  if (status != STATUS_OK || learner->phase >= PHASE_LEAVING) return status;

  const double ended = clock_now();
  reporter_poll(&learner->reporter, learner->job, &learner->table);
  learner_add_time(&learner->reporter.times.report, ended);
  return status;
}

enum turn learner_turn(struct learner *learner) {
  struct error error = {0};
  bool busy = false;
#ifdef CORSAC_CHECKS
  const enum phase before = learner->phase;
#endif
  if (learner->phase < PHASE_LEAVING) {
    if (training_turn(learner, &busy, &error) != STATUS_OK) learner_fail(learner, &error);
  } else if (learner->phase == PHASE_LEAVING) {
    learner_wait_for_leaving(learner);
  }
#ifdef CORSAC_CHECKS
  check_invariants(learner, before);
#endif
  return learner->phase == PHASE_OVER ? TURN_DONE : busy ? TURN_BUSY : TURN_IDLE;
}
