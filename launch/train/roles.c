#include "launch/train/roles.h"

#include "actor/group.h"
#include "actor/guest/guest.h"
#include "common/base/clock.h"
#include "common/base/exit_bound.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/transition_file.h"
#include "learner/exchange/handshake.h"
#include "launch/train/affinity.h"
#include "launch/cli/resume_command.h"
#include "launch/train/settings.h"
#include "launch/cli/shell_word.h"
#include "launch/cli/signals.h"
#include "launch/train/start_watch.h"
#include "learner/checkpoint/initial_policy.h"
#include "learner/learner.h"
#include "learner/run/metrics_file.h"
#include "learner/run/tensorboard.h"
#include "learner/storage/policy_file.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double DISMISS_SECONDS = 5;

// What the settings come to, and those that come to nothing.
static void say_settings(const struct setup *setup, const struct job *job, uint32_t actors) {
  const struct settings settings = {&job->config, &setup->saved, &job->limiter, replay_size(job->replay),
                                    actors,       setup->resume};
  char text[SETTINGS_DOUBTS][SETTINGS_TEXT], reports[SETTINGS_TEXT];
  settings_reports(&settings, reports);
  log_info("%s", reports);
  const size_t doubts = settings_doubts(&settings, text);
  for (size_t i = 0; i < doubts; i++) log_warn("%s", text[i]);
  if (job->limiter.steps >= job->config.env_steps)
    log_warn("env_steps is already reached (%llu of %llu), so no step is made: --env-steps with more goes on",
             (unsigned long long)job->limiter.steps, (unsigned long long)job->config.env_steps);
}

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
  say_settings(setup, job, actors);
  affinity_check(setup->wanted_threads, setup->ranks,
                 setup->resume && options_is_fixed(options_find("learner_threads"), config));
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
  char newest[FILE_PATH];
  struct stat info;
  if (file_stat(file, &info) == 0 && S_ISDIR(info.st_mode)) { // a run's
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
  enum status status = policy_file_read(path, &policy, error);
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
  char dir[4 * sizeof job->config.run_dir], program[4 * PATH_MAX], duration[32], command[RESUME_COMMAND_TEXT];
  shell_word(job->config.run_dir, dir, sizeof dir);
  shell_word(program_invocation_name, program, sizeof program);
  clock_format_duration(job_seconds(job), duration, sizeof duration);
  const uint64_t steps = job->limiter.steps;
  log_status_line("");
  log_info("%s after %llu step%s, %llu update%s, %llu episode%s, %s",
           outcome->exit_code == EXIT_DONE ? "done" : "ended", (unsigned long long)steps, steps == 1 ? "" : "s",
           (unsigned long long)job->limiter.updates, job->limiter.updates == 1 ? "" : "s",
           (unsigned long long)job->episodes, job->episodes == 1 ? "" : "s", duration);
  if (outcome->evaluated)
    log_info("the policy at %llu steps has a mean return of %.2f over %llu episode%s%s",
             (unsigned long long)outcome->last_steps, outcome->last_return,
             (unsigned long long)job->config.eval_episodes, job->config.eval_episodes == 1 ? "" : "s",
             outcome->last_cut > 0 ? ", which did not all end" : "");
  if (!outcome->checkpoint[0]) return;
  log_info("newest checkpoint %s/%s", job->config.run_dir, outcome->checkpoint);
  log_info("evaluate:    %s eval %s", program, dir);
  log_info("look inside: %s inspect %s", program, dir);
  resume_command(job->config.run_dir, ranks, outcome->exit_code == EXIT_DONE ? steps : 0, command);
  log_info("go on:       %s", command);
}

// Rank 0's part of a job, and in one process the actor beside it.
struct lead {
  struct setup *setup; // not owned, nor are transport, actor and stop
  struct transport *transport;
  struct actor *actor; // NULL: actors are other ranks
  const volatile sig_atomic_t *stop;
  struct job job;
  struct metrics_file *metrics_file;
  struct tensorboard *tensorboard;
  struct learner *learner;
  uint32_t *pid; // (actors) of each actor's process
  bool began;    // training started, so the run directory has something to tell
  struct role_result result;
};

static enum status open_tables(struct lead *lead, struct error *error) {
  struct job *job = &lead->job;
  const char *run_dir = lead->setup->config.run_dir;
  char header[METRICS_HEADER];
  metrics_format_header(&job->environment, header);
  lead->metrics_file = metrics_file_open(run_dir, header, job->metrics.rows, error);
  if (!lead->metrics_file) return error->status;
  job->metrics.rows = metrics_file_rows(lead->metrics_file);
  if (!job->config.tensorboard) return STATUS_OK;
  lead->tensorboard = tensorboard_create(run_dir, &job->config, header, job->metrics.last_steps, error);
  return lead->tensorboard ? STATUS_OK : error->status;
}

// From the actors' greeting to the first turn.
static enum status begin(struct lead *lead, struct error *error) {
  struct setup *setup = lead->setup;
  struct message_hello hello = {0};
  const size_t actors = (size_t)transport_size(lead->transport) - 1;
  lead->pid = memory_alloc(actors, sizeof *lead->pid, "the list of actors", error);
  if (!lead->pid) return STATUS_MEMORY;
  enum status status = handshake_collect(&setup->config, lead->transport, lead->stop, &hello, lead->pid, error);
  if (status == STATUS_OK) status = make_job(setup, &lead->job, &hello, error);
  if (status == STATUS_OK) status = open_tables(lead, error);
  if (status != STATUS_OK) return status;
  const char *file = setup->in_place ? strrchr(setup->checkpoint, '/') + 1 : "";
  lead->learner = learner_create(&(struct learner_setup){&lead->job, lead->transport, setup->run, lead->metrics_file,
                                                         lead->stop, file, lead->tensorboard, lead->pid},
                                 error);
  if (!lead->learner) return error->status;
  say_start(setup, &lead->job, assignment_active(&setup->config, (uint32_t)transport_size(lead->transport) - 1));
  status = learner_start(lead->learner, error);
  lead->began = status == STATUS_OK;
  return status;
}

// Drives the learner, and in one process its actor too, until the job is over.
static void drive(struct lead *lead) {
  struct backoff backoff = {0};
  bool acting = lead->actor != NULL;
  for (;;) {
    const enum turn turn = learner_turn(lead->learner);
    if (turn == TURN_DONE) return;
    enum turn acted = TURN_IDLE;
    struct error error = {0};
    if (acting && actor_turn(lead->actor, &acted, &error) != STATUS_OK) log_error("%s", error.text);
    acting = acting && acted != TURN_DONE && error.status == STATUS_OK;
    if (turn == TURN_BUSY || acted == TURN_BUSY)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
}

// The same where the actor will never make another turn: its environment ended the process, or does not come back.
static void drive_to_the_end(struct lead *lead) {
  struct backoff backoff = {0};
  while (!learner_is_leaving(lead->learner))
    if (learner_turn(lead->learner) == TURN_BUSY)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
}

static void release(struct lead *lead) {
  learner_destroy(lead->learner);
  tensorboard_destroy(lead->tensorboard);
  metrics_file_close(lead->metrics_file);
  job_release(&lead->job);
  memory_free(lead->pid);
}

// What the job came to, and the end of its run directory. error: why it did not begin.
static void finish(struct lead *lead, const struct error *error) {
  struct setup *setup = lead->setup;
  if (lead->began) {
    const struct learner_outcome *outcome = learner_outcome(lead->learner);
    const int ranks = 1 + (transport_size(lead->transport) - 1) * (int)setup->config.ranks_per_env;
    say_end(&lead->job, outcome, lead->actor ? 0 : ranks);
    lead->result = (struct role_result){outcome->exit_code, outcome->together};
  } else {
    log_error("%s", error->text);
    lead->result.exit_code = status_exit_code(error->status);
    const bool stays = setup->in_place || setup->begins_again;
    if (stays) setup_abandon(setup, lead->result.exit_code, error->text); // first: mpirun may not leave much time
    lead->result.together = !lead->actor && handshake_dismiss(lead->transport, lead->result.exit_code, DISMISS_SECONDS);
    if (!stays) setup_abandon(setup, lead->result.exit_code, error->text); // actors have files in it
  }
  release(lead);
  log_close();
  run_directory_close(setup->run);
}

// In one process: the environment that the actor is in, and will never leave, ended the process.
static void lead_past_end(void *who, const struct guest_end *end) {
  struct lead *lead = who;
  if (end->crashed || learner_is_leaving(lead->learner)) {
    learner_abandon(lead->learner, &end->why); // a checkpoint of damaged memory would drive out a good one
    lead->result.exit_code = EXIT_FAILED;
  } else {
    actor_fail(lead->actor, &end->why);
    drive_to_the_end(lead);
    finish(lead, NULL);
  }
  fflush(NULL);
  _exit(lead->result.exit_code);
}

static bool is_stop_wanted(void *who) { return learner_wants_to_stop(((struct lead *)who)->learner); }

static void lead_without_actor(void *who, const struct error *where) {
  struct lead *lead = who;
  log_info("%s, and is not waited for", where->text);
  drive_to_the_end(lead);
  finish(lead, NULL);
  fflush(NULL);
  _exit(lead->result.exit_code);
}

// How long what comes after the job may take, until the process ends anyway: s.
static unsigned end_seconds(const struct config *config, const volatile sig_atomic_t *stop) {
  return *stop ? EXIT_SECONDS : (unsigned)ceil(config->env_timeout);
}

struct role_result role_lead(struct setup *setup, struct transport *transport, struct actor *actor,
                             const volatile sig_atomic_t *stop) {
  struct lead lead = {.setup = setup, .transport = transport, .actor = actor, .stop = stop};
  struct error error = {0};
  const enum status begun = begin(&lead, &error);
  start_watch_end(setup->watch);
  if (begun == STATUS_OK) {
    struct guest_host before;
    const struct guest_host host = {&lead, lead_past_end, is_stop_wanted, lead_without_actor, signals_mend};
    if (actor) guest_set_host(&host, &before);
    drive(&lead);
    if (setup->last) exit_bound(learner_outcome(lead.learner)->exit_code, end_seconds(&setup->config, stop));
    if (actor) actor_close(actor); // before the end is told: it may fail here, too
    if (actor) guest_set_host(&before, NULL);
  }
  finish(&lead, &error);
  return lead.result;
}

// --- other ranks ---

struct acting {
  struct actor *actor;
  struct transport *transport; // not owned
  struct group *group;         // not owned, or NULL
};

// Until the learner lets this rank go.
static struct role_result act(struct acting *acting, struct error *error) {
  struct backoff backoff = {0};
  struct actor *actor = acting->actor;
  for (enum turn turn = TURN_BUSY; turn != TURN_DONE && error->status == STATUS_OK;) {
    actor_turn(actor, &turn, error);
    if (turn == TURN_BUSY)
      backoff_reset(&backoff);
    else if (turn == TURN_IDLE)
      backoff_wait(&backoff);
  }
  if (error->status != STATUS_OK) log_error("%s", error->text);
  struct role_result result = {error->status == STATUS_OK ? actor_exit_code(actor) : status_exit_code(error->status),
                               error->status == STATUS_OK && actor_leaves_together(actor)};
  result.together &= transport_flush(acting->transport, DISMISS_SECONDS);
  return result;
}

// The environment that the actor is in, and will never leave, ended the process. The learner hears of it, and this rank
// stays until the job ends: a rank that left would end it.
static void act_past_end(void *who, const struct guest_end *end) {
  struct acting *acting = who;
  struct error error = {0};
  struct role_result result = {EXIT_FAILED, false};
  if (actor_has_left(acting->actor)) {
    log_error("%s", end->why.text);
  } else {
    actor_fail(acting->actor, &end->why);
    alarm(0); // of a crash: the word is out, and what follows may take as long as the job
    result = act(acting, &error);
  }
  if (acting->group) group_dismiss(acting->group, result.exit_code, result.together);
  mpi_stop(result.together && !acting->group, result.exit_code); // the group's others may be in the environment
  _exit(result.exit_code);
}

struct role_result role_act_for_group(const struct config *config, struct transport *transport, struct group *group,
                                      bool last, const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct acting acting = {actor_prepare(config, transport, group, stop, &error), transport, group};
  if (!acting.actor) {
    log_error("%s", error.text);
    return (struct role_result){status_exit_code(error.status), false};
  }
  struct guest_host before;
  guest_set_host(&(struct guest_host){.who = &acting, .ended = act_past_end, .mend_signals = signals_mend}, &before);
  actor_equip(acting.actor);
  const struct role_result result = act(&acting, &error);
  if (last) exit_bound(result.exit_code, end_seconds(config, stop));
  actor_destroy(acting.actor); // with it the group's environments
  guest_set_host(&before, NULL);
  if (group) group_dismiss(group, result.exit_code, result.together);
  return result;
}

struct role_result role_act(const struct config *config, struct transport *transport,
                            const volatile sig_atomic_t *stop) {
  return role_act_for_group(config, transport, NULL, false, stop);
}

struct following {
  const struct group_place *place; // not owned, nor is stop
  const volatile sig_atomic_t *stop;
};

// The environment of a rank that is not the first of its group ended the process. Its leader may be in the same call,
// and wait for this rank for ever: so the learner hears of it directly. This rank stays until mpirun ends it with the
// job.
static void follow_past_end(void *who, const struct guest_end *end) {
  const struct following *following = who;
  const struct timespec pause = {.tv_nsec = 50000000};
  const pid_t parent = getppid();
  struct buffer bytes = {0};
  struct error error = {0};
  enum status status = message_encode_failed(&bytes, following->place->peer, &end->why, &error);
  if (status == STATUS_OK)
    status = transport_mpi_speak_aside(following->place->aside, bytes.data, bytes.size, DISMISS_SECONDS, &error);
  alarm(0); // of a crash: see act_past_end
  if (status != STATUS_OK) log_error("%s (and the learner could not be told: %s)", end->why.text, error.text);
  while (status == STATUS_OK && *following->stop == 0 && getppid() == parent) nanosleep(&pause, NULL);
  mpi_stop(false, EXIT_FAILED);
}

struct role_result role_follow(struct group *group, const struct group_place *place,
                               const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct role_result result = {0, false};
  struct following following = {place, stop};
  struct guest_host before;
  guest_set_host(&(struct guest_host){.who = &following, .ended = follow_past_end, .mend_signals = signals_mend},
                 &before);
  if (group_follow(group, &result.exit_code, &result.together, &error) != STATUS_OK) {
    log_error("%s", error.text);
    result.exit_code = status_exit_code(error.status);
  }
  guest_set_host(&before, NULL);
  return result;
}
