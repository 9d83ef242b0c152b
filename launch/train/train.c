// corsac train: rank 0 learns, the others act; one process does both over the loopback transport.
#include "actor/group.h"
#include "actor/guest/guest.h"
#include "common/base/exit_bound.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "common/wire/launcher_watch.h"
#include "common/wire/transport_loopback.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/cli/command.h"
#include "launch/cli/signals.h"
#include "launch/mpi/launcher.h"
#include "launch/mpi/mpi_errors.h"
#include "launch/train/groups.h"
#include "launch/train/roles.h"
#include "launch/train/roles_impl.h"
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

// Collective: rank 0 sends its configuration, as text, to all. So an actor's node need not see the files.
static enum status share_config(struct setup *setup, enum status resolved, int rank, struct error *error) {
  void *text = NULL;
  size_t size = 0;
  if (rank == 0 && resolved == STATUS_OK) {
    size = options_format_yaml(&setup->config, NULL, 0) + 1;
    text = memory_alloc(size, 1, "the configuration's text", error);
    if (!text)
      resolved = STATUS_MEMORY;
    else
      options_format_yaml(&setup->config, text, size);
  }
  enum status status = mpi_broadcast(resolved, &text, &size, mpi_start_seconds(), error);
  if (status == STATUS_OK && rank > 0) {
    options_defaults(&setup->config);
    status = options_parse_yaml(text, size - 1, "configuration from rank 0", &setup->config, error);
  }
  memory_free(text);
  return status;
}

// With --ranks-per-env: this rank as a member of its group. The learner has none.
struct member {
  struct transport *transport; // among the group's ranks
  struct group *group;
  struct group_position position;
};

// *transport: to the learner; it stays NULL in a rank that is not the first of its group.
static enum status join_group(const struct config *config, struct member *member, struct transport **transport,
                              struct error *error) {
  struct group_position *position = &member->position;
  enum status status = groups_split(config->ranks_per_env, position, error);
  if (status == STATUS_OK && position->front != -1) status = transport_mpi_create_on(position->front, transport, error);
  if (status != STATUS_OK) return status;
  if (position->group == -1) {
    transport_mpi_listen_aside(*transport, position->aside, (int)config->ranks_per_env);
    return STATUS_OK;
  }
  status = transport_mpi_create_on(position->group, &member->transport, error);
  if (status != STATUS_OK) return status;
  member->group = group_create(config, member->transport, position->environment, error);
  return member->group ? STATUS_OK : STATUS_MEMORY;
}

static void leave_group(struct member *member) {
  if (member->transport) transport_flush(member->transport, ROLE_GOODBYE_SECONDS);
  group_destroy(member->group);
  transport_destroy(member->transport);
}

// Collective: makes communicators and shared memory. Some of these calls cannot be asked whether they are done, so the
// process has a time limit meanwhile.
static enum status make_transports(const struct config *config, struct member *member, struct transport **transport,
                                   int watch, struct error *error) {
  const double seconds = mpi_start_seconds();
  launcher_watch_expect(watch, seconds);
  exit_bound_for("making communicators and shared memory", (unsigned)seconds + LAUNCHER_SECONDS, launcher_process());
  enum status status =
      config->ranks_per_env > 1 ? join_group(config, member, transport, error) : transport_mpi_create(transport, error);
  if (status == STATUS_OK && *transport)
    status = transport_shared_weights_open(*transport, setup_shared_weights_capacity(config), error);
  exit_bound_over();
  return status;
}

// Collective: checks the versions, resolves the setup on rank 0, shares the configuration.
static enum status agree(struct setup *setup, int argc, char **argv, int rank, int size, struct error *error) {
  const enum status status = mpi_same_version(CORSAC_VERSION, mpi_start_seconds(), error);
  if (status != STATUS_OK) return status;
  const enum status resolved = rank == 0 ? setup_resolve(setup, argc, argv, (uint32_t)size - 1, error) : STATUS_OK;
  return share_config(setup, resolved, rank, error);
}

// The start failed. After STATUS_PEER some rank took no part, so the others do not leave together.
static struct role_result fail_start(struct setup *setup, int rank, enum status status, const struct error *error) {
  struct role_result result = {.together = status != STATUS_PEER};
  result.exit_code = rank == 0 ? command_fail(error) : status_exit_code(status);
  if (setup->run) setup_abandon(setup, result.exit_code, error->text);
  return result;
}

static struct role_result train_ranks(int argc, char **argv, int rank, int size, int watch, bool last,
                                      const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct setup setup = {0};
  struct start_watch start;
  struct transport *transport = NULL;
  struct member member = {0};
  struct role_result result;
  log_init(rank, LOG_INFO);
  if (rank == 0) start_watch_begin(&start, &setup, stop);
  launcher_watch_expect(watch, INFINITY);
  enum status status = agree(&setup, argc, argv, rank, size, &error);
  setup.watch = rank == 0 ? &start : NULL;
  if (status == STATUS_OK) log_init(rank, level_named(setup.config.log_level));
  if (status == STATUS_OK) status = make_transports(&setup.config, &member, &transport, watch, &error);
  // If this process is killed, the actors leave when they have not heard from it for so long.
  launcher_watch_grant(watch, setup.config.actor_timeout + LAUNCHER_SECONDS);

  if (status != STATUS_OK) {
    start_watch_end(setup.watch);
    result = fail_start(&setup, rank, status, &error);
  } else if (!transport) {
    result = role_follow(member.group, &member.position, stop);
  } else {
    result = rank == 0 ? role_lead(&setup, transport, NULL, stop)
                       : role_act_for_group(&setup.config, transport, member.group, last, stop);
  }
  transport_destroy(transport);
  leave_group(&member);
  return result;
}

// --- the command ---

struct role_result train_job(int argc, char **argv, int rank, int size, int watch, bool last,
                             const volatile sig_atomic_t *stop) {
  if (size > 1) return train_ranks(argc, argv, rank, size, watch, last, stop);
  return (struct role_result){train_alone(argc, argv, last, stop), true};
}

// Several processes were started, but MPI does not know of them. The first one prints the error.
static int refuse(const struct launcher *launcher, int argc, char **argv, const struct error *error) {
  if (launcher->task > 0) return status_exit_code(error->status);
  setup_refuse(argc, argv, status_exit_code(error->status), error->text);
  return command_fail(error);
}

int command_train(int argc, char **argv) {
  const volatile sig_atomic_t *stop = signals_install();
  const struct launcher launcher = launcher_find();
  struct error error = {0};
  int rank, size;
  linalg_init();
  log_init(0, LOG_INFO);
  if (!mpi_is_launched()) {
    if (launcher_check(&launcher, 1, &error) != STATUS_OK) return refuse(&launcher, argc, argv, &error);
    return train_alone(argc, argv, true, stop);
  }

  const int watch = launcher_watch_begin(mpi_start_seconds());
  if (mpi_start(&argc, &argv, &rank, &size, &error) != STATUS_OK) {
    if (launcher.task == 0) setup_refuse(argc, argv, status_exit_code(error.status), error.text);
    return command_fail(&error);
  }
  if (launcher_check(&launcher, size, &error) != STATUS_OK) {
    const int code = refuse(&launcher, argc, argv, &error);
    launcher_watch_end(watch, true);
    mpi_stop(true, code);
    return code;
  }
  if (mpi_errors_end_guests(&error) != STATUS_OK) return command_fail(&error);
  const struct role_result result = train_job(argc, argv, rank, size, watch, true, stop);
  launcher_watch_end(watch, result.together);
  mpi_stop(result.together, result.exit_code);
  return result.exit_code;
}
