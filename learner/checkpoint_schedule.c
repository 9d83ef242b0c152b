#include "learner/checkpoint_schedule.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <stdio.h>
#include <string.h>

static const double HUNG_SECONDS = 1800;  // without any progress: a whole node's memory may have to go to the disk
static const double LOOK_SECONDS = 0.002; // how often a wait looks for a signal and at the clock
static const double SILENT_SECONDS = 30;  // after which it is said what is waited for

enum status saving_init(struct saving *saving, struct job *job, struct run_directory *run, struct reporter *reporter,
                        struct roster *roster, const volatile sig_atomic_t *stop, struct error *error) {
  *saving = (struct saving){.job = job,
                            .run = run,
                            .reporter = reporter,
                            .roster = roster,
                            .stop = stop,
                            .last = clock_now(),
                            .writer = checkpoint_writer_create(job, run, error)};
  return saving->writer ? STATUS_OK : error->status;
}

void saving_release(struct saving *saving) { checkpoint_writer_destroy(saving->writer); }

// --- how saves end ---

static void say_unsaved(struct saving *saving, const struct error *failure) {
  const char *last = saving->reporter->checkpoint;
  char more[COMPLAINT_TEXT];
  if (complaint_due(&saving->unsaved, more))
    log_error("checkpoint not saved, training goes on%s%s: %s%s", last[0] ? " and the last good one is " : "", last,
              failure->text, more);
}

static void note_checkpoint(struct saving *saving, const struct checkpoint_ending *ending) {
  saving->failure = ending->error;
  if (saving->beside && ending->error.status != STATUS_OK && ending->error.status != STATUS_STOPPED)
    say_unsaved(saving, &ending->error);
  if (ending->error.status != STATUS_OK) return;
  if (ending->content == CHECKPOINT_ALL) error_clear(&saving->partial);
  saving->whole = ending->content == CHECKPOINT_ALL;
  snprintf(saving->reporter->checkpoint, sizeof saving->reporter->checkpoint, "%s", strrchr(ending->path, '/') + 1);
  if (complaint_over(&saving->unsaved)) log_info("checkpoints are saved again: %s", saving->reporter->checkpoint);
  log_debug("saved %s in %.3f s", ending->path, ending->seconds);
  if (ending->unpruned.status != STATUS_OK) log_warn("older checkpoints stay: %s", ending->unpruned.text);
  if (saving->beside) reporter_status(saving->reporter, saving->job, saving->roster, "running", -1, "");
}

void saving_poll(struct saving *saving) {
  struct checkpoint_ending ending;
  while (checkpoint_writer_take(saving->writer, &ending))
    if (!ending.policy_only)
      note_checkpoint(saving, &ending);
    else if (ending.error.status != STATUS_OK)
      log_error("best.h5 not saved, training goes on: %s", ending.error.text);
}

// --- beside training ---

static enum status begin(struct saving *saving, enum checkpoint_content content, struct error *error) {
  char path[RUN_PATH];
  saving->last = saving->reporter->saved = clock_now();
  struct job *job = saving->job;
  job->exact = job->config.sync;
  for (uint64_t e = 0; e < job->config.envs; e++) job->exact &= job->environments[e].exact;
  const enum status status = run_checkpoint_path(path, run_directory_path(saving->run), job->limiter.steps, error);
  if (status != STATUS_OK) return status;
  const uint64_t keep =
      content == CHECKPOINT_ALL ? job->config.checkpoint_keep : 0; // a small one drives out no whole one
  return checkpoint_writer_begin(saving->writer, path, content, keep, error);
}

bool saving_is_due(struct saving *saving) {
  struct job *job = saving->job;
  if (job_is_due(job->limiter.steps, job->next_checkpoint)) {
    saving->wanted = true;
    job->next_checkpoint = job_threshold_after(job->next_checkpoint, job->config.checkpoint_every, job->limiter.steps);
  }
  const double minutes = job->config.checkpoint_minutes;
  if (minutes > 0 && clock_coarse() - saving->last > 60 * minutes) saving->wanted = true;
  return saving->wanted && !checkpoint_writer_saving(saving->writer);
}

void saving_begin(struct saving *saving) {
  struct error error = {0};
  saving->wanted = false;
  saving->beside = true;
  if (begin(saving, CHECKPOINT_ALL, &error) != STATUS_OK) say_unsaved(saving, &error);
}

enum status saving_best(struct saving *saving, const struct policy_weights *weights,
                        const struct normalizer *normalizer, uint64_t env_steps, struct error *error) {
  char path[RUN_PATH];
  const enum status status = run_path(path, run_directory_path(saving->run), "best.h5", error);
  if (status != STATUS_OK) return status;
  return checkpoint_writer_begin_policy(saving->writer, path, weights, normalizer, env_steps, error);
}

// --- waited for ---

// Until no checkpoint is being saved, or (all) best.h5 neither. false: a signal came, or the disk hangs.
static bool wait_until_done(struct saving *saving, bool all, bool heed_signals) {
  struct error error = {0};
  uint64_t progress = checkpoint_writer_progress(saving->writer);
  double moved = clock_now();
  const double began = moved;
  bool stopped = false, said = false;
  checkpoint_writer_hurry(saving->writer);
  while (!stopped && !saving->hangs &&
         (all ? checkpoint_writer_busy(saving->writer) : checkpoint_writer_saving(saving->writer))) {
    checkpoint_writer_wait(saving->writer, LOOK_SECONDS);
    saving_poll(saving);
    run_directory_refresh(saving->run);
    if (roster_say_alive(saving->roster, saving->job->policy_version, &error) != STATUS_OK) {
      log_warn("telling the actors to wait for a save: %s", error.text);
      error_clear(&error);
    }
    stopped = heed_signals && *saving->stop != saving->heeded;
    const uint64_t now = checkpoint_writer_progress(saving->writer);
    if (now != progress) moved = clock_now();
    progress = now;
    saving->hangs = clock_now() - moved > HUNG_SECONDS;
    if (!said && clock_now() - began > SILENT_SECONDS) {
      said = true;
      log_info("waiting for a checkpoint to be written, %.0f s so far", SILENT_SECONDS);
    }
  }
  roster_excuse(saving->roster); // nobody was listened to
  return !stopped && !saving->hangs;
}

void saving_give_up(struct saving *saving) {
  saving->heeded = *saving->stop;
  saving_poll(saving);
  if (!checkpoint_writer_saving(saving->writer)) return;
  checkpoint_writer_abandon(saving->writer);
  wait_until_done(saving, false, false);
}

static enum status fail_hung(const struct saving *saving, struct error *error) {
  return error_set(error, STATUS_IO, "%s: nothing could be written there for %.0f s", run_directory_path(saving->run),
                   HUNG_SECONDS);
}

enum status saving_now(struct saving *saving, enum checkpoint_content content, struct error *error) {
  if (!wait_until_done(saving, false, true))
    return saving->hangs ? fail_hung(saving, error) : error_set(error, STATUS_STOPPED, "a signal came before the save");
  saving->beside = false;
  const enum status status = begin(saving, content, error);
  if (status != STATUS_OK) return status;
  if (!wait_until_done(saving, false, true) && !saving->hangs) {
    checkpoint_writer_abandon(saving->writer);
    wait_until_done(saving, false, false);
  }
  if (saving->hangs) return fail_hung(saving, error);
  return saving->failure.status == STATUS_OK ? STATUS_OK
                                             : error_set(error, saving->failure.status, "%s", saving->failure.text);
}

bool saving_has_step(const struct saving *saving) {
  char name[64];
  snprintf(name, sizeof name, "ckpt-%llu.h5", (unsigned long long)saving->job->limiter.steps);
  return strcmp(name, saving->reporter->checkpoint) == 0;
}

enum status saving_whole(struct saving *saving, struct error *error) {
  struct error failure = {0};
  enum status status = saving_now(saving, CHECKPOINT_ALL, &failure);
  const bool other = status == STATUS_OK || status == STATUS_STOPPED || saving->hangs;
  if (other || !saving->job->config.checkpoint_replay) return error_set(error, status, "%s", failure.text);
  if (!saving_has_step(saving)) {
    status = saving_now(saving, CHECKPOINT_NO_REPLAY, NULL);
    if (status == STATUS_STOPPED) return error_set(error, status, "a signal came before the save");
    if (status != STATUS_OK) return error_set(error, failure.status, "%s", failure.text);
  } else if (saving->whole) {
    log_warn("%s; the one of this step that is there stays", failure.text);
    return STATUS_OK;
  }
  error_clear(&saving->partial);
  error_set(&saving->partial, failure.status, "%s; %s is saved without its replay", failure.text,
            saving->reporter->checkpoint);
  return STATUS_OK;
}

void saving_finish(struct saving *saving) {
  if (wait_until_done(saving, true, false)) return;
  log_error("%s: what was being saved there is given up: nothing could be written for %.0f s",
            run_directory_path(saving->run), HUNG_SECONDS);
}
