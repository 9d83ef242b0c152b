// How a job ends: the outcome is fixed, the actors are told to stop, and their last messages are awaited. See the
// phases in learner.c.
#include "learner/learner_impl.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LOOK_SECONDS = 0.01;      // between two looks at who is alive
static const double LEAVE_SECONDS = 3.0;      // the end waits this long for the actors' last messages
static const double SILENT_SECONDS = 30.0;    // then the log says whom the learner waits for
static const char *const FAILURE = "failure"; // the cause beside LEARNER_ACTORS and LEARNER_TIME

// Counts one more start that ended here for this cause; returns how many did so in a row.
static uint32_t count_failure(struct learner *learner, const char *cause) {
  const struct rate_limiter *limiter = &learner->job->limiter;
  // A learner that runs free makes updates even where no actor makes a step.
  const uint64_t updates = limiter->utd > 0 ? limiter->updates : 0;
  return run_directory_count_failure(learner->reporter.run, cause, limiter->steps, updates);
}

// Marks actors that died since STOP was sent. What they sent before still counts.
static void find_the_dead(struct learner *learner) {
  struct actor_table *table = &learner->table;
  const double now = clock_coarse();
  if (now - learner->looked < LOOK_SECONDS) return;
  learner->looked = now;
  for (int dead; (dead = actor_table_find_dead(table)) >= 0;)
    log_warn("actor rank %d is presumed dead before it has left: the learner does not wait for it",
             learner_world_rank(learner, (uint32_t)dead));
}

// A signal leaves little time. A job that is done can wait for the steps that the actors are making.
static void set_leave_until(struct learner *learner, bool done) {
  const double now = clock_now();
  learner->leave_began = now;
  learner->leave_until = now + LEAVE_SECONDS;
  for (uint32_t i = 0; i < learner->table.active && done; i++)
    learner->leave_until = fmax(learner->leave_until, now + LEAVE_SECONDS + 2 * learner->table.entry[i].longest_step);
}

static void tell_to_stop(struct learner *learner) {
  struct error error = {0};
  struct message_stop stop = {(uint32_t)learner->outcome.exit_code, !learner->scattered};
  learner->looked = 0;
  find_the_dead(learner);
  for (uint32_t i = 0; i < learner->table.actors; i++) stop.together &= learner->table.entry[i].alive;

  enum status status = message_encode_stop(&learner->table.bytes, 0, &stop, &error);
  if (status == STATUS_OK) status = actor_table_send_all(&learner->table, false, &error);
  if (status != STATUS_OK) log_warn("telling the actors to leave: %s", error.text);
}

// The learner idled most of its time: more arithmetic for each step would have cost no time.
static void say_idle(const struct learner *learner) {
  const struct config *config = &learner->job->config;
  const double seconds = clock_now() - learner->began;
  if (learner->began == 0 || config->utd == 0 || learner->job->limiter.updates == 0 || learner->idle < 0.5 * seconds)
    return;
  log_info("the learner idled %.0f %% of its time: %s would have used it. So would, in a new run, a --recipe "
           "(`corsac recipes` lists them).",
           100 * fmin(1, learner->idle / seconds), config->sync ? "a new run with a higher --utd" : "a higher --utd");
}

void learner_leave(struct learner *learner, int exit_code, const char *state, const char *reason) {
  if (learner->phase >= PHASE_LEAVING) return; // I2: the outcome is fixed once
  checkpoint_schedule_finish(&learner->schedule);
  if (exit_code == EXIT_DONE) run_directory_forget_failures(learner->reporter.run);
  if (exit_code == EXIT_DONE) say_idle(learner);

  struct learner_outcome *outcome = &learner->outcome;
  learner->phase = PHASE_LEAVING;
  outcome->exit_code = exit_code;
  outcome->state = state;
  snprintf(outcome->reason, sizeof outcome->reason, "%s", reason);
  if (!run_directory_is_lost(learner->reporter.run)) // else it is no longer this job's
    memcpy(outcome->checkpoint, learner->reporter.checkpoint, sizeof outcome->checkpoint);

  // status.json comes first: after a signal the process may have little time left, and actors that were told to stop do
  // not wait for a slow disk longer than MPI_Finalize may take.
  reporter_status(&learner->reporter, learner->job, &learner->table, state, exit_code, reason);
  set_leave_until(learner, exit_code == EXIT_DONE);
  tell_to_stop(learner);
}

void learner_fail(struct learner *learner, const struct error *error) {
  log_error("%s", error->text);
  if (error->status != STATUS_STOPPED) (void)count_failure(learner, FAILURE);
  learner_leave(learner, status_exit_code(error->status), error->status == STATUS_STOPPED ? "stopped" : "failed",
                error->text);
}

void learner_abandon(struct learner *learner, const struct error *why) {
  log_error("%s", why->text);
  (void)count_failure(learner, FAILURE);
  reporter_status(&learner->reporter, learner->job, &learner->table, "failed", status_exit_code(why->status),
                  why->text);
}

// The job is saved and may be started again, unless the next start would end in the same way once more.
static void leave_stopped(struct learner *learner, const char *cause, const char *reason) {
  char stuck[sizeof learner->outcome.reason + 256];
  const uint32_t count = cause ? count_failure(learner, cause) : 0;
  if (count < RUN_FAILURES) {
    learner_leave(learner, EXIT_STOPPED, "stopped", reason);
    return;
  }
  snprintf(
      stuck, sizeof stuck,
      "%s; %u starts in a row ended this way at the same step, %llu: the job makes no progress, so it fails; look into "
      "the reason before the next start",
      reason, count, (unsigned long long)learner->job->limiter.steps);
  log_error("%s", stuck);
  learner_leave(learner, EXIT_FAILED, "failed", stuck);
}

// Signals never wait for an environment. KILL may follow TERM and INT within a second, so the small part is saved
// first.
void learner_save_and_stop(struct learner *learner, int signal_number, const char *cause, const char *reason) {
  const bool urgent = signal_number == SIGTERM || signal_number == SIGINT;
  struct error error = {0};
  char said[sizeof learner->outcome.reason];
  log_info("stopping: %s", reason);
  checkpoint_schedule_give_up(&learner->schedule, signal_number);

  // A checkpoint of this step may be whole: a small one does not replace it.
  enum status status = STATUS_OK;
  if (urgent && !checkpoint_schedule_has_step(&learner->schedule)) {
    status = checkpoint_schedule_now(&learner->schedule, CHECKPOINT_NO_REPLAY, &error);
    if (status == STATUS_OK)
      reporter_status(&learner->reporter, learner->job, &learner->table, "stopped", EXIT_STOPPED, reason);
  }

  // In sync the save before the final evaluation is the job's last, without a trace of that evaluation.
  const bool saved = learner->job->config.sync && learner->final_evaluation;
  if (status == STATUS_OK && !saved) status = checkpoint_schedule_whole(&learner->schedule, &error);
  const struct error *partial = &learner->schedule.partial;
  snprintf(said, sizeof said, "%s%s%.*s", reason, partial->status ? "; " : "", (int)sizeof said - 200, partial->text);
  if (status == STATUS_OK && partial->status != STATUS_OK) log_warn("%s", partial->text);

  if (status == STATUS_OK)
    leave_stopped(learner, cause, said);
  else if (status != STATUS_STOPPED) // STATUS_STOPPED: the next turn sees the signal
    learner_fail(learner, &error);
}

// Once: names the actors whose steps the learner waits for.
static void say_waiting(struct learner *learner) {
  const double now = clock_now();
  if (learner->said_waiting || now < learner->leave_began + SILENT_SECONDS) return;
  learner->said_waiting = true;
  for (uint32_t i = 0; i < learner->table.actors; i++)
    if (learner->table.entry[i].alive && !learner->table.entry[i].left)
      log_info(
          "waiting, for %.0f s at most, for actor rank %d, whose environment makes a step (longest so far: %.1f s)",
          learner->leave_until - now, learner_world_rank(learner, i), learner->table.entry[i].longest_step);
}

void learner_wait_for_leaving(struct learner *learner) {
  struct learner_outcome *outcome = &learner->outcome;
  struct error error = {0};
  bool busy = false;
  find_the_dead(learner);
  say_waiting(learner);
  if (learner_drain(learner, &busy, &error) != STATUS_OK) log_warn("while leaving: %s", error.text);

  const bool all_left = actor_table_all_left(&learner->table);
  outcome->together = all_left && !learner->scattered;
  for (uint32_t i = 0; i < learner->table.actors; i++) outcome->together &= learner->table.entry[i].alive;
  if (!all_left && clock_now() <= learner->leave_until) return;

  // status.json once more, with what the last messages say.
  learner->phase = PHASE_OVER;
  actor_table_give_up(&learner->table);
  reporter_status(&learner->reporter, learner->job, &learner->table, outcome->state, outcome->exit_code,
                  outcome->reason);
}
