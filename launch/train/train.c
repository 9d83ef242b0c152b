// corsac train: rank 0 learns, the others act; one process does both over the loopback transport.
#include "actor/group.h"
#include "actor/guest/guest.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "common/wire/launcher_watch.h"
#include "common/wire/transport_loopback.h"
#include "launch/cli/command.h"
#include "launch/cli/signals.h"
#include "launch/train/ranks.h"
#include "launch/train/roles.h"
#include "launch/train/start_watch.h"
#include "launch/train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level level_named(const char *name) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) return (enum log_level)i;
  return LOG_INFO;
}

// --- one process: the learner and an actor take turns ---

struct alone {
  struct setup setup;
  struct transport *ends[2]; // the learner's, the actor's
  struct actor *actor;
  const volatile sig_atomic_t *stop;
};

// An environment ended the process while it was created. The actor tells the learner, which ends the job.
static void end_in_create(void *host, const struct guest_end *end) {
  struct alone *alone = host;
  actor_fail(alone->actor, &end->why);
  const struct role_result result = role_lead(&alone->setup, alone->ends[0], alone->actor, alone->stop);
  fflush(NULL);
  _exit(result.exit_code);
}

// last: the process ends with the job, so an environment that does not return cannot hold it up.
static int train_alone(int argc, char **argv, bool last, const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct alone alone = {.stop = stop};
  struct start_watch watch;
  start_watch_begin(&watch, &alone.setup, stop);
  if (setup_resolve(&alone.setup, argc, argv, 1, &error) != STATUS_OK) {
    start_watch_end(&watch);
    return command_fail(&error);
  }
  alone.setup.watch = &watch;
  start_watch_keep(&watch, alone.setup.run);
  const struct config *config = &alone.setup.config;
  log_init(0, level_named(config->log_level));
  struct role_result result = {EXIT_FAILED, false};
  enum status status = transport_loopback_create(2, alone.ends, &error);
  const size_t shared = setup_shared_weights_capacity(config);
  for (int i = 0; i < 2 && status == STATUS_OK; i++)
    status = transport_shared_weights_open(alone.ends[i], shared, &error);
  for (int i = 0; i < 2 && status == STATUS_OK; i++) transport_is_one_process(alone.ends[i]);
  alone.setup.last = last;
  if (status == STATUS_OK) alone.actor = actor_prepare(config, alone.ends[1], NULL, stop, &error);
  if (alone.actor) {
    struct guest_host before;
    guest_set_host(&(struct guest_host){.who = &alone, .ended = end_in_create, .mend_signals = signals_mend}, &before);
    actor_equip(alone.actor);
    result = role_lead(&alone.setup, alone.ends[0], alone.actor, stop);
    guest_set_host(&before, NULL);
  } else {
    start_watch_end(&watch);
    result.exit_code = command_fail(&error);
    setup_abandon(&alone.setup, result.exit_code, error.text);
  }
  actor_destroy(alone.actor);
  transport_destroy(alone.ends[0]);
  transport_destroy(alone.ends[1]);
  return result.exit_code;
}

// --- ranks of mpirun ---

// Collective: checks the versions, resolves the setup on rank 0, shares the configuration.
static enum status agree(struct setup *setup, int argc, char **argv, int rank, int size, struct error *error) {
  const enum status status = ranks_compare(error);
  if (status != STATUS_OK) return status;
  const enum status resolved = rank == 0 ? setup_resolve(setup, argc, argv, (uint32_t)size - 1, error) : STATUS_OK;
  return ranks_share_config(&setup->config, rank, resolved, error);
}

// The start failed. After STATUS_PEER some rank took no part, so the others do not leave together.
static struct role_result fail_start(struct setup *setup, int rank, enum status status, const struct error *error) {
  struct role_result result = {.together = status != STATUS_PEER};
  result.exit_code = rank == 0 ? command_fail(error) : status_exit_code(status);
  if (setup->run) setup_abandon(setup, result.exit_code, error->text);
  return result;
}

static struct role_result train_ranks(int argc, char **argv, struct ranks *ranks, bool last,
                                      const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct setup setup = {0};
  struct start_watch start;
  struct role_result result;
  const int rank = ranks->rank;
  log_init(rank, LOG_INFO);
  if (rank == 0) start_watch_begin(&start, &setup, stop);
  launcher_watch_expect(ranks->watch, INFINITY);
  enum status status = agree(&setup, argc, argv, rank, ranks->size, &error);
  setup.watch = rank == 0 ? &start : NULL;
  if (rank == 0 && status == STATUS_OK) start_watch_keep(&start, setup.run);
  if (status == STATUS_OK) log_init(rank, level_named(setup.config.log_level));
  if (status == STATUS_OK)
    status = ranks_connect(ranks, &setup.config, setup_shared_weights_capacity(&setup.config), &error);

  if (status != STATUS_OK) {
    start_watch_end(setup.watch);
    result = fail_start(&setup, rank, status, &error);
  } else if (!ranks->transport) {
    result = role_follow(ranks->group, &ranks->position, stop);
  } else {
    result = rank == 0 ? role_lead(&setup, ranks->transport, NULL, stop)
                       : role_act_for_group(&setup.config, ranks->transport, ranks->group, last, stop);
  }
  ranks->patience = role_patience(&setup.config, stop);
  ranks_disconnect(ranks);
  return result;
}

// --- the command ---

struct role_result train_job(int argc, char **argv, struct ranks *ranks, bool last, const volatile sig_atomic_t *stop) {
  if (ranks->size > 1) return train_ranks(argc, argv, ranks, last, stop);
  return (struct role_result){train_alone(argc, argv, last, stop), true};
}

// MPI did not start, or does not know of the processes that were started. Of the latter the first one prints the error.
static int refuse(const struct launcher *launcher, int argc, char **argv, const struct error *error) {
  const bool is_first = launcher->task == 0;
  if (is_first) setup_refuse(argc, argv, status_exit_code(error->status), error->text);
  return is_first || error->status != STATUS_USAGE ? command_fail(error) : status_exit_code(error->status);
}

int command_train(int argc, char **argv) {
  const volatile sig_atomic_t *stop = signals_install();
  struct error error = {0};
  struct ranks ranks;
  linalg_init();
  log_init(0, LOG_INFO);
  if (ranks_start(&ranks, &argc, &argv, &error) != STATUS_OK) {
    const int code = refuse(&ranks.launcher, argc, argv, &error);
    ranks_stop(&ranks, true, code);
    return code;
  }
  const struct role_result result = train_job(argc, argv, &ranks, true, stop);
  ranks_stop(&ranks, result.together, result.exit_code);
  return result.exit_code;
}
