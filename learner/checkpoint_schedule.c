// The states of saving, and what leads from one to the next:
//
//   IDLE         no checkpoint is being written, none is wanted
//     -> WANTED       checkpoint_schedule_is_due: by steps (checkpoint_every), by time (checkpoint_minutes), or because
//                     the last one failed some time ago
//     -> WAITED FOR   checkpoint_schedule_now, checkpoint_schedule_whole: the job ends
//   WANTED       (`wanted`) a checkpoint is due
//     -> BACKGROUND   checkpoint_schedule_begin
//   BACKGROUND   (`in_background`) the writer's thread writes a checkpoint while training goes on; another one may be
//                WANTED meanwhile
//     -> IDLE         checkpoint_schedule_poll: it has ended, well or not
//     -> IDLE         checkpoint_schedule_give_up: it is given up for something newer
//     -> IDLE         checkpoint_schedule_poll: another job has the run directory now, so it is given up
//     -> WAITED FOR   checkpoint_schedule_now: after it, the job as it stands is saved
//   WAITED FOR   the main thread waits for the writer: wait_until_done
//     -> IDLE         it has ended; or a signal came that is not yet obeyed, and the save is given up
//     -> HUNG         nothing was written for HUNG_SECONDS
//   HUNG         (`hangs`) every wait ends at once; what is saved from here on fails
//
// Invariants (check_invariants):
//
//   I1. At most one checkpoint is being written. One that comes due meanwhile begins right after.
//   I2. reporter->checkpoint names a file that is complete and in place: only note_checkpoint sets it.
//   I3. `partial` says why the newest checkpoint has no replay; a whole checkpoint clears it.
//   I4. A multiple of checkpoint_every is asked for once: next_checkpoint lies ahead of the steps made.
//   I5. A signal ends a wait once: checkpoint_schedule_give_up notes it in `heeded`.
#include "learner/checkpoint_schedule.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "learner/storage/checkpoint_list.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double HUNG_SECONDS = 1800;  // without progress: the memory of a whole node may have to go to the disk
static const double RETRY_SECONDS = 30;   // after a failure, or ten times as long as the save took
static const double LOOK_SECONDS = 0.002; // a wait looks for a signal and at the clock so often
static const double SILENT_SECONDS = 30;  // after which the log names a wait

#ifdef CORSAC_CHECKS
static void check_invariants(const struct checkpoint_schedule *schedule) {
  assert(schedule->partial.status == STATUS_OK || !schedule->whole); // I3
  assert(!schedule->whole || schedule->reporter->checkpoint[0]);     // I2
}
#endif

enum status checkpoint_schedule_init(struct checkpoint_schedule *schedule, struct job *job, struct run_directory *run,
                                     struct reporter *reporter, struct actor_table *table,
                                     const volatile sig_atomic_t *stop, struct error *error) {
  *schedule = (struct checkpoint_schedule){.job = job,
                                           .run = run,
                                           .reporter = reporter,
                                           .table = table,
                                           .stop = stop,
                                           .best_saved = -INFINITY,
                                           .best = -INFINITY,
                                           .last = clock_now(),
                                           .writer = checkpoint_writer_create(job, run, error)};
  return schedule->writer ? STATUS_OK : error->status;
}

bool checkpoint_schedule_release(struct checkpoint_schedule *schedule) {
  return checkpoint_writer_destroy(schedule->writer);
}

// --- results of saves ---

// In the background a failure ends nothing.
static void say_unsaved(struct checkpoint_schedule *schedule, const struct error *failure, double seconds) {
  const char *last = schedule->reporter->checkpoint;
  char more[LOG_THROTTLE_TEXT];
  if (log_throttle_due(&schedule->unsaved, more))
    log_error("checkpoint not saved, training goes on%s%s: %s%s", last[0] ? " and the last good one is " : "", last,
              failure->text, more);
  schedule->retry = clock_coarse() + fmax(RETRY_SECONDS, 10 * seconds);
}

static void note_checkpoint(struct checkpoint_schedule *schedule, const struct checkpoint_result *result) {
  schedule->failure = result->error;
  if (schedule->in_background && result->error.status != STATUS_OK && result->error.status != STATUS_STOPPED)
    say_unsaved(schedule, &result->error, result->seconds);
  if (result->error.status != STATUS_OK) return;
  schedule->retry = 0;
  if (result->content == CHECKPOINT_ALL) error_clear(&schedule->partial); // I3
  schedule->whole = result->content == CHECKPOINT_ALL;
  snprintf(schedule->reporter->checkpoint, sizeof schedule->reporter->checkpoint, "%s", strrchr(result->path, '/') + 1);
  if (log_throttle_over(&schedule->unsaved))
    log_info("checkpoints are saved again: %s", schedule->reporter->checkpoint);
  log_debug("saved %s in %.3f s", result->path, result->seconds);
  if (result->unpruned.status != STATUS_OK) log_warn("older checkpoints stay: %s", result->unpruned.text);
  if (schedule->in_background) reporter_status(schedule->reporter, schedule->job, schedule->table, "running", -1, "");
}

static void note_best(struct checkpoint_schedule *schedule, const struct checkpoint_result *result) {
  schedule->best_saved = fmax(schedule->best_saved, result->in_place);
  if (result->error.status == STATUS_OK || result->error.status == STATUS_STOPPED) return;
  log_error("best.h5 not saved, training goes on: %s", result->error.text);
  if (schedule->best <= result->eval_return) schedule->best = schedule->best_saved; // else a better one still waits
}

void checkpoint_schedule_poll(struct checkpoint_schedule *schedule) {
  struct checkpoint_result result;
  if (run_directory_is_lost(schedule->run)) checkpoint_writer_abandon(schedule->writer);
  while (checkpoint_writer_take(schedule->writer, &result))
    if (result.policy_only)
      note_best(schedule, &result);
    else
      note_checkpoint(schedule, &result);
#ifdef CORSAC_CHECKS
  check_invariants(schedule);
#endif
}

// --- in the background ---

// A checkpoint without the replay drives out no whole one: it keeps all older ones.
static enum status begin(struct checkpoint_schedule *schedule, enum checkpoint_content content, struct error *error) {
  char path[FILE_PATH];
  assert(!checkpoint_writer_saving(schedule->writer)); // I1
  schedule->last = schedule->reporter->saved = clock_now();
  struct job *job = schedule->job;
  job->exact = job->config.sync;
  for (uint64_t e = 0; e < job->config.envs; e++) job->exact &= job->environments[e].exact;
  const enum status status = checkpoint_list_path(path, run_directory_path(schedule->run), job->limiter.steps, error);
  if (status != STATUS_OK) return status;
  const uint64_t keep = content == CHECKPOINT_ALL ? job->config.checkpoint_keep : 0;
  return checkpoint_writer_begin(schedule->writer, path, content, keep, error);
}

bool checkpoint_schedule_is_due(struct checkpoint_schedule *schedule) {
  struct job *job = schedule->job;
  if (job_is_due(job->limiter.steps, job->next_checkpoint)) {
    schedule->wanted = true;
    job->next_checkpoint = job_threshold_after(job->next_checkpoint, job->config.checkpoint_every, job->limiter.steps);
    assert(!job_is_due(job->limiter.steps, job->next_checkpoint)); // I4
  }
  const double minutes = job->config.checkpoint_minutes;
  if (minutes > 0 && clock_coarse() - schedule->last > 60 * minutes) schedule->wanted = true;
  if (schedule->retry > 0 && clock_coarse() > schedule->retry) schedule->wanted = true;
  return schedule->wanted && !checkpoint_writer_saving(schedule->writer); // I1
}

void checkpoint_schedule_begin(struct checkpoint_schedule *schedule) {
  struct error error = {0};
  schedule->wanted = false;
  schedule->in_background = true;
  schedule->retry = 0;
  if (begin(schedule, CHECKPOINT_ALL, &error) != STATUS_OK) say_unsaved(schedule, &error, 0);
}

bool checkpoint_schedule_is_best(const struct checkpoint_schedule *schedule, double eval_return) {
  return eval_return > schedule->best;
}

enum status checkpoint_schedule_best(struct checkpoint_schedule *schedule, const struct checkpoint_policy *policy,
                                     struct error *error) {
  char path[FILE_PATH];
  enum status status = file_join(path, run_directory_path(schedule->run), "best.h5", error);
  if (status == STATUS_OK) status = checkpoint_writer_begin_policy(schedule->writer, path, policy, error);
  if (status == STATUS_OK) schedule->best = policy->eval_return;
  return status;
}

// --- waited for ---

static bool is_busy(const struct checkpoint_schedule *schedule, bool all) {
  return all ? checkpoint_writer_busy(schedule->writer) : checkpoint_writer_saving(schedule->writer);
}

// What goes on during a wait.
static void keep_alive(struct checkpoint_schedule *schedule) {
  struct error error = {0};
  checkpoint_schedule_poll(schedule);
  reporter_refresh(schedule->reporter);
  if (actor_table_send_heartbeats(schedule->table, schedule->job->policy_version, &error) != STATUS_OK)
    log_warn("telling the actors to wait for a save: %s", error.text);
}

// Waits until no checkpoint is being saved, and with `all` best.h5 neither. false: a signal came, or the disk hangs.
static bool wait_until_done(struct checkpoint_schedule *schedule, bool all, bool heed_signals) {
  uint64_t progress = checkpoint_writer_progress(schedule->writer);
  double moved = clock_now();
  const double began = moved;
  bool stopped = false, said = false;
  checkpoint_writer_urgent(schedule->writer);
  while (!stopped && !schedule->hangs && is_busy(schedule, all)) {
    checkpoint_writer_wait(schedule->writer, LOOK_SECONDS);
    keep_alive(schedule);
    stopped = heed_signals && *schedule->stop != schedule->heeded; // I5
    const uint64_t now = checkpoint_writer_progress(schedule->writer);
    if (now != progress) moved = clock_now();
    progress = now;
    schedule->hangs = clock_now() - moved > HUNG_SECONDS;
    if (!said && clock_now() - began > SILENT_SECONDS) {
      said = true;
      log_info("waiting for a checkpoint to be written, %.0f s so far", SILENT_SECONDS);
    }
  }
  actor_table_excuse(schedule->table);
  return !stopped && !schedule->hangs;
}

void checkpoint_schedule_give_up(struct checkpoint_schedule *schedule, int signal_number) {
  schedule->heeded = signal_number; // I5
  checkpoint_schedule_poll(schedule);
  if (!checkpoint_writer_saving(schedule->writer)) return;
  checkpoint_writer_abandon(schedule->writer);
  wait_until_done(schedule, false, false);
}

static enum status fail_hung(const struct checkpoint_schedule *schedule, struct error *error) {
  return error_set(error, STATUS_IO, "%s: nothing could be written there for %.0f s", run_directory_path(schedule->run),
                   HUNG_SECONDS);
}

enum status checkpoint_schedule_now(struct checkpoint_schedule *schedule, enum checkpoint_content content,
                                    struct error *error) {
  if (!wait_until_done(schedule, false, true))
    return schedule->hangs ? fail_hung(schedule, error)
                           : error_set(error, STATUS_STOPPED, "a signal came before the save");
  schedule->in_background = false;
  const enum status status = begin(schedule, content, error);
  if (status != STATUS_OK) return status;
  if (!wait_until_done(schedule, false, true) && !schedule->hangs) {
    checkpoint_writer_abandon(schedule->writer);
    wait_until_done(schedule, false, false);
  }
  if (schedule->hangs) return fail_hung(schedule, error);
  return schedule->failure.status == STATUS_OK
             ? STATUS_OK
             : error_set(error, schedule->failure.status, "%s", schedule->failure.text);
}

bool checkpoint_schedule_has_step(const struct checkpoint_schedule *schedule) {
  char name[CHECKPOINT_NAME];
  checkpoint_list_name(schedule->job->limiter.steps, name);
  return strcmp(name, schedule->reporter->checkpoint) == 0;
}

enum status checkpoint_schedule_whole(struct checkpoint_schedule *schedule, struct error *error) {
  struct error failure = {0};
  enum status status = checkpoint_schedule_now(schedule, CHECKPOINT_ALL, &failure);

  // Done, unless a checkpoint without the replay may still fit on the disk.
  const bool other = status == STATUS_OK || status == STATUS_STOPPED || schedule->hangs;
  if (other || !schedule->job->config.checkpoint_replay) return error_set(error, status, "%s", failure.text);

  if (!checkpoint_schedule_has_step(schedule)) {
    status = checkpoint_schedule_now(schedule, CHECKPOINT_NO_REPLAY, NULL);
    if (status == STATUS_STOPPED) return error_set(error, status, "a signal came before the save");
    if (status != STATUS_OK) return error_set(error, failure.status, "%s", failure.text);
  } else if (schedule->whole) {
    log_warn("%s; the checkpoint of this step that is there stays", failure.text);
    return STATUS_OK;
  }

  error_clear(&schedule->partial); // I3
  error_set(&schedule->partial, failure.status, "%s; %s is saved without its replay", failure.text,
            schedule->reporter->checkpoint);
  return STATUS_OK;
}

void checkpoint_schedule_finish(struct checkpoint_schedule *schedule) {
  if (wait_until_done(schedule, true, false)) return;
  log_error("%s: what was being saved there is given up: nothing could be written for %.0f s",
            run_directory_path(schedule->run), HUNG_SECONDS);
}
