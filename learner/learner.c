#include "learner/learner_impl.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/options.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LOOK_SECONDS = 0.01;    // between two looks at who is alive
static const double SNAPSHOT_SECONDS = 0.5; // a periodic save waits this long for snapshots
static const double LEAVE_SECONDS = 3.0;    // ... and the end for the actors' last word
static const double SILENT_SECONDS = 30.0;  // after which it is said who is waited for

struct learner *learner_create(const struct learner_setup *setup, struct error *error) {
  struct learner *learner = memory_alloc(1, sizeof *learner, "the learner", error);
  if (!learner) return NULL;
  struct job *job = setup->job;
  *learner = (struct learner){.job = job, .transport = setup->transport, .stop = setup->stop};
  const double hours = job->config.max_hours;
  learner->deadline = hours > 0 ? clock_now() + 3600 * hours : INFINITY;
  enum status status = actor_table_init(&learner->table, &job->config, setup->transport, error);
  const uint32_t actors = learner->table.actors;
  for (uint32_t i = 0; i < actors && status == STATUS_OK && setup->pid; i++)
    learner->table.entry[i].pid = setup->pid[i];
  if (status == STATUS_OK) status = weights_publisher_init(&learner->publisher, job, setup->transport, error);
  if (status == STATUS_OK) status = evaluation_init(&learner->evaluation, job, error);
  if (status == STATUS_OK)
    status = checkpoint_schedule_init(&learner->schedule, job, setup->run, &learner->reporter, &learner->table,
                                      setup->stop, error);
  if (status == STATUS_OK) {
    learner->receiver = transition_receiver_create(job, actors, error);
    status = learner->receiver ? STATUS_OK : error->status;
  }
  if (status != STATUS_OK) {
    learner_destroy(learner);
    return NULL;
  }
  // What all may hold at once may exist beyond what the updates ask for: a slow actor's credits must not be the
  // others'.
  uint64_t slack = 0;
  for (uint32_t i = 0; i < learner->table.active; i++)
    slack += ACTOR_TABLE_CREDITS * (uint64_t)learner->table.entry[i].batch_steps;
  job->limiter.slack = job->config.utd_slack > slack ? job->config.utd_slack : slack;
  learner->updates_at_round = job->limiter.updates;
  reporter_init(&learner->reporter, job, setup->run, setup->metrics_file);
  learner->reporter.tensorboard = setup->tensorboard;
  snprintf(learner->reporter.checkpoint, sizeof learner->reporter.checkpoint, "%s", setup->checkpoint);
  return learner;
}

void learner_destroy(struct learner *learner) {
  if (!learner) return;
  checkpoint_schedule_release(&learner->schedule);
  transition_receiver_destroy(learner->receiver);
  weights_publisher_release(&learner->publisher);
  evaluation_release(&learner->evaluation);
  actor_table_release(&learner->table);
  memory_free(learner);
}

const struct learner_outcome *learner_outcome(const struct learner *learner) { return &learner->outcome; }

// To what of the learner's time goes beside the updates.
static void count_stage(double *seconds, double since) { *seconds += clock_now() - since; }

// --- what is sent ---

static enum status publish(struct learner *learner, bool everyone, struct error *error) {
  const double began = clock_now();
  const enum status status =
      weights_publisher_poll(&learner->publisher, learner->job, &learner->table, everyone, error);
  count_stage(&learner->reporter.stages.publish, began);
  return status;
}

static enum status send_all_empty(struct learner *learner, enum message_type type, bool active_only,
                                  struct error *error) {
  const enum status status = message_encode_empty(&learner->table.bytes, type, 0, error);
  return status == STATUS_OK ? actor_table_send_all(&learner->table, active_only, error) : status;
}

enum status learner_start(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  struct actor_table *table = &learner->table;
  enum status status = publish(learner, true, error);
  uint32_t anew = 0;
  for (uint32_t i = 0; i < table->active && status == STATUS_OK; i++) {
    const struct assignment share = assignment_of(&job->config, table->actors, i);
    for (uint32_t e = share.first; e < share.first + share.count && status == STATUS_OK; e++) {
      anew += job->environments[e].steps > 0 && !job->environments[e].exact;
      status = message_encode_snapshot(&table->bytes, MESSAGE_RESTORE, 0, &job->environments[e], error);
      if (status == STATUS_OK) status = actor_table_send(table, i, error);
    }
  }
  if (anew > 0)
    log_info("%u of %llu environment%s begin%s a new episode: the checkpoint does not hold the running one", anew,
             (unsigned long long)job->config.envs, job->config.envs == 1 ? "" : "s", anew == 1 ? "s" : "");
  if (status == STATUS_OK) status = send_all_empty(learner, MESSAGE_START, false, error);
  reporter_status(&learner->reporter, job, &learner->table, "running", -1, "");
  return status;
}

// Whose process is gone leaves no more; where that cannot be seen from here, silence tells. What it said before is
// taken after this.
static void look_for_the_dead_leaving(struct learner *learner) {
  struct actor_table *table = &learner->table;
  const double now = clock_coarse();
  if (now - learner->looked < LOOK_SECONDS) return;
  learner->looked = now;
  for (int gone; (gone = actor_table_find_gone(table)) >= 0;)
    log_warn("actor rank %d is gone before it has left: nobody waits for it", gone + 1);
}

// Why a job ends that was not asked to, for status.json: causes that are the same from start to start.
static const char *const ACTORS = "actors", *const TIME = "max_hours", *const FAILURE = "failure";

// How many starts in a row have now ended here for this cause, which nobody asked for.
static uint32_t count_failure(struct learner *learner, const char *cause) {
  const struct rate_limiter *limiter = &learner->job->limiter;
  // A learner that runs free makes updates while nothing else goes on.
  const uint64_t updates = limiter->utd > 0 ? limiter->updates : 0;
  return run_directory_count_failure(learner->reporter.run, cause, limiter->steps, updates);
}

static void leave(struct learner *learner, int exit_code, const char *state, const char *reason) {
  if (learner->phase >= PHASE_LEAVING) return;
  checkpoint_schedule_finish(&learner->schedule);
  if (exit_code == EXIT_DONE) run_directory_forget_failures(learner->reporter.run);
  learner->phase = PHASE_LEAVING;
  learner->outcome.exit_code = exit_code;
  learner->outcome.state = state;
  snprintf(learner->outcome.reason, sizeof learner->outcome.reason, "%s", reason);
  memcpy(learner->outcome.checkpoint, learner->reporter.checkpoint, sizeof learner->outcome.checkpoint);
  reporter_status(&learner->reporter, learner->job, &learner->table, state, exit_code,
                  reason); // the truth first: the end may be short
  learner->leave_began = clock_now();
  learner->leave_until = learner->leave_began + LEAVE_SECONDS;
  // A signal's time is short; a job that is done can wait for the steps that are being made.
  for (uint32_t i = 0; i < learner->table.active && exit_code == EXIT_DONE; i++)
    learner->leave_until =
        fmax(learner->leave_until, clock_now() + LEAVE_SECONDS + 2 * learner->table.entry[i].longest_step);
  struct error error = {0};
  struct message_stop stop = {(uint32_t)exit_code, !learner->scattered};
  learner->looked = 0;
  look_for_the_dead_leaving(learner);
  for (uint32_t i = 0; i < learner->table.actors; i++) stop.together &= learner->table.entry[i].alive;
  enum status status = message_encode_stop(&learner->table.bytes, 0, &stop, &error);
  if (status == STATUS_OK) status = actor_table_send_all(&learner->table, false, &error);
  if (status != STATUS_OK) log_warn("telling the actors to leave: %s", error.text);
}

bool learner_is_leaving(const struct learner *learner) { return learner->phase >= PHASE_LEAVING; }

bool learner_wants_to_stop(const struct learner *learner) {
  return learner->phase < PHASE_LEAVING && (*learner->stop || clock_now() >= learner->deadline);
}

void learner_abandon(struct learner *learner, const struct error *why) {
  log_error("%s", why->text);
  (void)count_failure(learner, FAILURE);
  reporter_status(&learner->reporter, learner->job, &learner->table, "failed", status_exit_code(why->status),
                  why->text);
}

static void fail(struct learner *learner, const struct error *error) {
  log_error("%s", error->text);
  if (error->status != STATUS_STOPPED) (void)count_failure(learner, FAILURE);
  leave(learner, status_exit_code(error->status), error->status == STATUS_STOPPED ? "stopped" : "failed", error->text);
}

// --- saving ---

// Everything is saved: submit me again, unless it would end in the same way once more. cause: NULL for a signal.
static void leave_stopped(struct learner *learner, const char *cause, const char *reason) {
  char stuck[sizeof learner->outcome.reason + 256];
  const uint32_t count = cause ? count_failure(learner, cause) : 0;
  if (count < RUN_FAILURES) {
    leave(learner, EXIT_STOPPED, "stopped", reason);
    return;
  }
  snprintf(
      stuck, sizeof stuck,
      "%s; %u starts in a row ended so at the same step, %llu, and one more would, so this is a failure: look into "
      "it before the next start",
      reason, count, (unsigned long long)learner->job->limiter.steps);
  log_error("%s", stuck);
  leave(learner, EXIT_FAILED, "failed", stuck);
}

// Signals never wait for an environment. TERM and INT may leave a second before KILL, so the small part goes first.
// cause: NULL for a signal.
static void save_and_stop(struct learner *learner, bool urgent, const char *cause, const char *reason) {
  struct error error = {0};
  char said[sizeof learner->outcome.reason];
  log_info("stopping: %s", reason);
  // In sync the save before a final evaluation is the job's last word, without that evaluation's mark.
  const bool over = learner->job->config.sync && learner->final_evaluation;
  enum status status = STATUS_OK;
  checkpoint_schedule_give_up(&learner->schedule);
  if (urgent && !checkpoint_schedule_has_step(
                    &learner->schedule)) { // one that is there may be whole, and does not give way to a small one
    status = checkpoint_schedule_now(&learner->schedule, CHECKPOINT_NO_REPLAY, &error);
    if (status == STATUS_OK)
      reporter_status(&learner->reporter, learner->job, &learner->table, "stopped", EXIT_STOPPED, reason);
  }
  if (status == STATUS_OK && !over) status = checkpoint_schedule_whole(&learner->schedule, &error);
  const struct error *partial = &learner->schedule.partial;
  snprintf(said, sizeof said, "%s%s%.*s", reason, partial->status ? "; " : "", (int)sizeof said - 200, partial->text);
  if (status == STATUS_OK && partial->status != STATUS_OK) log_warn("%s", partial->text);
  if (status == STATUS_OK)
    leave_stopped(learner, cause, said);
  else if (status != STATUS_STOPPED) // then the next turn sees the signal
    fail(learner, &error);
}

// --- training ---

// A temperature that the entropy does not follow: it is high, or has grown in each of very many updates.
static void watch_alpha(struct learner *learner, const struct sac_losses *losses) {
  enum { CLIMB = 20000 };
  const struct sac *sac = &learner->job->sac;
  char more[LOG_THROTTLE_TEXT];
  if (!sac->auto_alpha) return;
  learner->climbs = losses->entropy < sac->target_entropy ? learner->climbs + 1 : 0;
  const bool high = losses->alpha > SAC_ALPHA_HIGH || (learner->climbs >= CLIMB && losses->alpha > 10);
  if (!high || !log_throttle_due(&learner->alpha_high, more)) return;
  log_warn(
      "alpha has grown to %.3g: the policy's entropy (%.3g) does not reach target_entropy (%.3g), and beside such an "
      "alpha rewards soon count for nothing; begin a run with a lower target_entropy%s",
      losses->alpha, losses->entropy, sac->target_entropy, more);
}

static enum status update(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  struct sac *sac = &job->sac;
  struct sac_losses losses;
  job_sample(job);
  const enum status status = sac_update(sac, &losses, error);
  if (status != STATUS_OK) return status;
  job->limiter.updates++;
  metrics_add_update(&job->metrics, &losses);
  watch_alpha(learner, &losses);
  return STATUS_OK;
}

static enum status begin_evaluation(struct learner *learner, struct error *error) {
  return evaluation_begin(&learner->evaluation, learner->job, &learner->table, error);
}

static void report_if_due(struct learner *learner) {
  struct job *job = learner->job;
  if (!job_is_due(job->limiter.steps, job->next_log)) return;
  job->next_log = job_threshold_after(job->next_log, job->config.log_every, job->limiter.steps);
  const double began = clock_now();
  reporter_row(&learner->reporter, job, &learner->table);
  count_stage(&learner->reporter.stages.report, began);
}

// async: ask every environment where it stands, then save: all answers are there, or SNAPSHOT_SECONDS have passed.
static enum status save_if_due(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  if (learner->collect_until == 0) {
    if (!checkpoint_schedule_is_due(&learner->schedule)) return STATUS_OK;
    learner->collecting = job->config.envs;
    learner->collect_until = clock_now() + SNAPSHOT_SECONDS;
    for (uint64_t e = 0; e < job->config.envs; e++) job->environments[e].exact = false;
    transition_receiver_collect(learner->receiver, true);
    learner->requests++;
    return send_all_empty(learner, MESSAGE_SNAPSHOT_REQUEST, true, error);
  }
  if (learner->collecting > 0 && clock_now() < learner->collect_until) return STATUS_OK;
  learner->collect_until = 0;
  learner->collecting = 0;
  checkpoint_schedule_begin(&learner->schedule);
  transition_receiver_collect(learner->receiver, false);
  return STATUS_OK;
}

static enum status async_turn(struct learner *learner, bool *busy, struct error *error) {
  struct job *job = learner->job;
  enum status status = STATUS_OK;
  const bool over = job->limiter.steps >= job->config.env_steps;
  struct rate_limiter limiter = job->limiter;
  if (replay_size(job->replay) == 0) limiter.utd = 0; // n-step windows may hold back more than is allowed: no limit
  if (!over) status = actor_table_grant(&learner->table, &limiter, job->config.env_steps, job->policy_version, error);
  const uint64_t owed = rate_limiter_owed(&job->limiter);
  if (status == STATUS_OK && owed > 0 && replay_size(job->replay) > 0 && !(over && job->limiter.utd == 0)) {
    *busy = true;
    status = update(learner, error);
    job->policy_version++;
  } else if (over) {
    learner->phase = PHASE_FINISHING;
    return status;
  } else if (job->policy_version == 0 && rate_limiter_started(&job->limiter)) {
    job->policy_version = 1;
  }
  if (status == STATUS_OK) status = publish(learner, false, error);
  if (status == STATUS_OK && !over && job_is_due(job->limiter.steps, job->next_eval) && !learner->evaluation.running) {
    job->next_eval = job_threshold_after(job->next_eval, job->config.eval_every, job->limiter.steps);
    status = begin_evaluation(learner, error);
  }
  if (status == STATUS_OK) report_if_due(learner);
  return status == STATUS_OK ? save_if_due(learner, error) : status;
}

static enum status begin_round(struct learner *learner, struct error *error) {
  const struct message_round round = {.round = ++learner->round, .version = learner->job->policy_version};
  learner->round_ends = 0;
  enum status status = publish(learner, true, error);
  if (status == STATUS_OK) status = message_encode_round(&learner->table.bytes, 0, &round, error);
  return status == STATUS_OK ? actor_table_send_all(&learner->table, true, error) : status;
}

static enum status commit_round(struct learner *learner, struct error *error) {
  const double began = clock_now();
  const enum status status = transition_receiver_commit(learner->receiver, error);
  count_stage(&learner->reporter.stages.drain, began);
  return status;
}

// A version names the parameters after a round's updates; a round without updates has none of its own.
static void close_updates(struct learner *learner) {
  struct job *job = learner->job;
  if (job->limiter.updates > learner->updates_at_round ||
      (job->policy_version == 0 && rate_limiter_started(&job->limiter)))
    job->policy_version++;
  learner->updates_at_round = job->limiter.updates;
}

static enum status sync_turn(struct learner *learner, bool *busy, struct error *error) {
  struct job *job = learner->job;
  const uint64_t steps = job->limiter.steps;
  enum status status = STATUS_OK;
  bool save;
  *busy |= learner->stage != STAGE_ROUND && !learner->evaluation.running;
  switch (learner->stage) {
  case STAGE_UPDATE:
    if (rate_limiter_owed(&job->limiter) > 0 && replay_size(job->replay) > 0) {
      status = update(learner, error);
      if (status != STATUS_OK || rate_limiter_owed(&job->limiter) > 0) return status;
    }
    close_updates(learner); // in the turn of the last update: a job saved between the two would not know of it
    learner->stage = STAGE_EVALUATE;
    return STATUS_OK;
  case STAGE_EVALUATE: // next_eval moves with the result: a job saved before that evaluates again
    if (learner->evaluation.running) return STATUS_OK;
    if (job_is_due(steps, job->next_eval)) return begin_evaluation(learner, error);
    learner->stage = STAGE_REPORT;
    return STATUS_OK;
  case STAGE_REPORT:
    report_if_due(learner);
    save = checkpoint_schedule_is_due(&learner->schedule);
    if (steps >= job->config.env_steps) { // which saves
      learner->phase = PHASE_FINISHING;
      return STATUS_OK;
    }
    if (save) {
      checkpoint_schedule_begin(&learner->schedule);
    } else if (learner->schedule.wanted) { // it waits for the one before: in sync each has its step
      *busy = false;
      return STATUS_OK;
    }
    learner->stage = STAGE_ROUND;
    return begin_round(learner, error);
  case STAGE_ROUND:
    if (learner->round_ends < learner->table.active) return STATUS_OK;
    if (!transition_receiver_has_room(learner->receiver)) return STATUS_OK; // until a checkpoint has them
    learner->stage = STAGE_UPDATE;
    *busy = true;
    return commit_round(learner, error);
  }
  return STATUS_OK;
}

// The steps are made and the updates done: the final evaluation and the save. In sync the save comes first, so that
// what it holds is what a longer run would have had here.
static enum status finishing_turn(struct learner *learner, bool *busy, struct error *error) {
  struct job *job = learner->job;
  const uint64_t steps = job->limiter.steps;
  if (learner->evaluation.running) return STATUS_OK;
  *busy = true;
  enum status status = STATUS_OK;
  const bool evaluate =
      job->config.eval_every > 0 && !(learner->outcome.evaluated && learner->outcome.last_steps == steps);
  if (job->config.sync && !learner->final_evaluation) status = checkpoint_schedule_whole(&learner->schedule, error);
  if (status == STATUS_OK && evaluate && !learner->final_evaluation) {
    learner->final_evaluation = true;
    return begin_evaluation(learner, error);
  }
  if (job_is_due(steps, job->next_eval))
    job->next_eval = job_threshold_after(job->next_eval, job->config.eval_every, steps);
  if (status == STATUS_OK && !job->config.sync) status = checkpoint_schedule_whole(&learner->schedule, error);
  if (status == STATUS_STOPPED) { // the next turn sees the signal
    error_clear(error);
    return STATUS_OK;
  }
  if (status == STATUS_OK && (steps > job->metrics.last_steps || job->metrics.evaluated))
    reporter_row(&learner->reporter, job, &learner->table);
  const struct error *partial = &learner->schedule.partial; // what is saved is not all that was promised
  if (status == STATUS_OK && partial->status != STATUS_OK)
    return error_set(error, partial->status, "%s", partial->text);
  if (status == STATUS_OK) leave(learner, EXIT_DONE, "done", "");
  return status;
}

// --- the turn ---

// Fewer than the user wants to go on with?
static void check_number(const struct learner *learner, char *reason, size_t size) {
  const uint64_t least = learner->job->config.min_actors;
  const uint32_t alive = actor_table_alive(&learner->table);
  if (alive < least && learner->table.active >= least)
    snprintf(reason, size, "%u actors are left, fewer than min_actors (%llu)", alive, (unsigned long long)least);
}

// An actor counts as gone. reason: why the job has to stop now, if it has to.
static void note_death(struct learner *learner, uint32_t actor, char *reason, size_t size) {
  const struct actor_table *table = &learner->table;
  const struct actor_entry *entry = &table->entry[actor];
  const int rank = learner_world_rank(learner, actor);
  const bool isolate = options_can_isolate(&learner->job->config);
  if (entry->expelled)
    log_warn("actor rank %d is out; %u of %u actors are left", rank, actor_table_alive(table), table->active);
  else
    log_warn("actor rank %d is gone, or silent for too long: %.1f s%s; %u of %u actors are left", rank,
             clock_now() - entry->heard,
             isolate ? " (a step that never ends? --isolate cuts it off at --env-timeout)" : "",
             actor_table_alive(table), table->active);
  if (!entry->active) return; // it had nothing to do
  learner_give_up_evaluation(learner);
  if (learner->job->config.sync || actor_table_alive(table) == 0)
    snprintf(reason, size, "actor rank %d is gone%s", rank,
             learner->job->config.sync ? ", and sync needs every one" : "");
  else
    check_number(learner, reason, size);
}

// Which actors are gone. A look at every one of them, so not every turn.
static enum status look_for_the_dead(struct learner *learner, char *reason, size_t size, struct error *error) {
  const double now = clock_coarse();
  if (now - learner->looked < LOOK_SECONDS) return STATUS_OK;
  learner->looked = now;
  int died = 0;
  while (died >= 0) {
    const enum status status = actor_table_keep_in_touch(&learner->table, learner->job->policy_version, &died, error);
    if (status != STATUS_OK) return status;
    if (died >= 0) note_death(learner, (uint32_t)died, reason, size);
  }
  return STATUS_OK;
}

// A signal, the time limit, an actor that was told to stop, an actor that is gone.
static enum status look_around(struct learner *learner, struct error *error) {
  struct job *job = learner->job;
  char reason[128] = "";
  const enum status status = look_for_the_dead(learner, reason, sizeof reason, error);
  if (status != STATUS_OK) return status;
  const int signal_number = *learner->stop;
  const char *cause = ACTORS;
  if (learner->retired && !reason[0]) check_number(learner, reason, sizeof reason);
  if (signal_number) {
    cause = NULL;
    snprintf(reason, sizeof reason, "signal %d (%s)", signal_number, strsignal(signal_number));
  } else if (learner->stop_requested) {
    cause = NULL;
    snprintf(reason, sizeof reason, "an actor was told to stop by a signal");
  } else if (clock_now() >= learner->deadline) {
    cause = TIME;
    snprintf(reason, sizeof reason, "max_hours (%g) have passed", job->config.max_hours);
  }
  if (reason[0]) save_and_stop(learner, signal_number == SIGTERM || signal_number == SIGINT, cause, reason);
  return STATUS_OK;
}

// began: when this turn did. What a busy turn does after an idle one is no waiting.
static void count_idle(struct learner *learner, double began, bool busy) {
  const double now = clock_now();
  if (learner->idle_since > 0) learner->job->metrics.learner_wait += (busy ? began : now) - learner->idle_since;
  learner->idle_since = busy ? 0 : now;
}

// Once: training stands still for an evaluation.
static void say_evaluating(struct learner *learner) {
  struct evaluation *evaluation = &learner->evaluation;
  if (!evaluation->running || evaluation->said_waiting || clock_coarse() - evaluation->began < SILENT_SECONDS) return;
  if (learner->phase == PHASE_TRAINING && !learner->job->config.sync) return;
  evaluation->said_waiting = true;
  log_info("waiting for the evaluation at %llu steps: %u of %u episodes have ended (--eval-max-steps, --eval-timeout)",
           (unsigned long long)evaluation->env_steps, evaluation->arrived, evaluation->episodes);
}

static enum status training_turn(struct learner *learner, bool *busy, struct error *error) {
  const double began = clock_now();
  enum status status = learner_drain(learner, busy, error);
  count_stage(&learner->reporter.stages.drain, began);
  checkpoint_schedule_poll(&learner->schedule);
  if (status == STATUS_OK) status = look_around(learner, error);
  if (status == STATUS_OK && learner->phase == PHASE_TRAINING)
    status = learner->job->config.sync ? sync_turn(learner, busy, error) : async_turn(learner, busy, error);
  else if (status == STATUS_OK && learner->phase == PHASE_FINISHING)
    status = finishing_turn(learner, busy, error);
  count_idle(learner, began, *busy);
  say_evaluating(learner);
  if (status != STATUS_OK || learner->phase >= PHASE_LEAVING) return status;
  const double ended = clock_now();
  reporter_poll(&learner->reporter, learner->job, &learner->table);
  count_stage(&learner->reporter.stages.report, ended);
  return status;
}

// Once: who makes a step that is waited for.
static void say_who_stays(struct learner *learner) {
  const double now = clock_now();
  if (learner->said_waiting || now < learner->leave_began + SILENT_SECONDS) return;
  learner->said_waiting = true;
  for (uint32_t i = 0; i < learner->table.actors; i++)
    if (learner->table.entry[i].alive && !learner->table.entry[i].left)
      log_info(
          "waiting, for %.0f s at most, for actor rank %u, whose environment makes a step (longest so far: %.1f s)",
          learner->leave_until - now, i + 1, learner->table.entry[i].longest_step);
}

static void leaving_turn(struct learner *learner) {
  struct error error = {0};
  bool busy = false;
  look_for_the_dead_leaving(learner);
  say_who_stays(learner);
  if (learner_drain(learner, &busy, &error) != STATUS_OK) log_warn("while leaving: %s", error.text);
  learner->outcome.together = actor_table_all_left(&learner->table) && !learner->scattered;
  for (uint32_t i = 0; i < learner->table.actors; i++) learner->outcome.together &= learner->table.entry[i].alive;
  if (!actor_table_all_left(&learner->table) && clock_now() <= learner->leave_until) return;
  learner->phase = PHASE_OVER;
  actor_table_give_up(&learner->table);
  const struct learner_outcome *outcome = &learner->outcome; // once more, with what the last words say
  reporter_status(&learner->reporter, learner->job, &learner->table, outcome->state, outcome->exit_code,
                  outcome->reason);
}

enum turn learner_turn(struct learner *learner) {
  struct error error = {0};
  bool busy = false;
  if (learner->phase < PHASE_LEAVING) {
    if (training_turn(learner, &busy, &error) != STATUS_OK) fail(learner, &error);
  } else if (learner->phase == PHASE_LEAVING) {
    leaving_turn(learner);
  }
  return learner->phase == PHASE_OVER ? TURN_DONE : busy ? TURN_BUSY : TURN_IDLE;
}
