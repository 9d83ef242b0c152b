#include "launch/train/roles.h"

#include "actor/guest/guest.h"
#include "common/base/clock.h"
#include "common/base/exit_bound.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"
#include "launch/cli/signals.h"
#include "launch/train/announce.h"
#include "launch/train/roles_impl.h"
#include "launch/train/start_job.h"
#include "launch/train/start_watch.h"
#include "learner/exchange/handshake.h"
#include "learner/learner.h"
#include "learner/run/errands.h"
#include "learner/run/tensorboard.h"
#include "learner/run/metrics_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Rank 0's part of a job, and in one process the actor that takes turns with it.
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
  struct errands *errands;
  double best_saved; // of start_best
  double greeted;    // clock_coarse() of the last heartbeats before there is a learner
  bool began;        // training has started, so the run directory has results
  struct role_result result;
};

// Opens what gets a row each log_every steps: metrics.csv, and TensorBoard's file.
static enum status open_tables(struct lead *lead, struct error *error) {
  struct job *job = &lead->job;
  const char *run_dir = lead->setup->config.run_dir;
  char header[METRICS_HEADER];
  metrics_format_header(&job->environment, &job->config, header);
  lead->metrics_file = metrics_file_open(run_dir, header, job->metrics.rows, error);
  if (!lead->metrics_file) return error->status;
  job->metrics.rows = metrics_file_rows(lead->metrics_file);
  if (!job->config.tensorboard) return STATUS_OK;
  lead->tensorboard = tensorboard_create(run_dir, &job->config, header, job->metrics.last_steps, error);
  return lead->tensorboard ? STATUS_OK : error->status;
}

// --- files, which may take minutes: a checkpoint of a whole node's memory, a file system that hangs ---

// Actors that have said HELLO wait for START.
static void greet(struct lead *lead) {
  const double now = clock_coarse();
  struct buffer bytes = {0};
  if (now - lead->greeted < heartbeat_seconds(&lead->setup->config)) return;
  lead->greeted = now;
  if (message_encode_heartbeat(&bytes, 0, &(struct message_heartbeat){0}, NULL) == STATUS_OK)
    for (int rank = 1; rank < transport_size(lead->transport); rank++)
      (void)transport_send(lead->transport, rank, bytes.data, bytes.size, NULL); // an error comes again
  buffer_release(&bytes);
}

static void keep_in_touch(void *who) {
  struct lead *lead = who;
  if (lead->learner)
    learner_keep_in_touch(lead->learner);
  else
    greet(lead);
}

struct beginning {
  struct lead *lead;
  struct message_hello *hello;
  enum status status;
  struct error error;
};

static void begin_files(void *argument) {
  struct beginning *it = argument;
  it->status = start_job(it->lead->setup, &it->lead->job, it->hello, &it->error);
  if (it->status == STATUS_OK) it->lead->best_saved = start_best(it->lead->setup, &it->lead->job);
  // Reading took its time. The tables drop rows, which may be another job's by now.
  if (it->status == STATUS_OK) it->status = run_directory_check(it->lead->setup->run, &it->error);
  if (it->status == STATUS_OK) it->status = open_tables(it->lead, &it->error);
}

static enum status make_job(struct lead *lead, struct message_hello *hello, struct error *error) {
  struct beginning it = {.lead = lead, .hello = hello};
  lead->errands = errands_create(lead->setup->config.run_dir, keep_in_touch, lead, error);
  if (!lead->errands) return error->status;
  errands_run(lead->errands, begin_files, &it);
  return it.status == STATUS_OK ? STATUS_OK : error_set(error, it.status, "%s", it.error.text);
}

// Everything before the first turn: the actors' handshake, the job, its files, the learner.
static enum status begin(struct lead *lead, struct error *error) {
  struct setup *setup = lead->setup;
  struct message_hello hello = {0};
  const uint32_t actors = (uint32_t)transport_size(lead->transport) - 1;
  lead->pid = memory_alloc(actors, sizeof *lead->pid, "the list of actors", error);
  if (!lead->pid) return STATUS_MEMORY;
  enum status status = handshake_collect(&setup->config, lead->transport, lead->stop, &hello, lead->pid, error);
  if (status == STATUS_OK) status = make_job(lead, &hello, error);
  if (status != STATUS_OK) return status;

  const struct learner_setup learner = {&lead->job,         lead->transport, setup->run,
                                        lead->metrics_file, lead->stop,      setup_checkpoint_name(setup),
                                        lead->tensorboard,  lead->pid,       lead->errands,
                                        setup->began,       lead->best_saved};
  lead->learner = learner_create(&learner, error);
  if (!lead->learner) return error->status;
  announce_start(setup, &lead->job, assignment_active(&setup->config, actors));
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

// Drives the learner alone to the end of the job. The actor of this process makes no turn any more, since its
// environment ended the process or does not return.
static void drive_without_actor(struct lead *lead) {
  struct backoff backoff = {0};
  while (!learner_is_leaving(lead->learner))
    if (learner_turn(lead->learner) == TURN_BUSY)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
}

static void release(struct lead *lead) {
  const bool job_is_free = learner_destroy(lead->learner);
  errands_destroy(lead->errands);
  tensorboard_destroy(lead->tensorboard);
  metrics_file_close(lead->metrics_file);
  if (job_is_free) job_release(&lead->job);
  memory_free(lead->pid);
}

// The job did not begin: dismisses the actors and gives the run directory back. A directory that stays is written
// first, since mpirun may not leave much time. One that is removed waits for the actors, which have files in it.
static void give_up(struct lead *lead, const struct error *error) {
  struct setup *setup = lead->setup;
  const int code = status_exit_code(error->status);
  const bool stays = setup->in_place || setup->begins_again;
  log_error("%s", error->text);
  if (stays) setup_abandon(setup, code, error->text);
  const bool dismissed = !lead->actor && handshake_dismiss(lead->transport, code, ROLE_GOODBYE_SECONDS);
  if (!stays) setup_abandon(setup, code, error->text);
  lead->result = (struct role_result){code, dismissed};
}

// Ends the role: tells the job's result and closes the run directory. error: why the job did not begin.
static void finish(struct lead *lead, const struct error *error) {
  if (lead->began) {
    const struct learner_outcome *outcome = learner_outcome(lead->learner);
    const int actors = transport_size(lead->transport) - 1;
    announce_end(&lead->job, outcome, lead->actor ? 0 : 1 + actors * (int)lead->setup->config.ranks_per_env);
    lead->result = (struct role_result){outcome->exit_code, outcome->together};
  } else {
    give_up(lead, error);
  }
  release(lead);
  log_close();
  run_directory_close(lead->setup->run);
}

// --- in one process: an environment that the actor never returns from ---

_Noreturn static void leave(const struct lead *lead) {
  log_close();
  fflush(NULL);
  _exit(lead->result.exit_code);
}

// The environment ended the process. After a crash no checkpoint is written: damaged memory would replace a good one.
static void environment_ended(void *host, const struct guest_end *end) {
  struct lead *lead = host;
  if (end->crashed || learner_is_leaving(lead->learner)) {
    learner_abandon(lead->learner, &end->why);
    lead->result.exit_code = EXIT_FAILED;
  } else {
    actor_fail(lead->actor, &end->why);
    drive_without_actor(lead);
    finish(lead, NULL);
  }
  leave(lead);
}

static bool is_stop_wanted(void *host) { return learner_wants_to_stop(((struct lead *)host)->learner); }

// The environment does not return, and the job is to stop.
static void environment_hangs(void *host, const struct error *where) {
  struct lead *lead = host;
  log_info("%s; the job ends without it", where->text);
  drive_without_actor(lead);
  finish(lead, NULL);
  leave(lead);
}

struct role_result role_lead(struct setup *setup, struct transport *transport, struct actor *actor,
                             const volatile sig_atomic_t *stop) {
  struct lead lead = {.setup = setup, .transport = transport, .actor = actor, .stop = stop};
  struct error error = {0};
  const enum status begun = begin(&lead, &error);
  start_watch_end(setup->watch);
  if (begun == STATUS_OK) {
    struct guest_host before;
    const struct guest_host host = {&lead, environment_ended, is_stop_wanted, environment_hangs, signals_mend};
    if (actor) guest_set_host(&host, &before);
    drive(&lead);
    if (setup->last) exit_bound(learner_outcome(lead.learner)->exit_code, role_end_seconds(&setup->config, stop));
    if (actor) actor_close(actor); // before the end is announced: this may fail too
    if (actor) guest_set_host(&before, NULL);
  }
  finish(&lead, &error);
  return lead.result;
}
