#include "launch/roles.h"

#include "actor/group.h"
#include "common/base/clock.h"
#include "common/base/exit_bound.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/nn/linalg.h"
#include "common/wire/assignment.h"
#include "learner/checkpoint.h"
#include "learner/checkpoint_transitions.h"
#include "learner/greeting.h"
#include "launch/affinity.h"
#include "launch/shell_word.h"
#include "learner/initial_policy.h"
#include "learner/learner.h"
#include "learner/tensorboard.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double DISMISS_SECONDS = 5;

static void say_start(const struct setup *setup, const struct job *job, uint32_t actors) {
  const struct config *config = &job->config;
  log_info("corsac %s: %s (obs %u, act %u), %llu environment%s on %u actor%s, %s, backend %s (OpenBLAS %s), %llu "
           "learner thread%s",
           CORSAC_VERSION, job->environment.environment, job->environment.obs_dim, job->environment.act_dim,
           (unsigned long long)config->envs, config->envs == 1 ? "" : "s", actors, actors == 1 ? "" : "s",
           config->sync ? "sync" : "async", config->backend, linalg_core_name(),
           (unsigned long long)config->learner_threads, config->learner_threads == 1 ? "" : "s");
  if (setup->resume)
    log_info("resumed from %s at %llu steps, %llu updates", setup->checkpoint, (unsigned long long)job->limiter.steps,
             (unsigned long long)job->limiter.updates);
  log_info("run directory %s", config->run_dir);
  affinity_check(setup->wanted_threads, setup->ranks);
}

static uint64_t first_threshold(uint64_t every, uint64_t steps) {
  return every ? every * (steps / every + 1) : UINT64_MAX;
}

// What may differ from the saved run: rates and rhythms. Counters are rebased so that a change repays no debt.
static void adapt(const struct setup *setup, struct job *job, bool has_replay) {
  const struct config *saved = &setup->saved, *now = &job->config;
  const uint64_t steps = job->limiter.steps;
  job->limiter.utd = now->utd;
  if (saved->utd != now->utd && rate_limiter_started(&job->limiter)) rate_limiter_rebase(&job->limiter, 0);
  if (!has_replay) {
    log_warn("the checkpoint holds no replay: %llu steps are made with the policy before updates go on",
             (unsigned long long)now->learning_starts);
    rate_limiter_rebase(&job->limiter, now->learning_starts);
  }
  if (saved->log_every != now->log_every) job->next_log = first_threshold(now->log_every, steps);
  if (saved->eval_every != now->eval_every) job->next_eval = first_threshold(now->eval_every, steps);
  if (saved->checkpoint_every != now->checkpoint_every)
    job->next_checkpoint = first_threshold(now->checkpoint_every, steps);
  if (!setup->in_place) job->metrics.rows = 0;
}

static enum status begin_replay(const char *file, struct job *job, struct error *error) {
  struct transitions_taken taken;
  char newest[RUN_PATH];
  struct stat info;
  if (stat(file, &info) == 0 && S_ISDIR(info.st_mode)) { // a run's
    const enum status found = run_newest_checkpoint(file, true, newest, error);
    if (found != STATUS_OK) return found;
    file = newest;
  }
  const enum status status = checkpoint_read_transitions(file, job, &taken, error);
  if (status != STATUS_OK) return status;
  log_info("replay begins with %llu transitions of %s", (unsigned long long)taken.rows, file);
  if (taken.left_out > 0)
    log_warn("%llu older ones are left out: there is room for %llu (replay_capacity)",
             (unsigned long long)taken.left_out, (unsigned long long)job->config.replay_capacity);
  return STATUS_OK;
}

static enum status begin_policy(const char *path, struct job *job, struct error *error) {
  struct trained_policy policy;
  enum status status = trained_policy_read(path, &policy, error);
  if (status == STATUS_OK) status = initial_policy_take(&policy, job, error);
  if (status == STATUS_OK)
    log_info("the policy begins as that of %s (%s, %llu steps)", policy.file,
             policy.environment[0] ? policy.environment : "no environment named", (unsigned long long)policy.env_steps);
  trained_policy_release(&policy);
  return status;
}

static enum status make_job(const struct setup *setup, struct job *job, struct message_hello *hello,
                            struct error *error) {
  enum status status = job_init(job, &setup->config, hello, error);
  if (status == STATUS_OK && setup->init_replay[0]) status = begin_replay(setup->init_replay, job, error);
  if (status == STATUS_OK && setup->init_policy[0]) status = begin_policy(setup->init_policy, job, error);
  if (status != STATUS_OK || !setup->resume) return status;
  bool has_replay;
  status = checkpoint_read(setup->checkpoint, job, &has_replay, error);
  if (status == STATUS_OK) adapt(setup, job, has_replay);
  return status;
}

// What was learned, and the commands that look at it and go on, as they can be typed here. ranks: of mpirun, 0 in one
// process.
static void say_end(const struct job *job, const struct learner_outcome *outcome, int ranks) {
  char dir[4 * sizeof job->config.run_dir], program[4 * PATH_MAX], duration[32], start[96] = "", total[64] = "";
  shell_word(job->config.run_dir, dir, sizeof dir);
  shell_word(program_invocation_name, program, sizeof program);
  clock_format_duration(job_seconds(job), duration, sizeof duration);
  if (ranks > 0)
    snprintf(start, sizeof start, "mpirun --bind-to none%s -n %d ",
             ranks > sysconf(_SC_NPROCESSORS_ONLN) ? " --oversubscribe" : "", ranks);
  if (outcome->exit_code == EXIT_DONE)
    snprintf(total, sizeof total, " --env-steps %llu", (unsigned long long)(2 * job->config.env_steps));
  log_status_line("");
  log_info("%s after %llu steps, %llu updates, %llu episodes, %s", outcome->exit_code == EXIT_DONE ? "done" : "ended",
           (unsigned long long)job->limiter.steps, (unsigned long long)job->limiter.updates,
           (unsigned long long)job->episodes, duration);
  if (outcome->evaluated)
    log_info("the policy at %llu steps has a mean return of %.2f over %llu episodes%s",
             (unsigned long long)outcome->last_steps, outcome->last_return,
             (unsigned long long)job->config.eval_episodes, outcome->last_cut > 0 ? ", which did not all end" : "");
  if (!outcome->checkpoint[0]) return;
  log_info("newest checkpoint %s/%s", job->config.run_dir, outcome->checkpoint);
  log_info("evaluate:    %s eval %s", program, dir);
  log_info("look inside: %s inspect %s", program, dir);
  log_info("go on:       %s%s train --resume %s%s", start, program, dir, total);
}

// Drives the learner, and in one process its actor too, until the job is over.
static void run_learner(struct learner *learner, struct actor *actor) {
  struct backoff backoff = {0};
  bool acting = actor != NULL;
  for (;;) {
    const enum turn turn = learner_turn(learner);
    if (turn == TURN_DONE) return;
    enum turn acted = TURN_IDLE;
    struct error error = {0};
    if (acting && actor_turn(actor, &acted, &error) != STATUS_OK) log_error("%s", error.text);
    acting = acting && acted != TURN_DONE && error.status == STATUS_OK;
    if (turn == TURN_BUSY || acted == TURN_BUSY)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
}

// The job from the actors' greeting to its end. *began: training started, so the run directory has something to tell.
static enum status learn(const struct setup *setup, struct transport *transport, struct actor *actor,
                         const volatile sig_atomic_t *stop, struct role_ending *ending, bool *began,
                         struct error *error) {
  struct job job = {0};
  struct message_hello hello = {0};
  char header[METRICS_HEADER];
  struct metrics_file *metrics_file = NULL;
  struct tensorboard *tensorboard = NULL;
  struct learner *learner = NULL;
  const size_t actors = (size_t)transport_size(transport) - 1;
  uint32_t *pid = memory_alloc(actors, sizeof *pid, "the list of actors", error);
  if (!pid) return STATUS_MEMORY;
  enum status status = greeting_collect(&setup->config, transport, stop, &hello, pid, error);
  if (status != STATUS_OK) goto release_pid;
  status = make_job(setup, &job, &hello, error);
  if (status != STATUS_OK) goto release_job;
  metrics_format_header(&job.environment, header);
  metrics_file = metrics_file_open(setup->config.run_dir, header, job.metrics.rows, error);
  if (!metrics_file) goto release_job;
  job.metrics.rows = metrics_file_rows(metrics_file);
  if (job.config.tensorboard) {
    tensorboard = tensorboard_create(setup->config.run_dir, &job.config, header, job.metrics.last_steps, error);
    if (!tensorboard) goto release_job;
  }
  const char *file = setup->in_place ? strrchr(setup->checkpoint, '/') + 1 : "";
  learner = learner_create(
      &(struct learner_setup){&job, transport, setup->run, metrics_file, stop, file, tensorboard, pid}, error);
  if (!learner) goto release_job;
  say_start(setup, &job, assignment_active(&setup->config, (uint32_t)transport_size(transport) - 1));
  status = learner_start(learner, error);
  if (status != STATUS_OK) goto release_learner;
  *began = true;
  run_learner(learner, actor);
  const int ranks = 1 + (transport_size(transport) - 1) * (int)setup->config.ranks_per_env;
  say_end(&job, learner_outcome(learner), actor ? 0 : ranks);
  *ending = (struct role_ending){learner_outcome(learner)->exit_code, learner_outcome(learner)->together};
release_learner:
  learner_destroy(learner);
release_job:
  tensorboard_destroy(tensorboard);
  metrics_file_close(metrics_file);
  job_release(&job);
release_pid:
  memory_free(pid);
  return error->status;
}

// A resume that fails before it trains: status.json must not go on telling of the run before.
static void write_failure(const struct setup *setup, int exit_code, const char *reason) {
  const struct run_status status = {.state = exit_code == EXIT_STOPPED ? "stopped" : "failed",
                                    .exit_code = exit_code,
                                    .reason = reason,
                                    .env_steps = setup->steps,
                                    .updates = setup->updates,
                                    .checkpoint = strrchr(setup->checkpoint, '/') + 1};
  struct error error = {0};
  if (run_write_status(setup->run, &status, &error) != STATUS_OK) log_warn("%s", error.text);
}

void role_give_up(struct setup *setup, int exit_code, const char *reason) {
  if (setup->in_place) {
    write_failure(setup, exit_code, reason);
    run_directory_close(setup->run);
  } else {
    run_directory_discard(setup->run);
  }
}

struct role_ending role_lead(struct setup *setup, struct transport *transport, struct actor *actor,
                             const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct role_ending ending = {0};
  bool began = false;
  if (learn(setup, transport, actor, stop, &ending, &began, &error) != STATUS_OK) {
    log_error("%s", error.text);
    ending.exit_code = status_exit_code(error.status);
    if (setup->in_place) write_failure(setup, ending.exit_code, error.text); // first: mpirun may not leave much time
    ending.together = !actor && greeting_dismiss(transport, ending.exit_code, DISMISS_SECONDS);
  }
  log_close();
  if (began || setup->in_place)
    run_directory_close(setup->run);
  else
    run_directory_discard(setup->run);
  return ending;
}

// --- other ranks ---

struct role_ending role_act_for_group(const struct config *config, struct transport *transport, struct group *group,
                                      bool last, const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct backoff backoff = {0};
  enum turn turn = TURN_BUSY;
  struct actor *actor = actor_create_for_group(config, transport, group, stop, &error);
  if (actor) error_clear(&error); // where it failed, the learner says it
  while (actor && turn != TURN_DONE && error.status == STATUS_OK) {
    actor_turn(actor, &turn, &error);
    if (turn == TURN_BUSY)
      backoff_reset(&backoff);
    else if (turn == TURN_IDLE)
      backoff_wait(&backoff);
  }
  if (error.status != STATUS_OK) log_error("%s", error.text);
  struct role_ending ending = {error.status == STATUS_OK ? actor_exit_code(actor) : status_exit_code(error.status),
                               error.status == STATUS_OK && actor_leaves_together(actor)};
  ending.together &= transport_flush(transport, DISMISS_SECONDS);
  if (last) exit_bound(ending.exit_code, *stop ? EXIT_SECONDS : (unsigned)ceil(config->env_timeout));
  actor_destroy(actor); // with it the group's environments
  if (group) group_dismiss(group, ending.exit_code, ending.together);
  return ending;
}

struct role_ending role_act(const struct config *config, struct transport *transport,
                            const volatile sig_atomic_t *stop) {
  return role_act_for_group(config, transport, NULL, false, stop);
}

struct role_ending role_follow(struct group *group) {
  struct error error = {0};
  struct role_ending ending = {0, false};
  if (group_follow(group, &ending.exit_code, &ending.together, &error) == STATUS_OK) return ending;
  log_error("%s", error.text);
  ending.exit_code = status_exit_code(error.status);
  return ending;
}
