// corsac train: rank 0 learns, the others act; one process does both over the loopback transport.
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
#include "actor/group.h"
#include "actor/guest/guest.h"
#include "launch/cli/command.h"
#include "launch/train/groups.h"
#include "launch/mpi/launcher.h"
#include "launch/mpi/mpi_errors.h"
#include "launch/train/roles.h"
#include "launch/cli/signals.h"
#include "launch/train/start_watch.h"
#include "launch/train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double LEAVE_SECONDS = 5; // for the last word to a group

static enum log_level level_named(const char *name) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) return (enum log_level)i;
  return LOG_INFO;
}

// One process: the learner and an actor beside it.
struct alone {
  struct setup setup;
  struct transport *ends[2]; // the learner's, the actor's
  struct actor *actor;
  const volatile sig_atomic_t *stop;
};

// While the environments are made one of them ended the process. The learner hears of it from the actor, and says how
// the job ends.
static void end_in_create(void *who, const struct guest_end *end) {
  struct alone *alone = who;
  actor_fail(alone->actor, &end->why);
  const struct role_result result = role_lead(&alone->setup, alone->ends[0], alone->actor, alone->stop);
  fflush(NULL);
  _exit(result.exit_code);
}

// last: the process ends with the job, and no environment that does not let go may keep it.
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

// Rank 0's configuration, as text, goes to everybody: an actor's node need not see the files.
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

// With --ranks-per-env: this rank's group, NULL for the learner.
struct team_of_ranks {
  struct transport *transport;
  struct group *group;
  struct group_place place;
};

// *transport: to the learner, NULL for all but the first of a group.
static enum status join_group(const struct config *config, struct team_of_ranks *team, struct transport **transport,
                              struct error *error) {
  struct group_place *place = &team->place;
  enum status status = groups_split(config->ranks_per_env, place, error);
  if (status == STATUS_OK && place->front != -1) status = transport_mpi_create_on(place->front, transport, error);
  if (status != STATUS_OK) return status;
  if (place->group == -1) {
    transport_mpi_listen_aside(*transport, place->aside, (int)config->ranks_per_env);
    return STATUS_OK;
  }
  status = transport_mpi_create_on(place->group, &team->transport, error);
  if (status != STATUS_OK) return status;
  team->group = group_create(config, team->transport, place->environment, error);
  return team->group ? STATUS_OK : STATUS_MEMORY;
}

static void leave_group(struct team_of_ranks *team) {
  if (team->transport) transport_flush(team->transport, LEAVE_SECONDS);
  group_destroy(team->group);
  transport_destroy(team->transport);
}

// The collectives that end start-up. Some of MPI's cannot be asked whether they are done.
static enum status come_together(const struct config *config, struct team_of_ranks *team, struct transport **transport,
                                 int watch, struct error *error) {
  const double seconds = mpi_start_seconds();
  launcher_watch_expect(watch, seconds);
  exit_bound_for("making communicators and shared memory", (unsigned)seconds + LAUNCHER_SECONDS, launcher_process());
  enum status status =
      config->ranks_per_env > 1 ? join_group(config, team, transport, error) : transport_mpi_create(transport, error);
  if (status == STATUS_OK && *transport)
    status = transport_shared_weights_open(*transport, setup_shared_weights_capacity(config), error);
  exit_bound_over();
  return status;
}

static struct role_result train_together(int argc, char **argv, int rank, int size, int watch, bool last,
                                         const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct setup setup = {0};
  struct start_watch start;
  struct transport *transport = NULL;
  struct team_of_ranks team = {0};
  struct role_result result = {0, true};
  log_init(rank, LOG_INFO);
  if (rank == 0) start_watch_begin(&start, &setup, stop);
  launcher_watch_expect(watch, INFINITY);
  enum status status = mpi_same_version(CORSAC_VERSION, mpi_start_seconds(), &error);
  if (status == STATUS_OK) {
    const enum status resolved = rank == 0 ? setup_resolve(&setup, argc, argv, (uint32_t)size - 1, &error) : STATUS_OK;
    status = share_config(&setup, resolved, rank, &error);
  }
  setup.watch = rank == 0 ? &start : NULL;
  if (status == STATUS_OK) log_init(rank, level_named(setup.config.log_level));
  if (status == STATUS_OK) status = come_together(&setup.config, &team, &transport, watch, &error);
  // Should this process be killed, the actors leave when they have not heard of it for so long.
  launcher_watch_grant(watch, setup.config.actor_timeout + LAUNCHER_SECONDS);
  if (status != STATUS_OK) {
    start_watch_end(setup.watch);
    result.together = status != STATUS_PEER; // not every rank took part
    result.exit_code = rank == 0 ? command_fail(&error) : status_exit_code(status);
    if (setup.run) setup_abandon(&setup, result.exit_code, error.text);
    transport_destroy(transport);
    leave_group(&team);
    return result;
  }
  if (!transport)
    result = role_follow(team.group, &team.place, stop);
  else
    result = rank == 0 ? role_lead(&setup, transport, NULL, stop)
                       : role_act_for_group(&setup.config, transport, team.group, last, stop);
  transport_destroy(transport);
  leave_group(&team);
  return result;
}

struct role_result train_job(int argc, char **argv, int rank, int size, int watch, bool last,
                             const volatile sig_atomic_t *stop) {
  if (size > 1) return train_together(argc, argv, rank, size, watch, last, stop);
  return (struct role_result){train_alone(argc, argv, last, stop), true};
}

// Several were started, and MPI does not know: the first of them says it.
static int refuse(const struct launcher *launcher, int argc, char **argv, const struct error *error) {
  if (launcher->task > 0) return status_exit_code(error->status);
  setup_refuse(argc, argv, status_exit_code(error->status), error->text);
  return command_fail(error);
}

int command_train(int argc, char **argv) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      command_help_print(stdout, "train");
      return EXIT_DONE;
    }
  const volatile sig_atomic_t *stop = signals_install();
  const struct launcher launcher = launcher_find();
  struct error error = {0};
  int rank, size;
  linalg_init();
  log_init(0, LOG_INFO);
  if (!mpi_is_launched())
    return launcher_check(&launcher, 1, &error) == STATUS_OK ? train_alone(argc, argv, true, stop)
                                                             : refuse(&launcher, argc, argv, &error);
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
