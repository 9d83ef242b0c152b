#include "launch/train/ranks.h"

#include "actor/group.h"
#include "common/base/exit_bound.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "common/base/version.h"
#include "common/config/options.h"
#include "common/wire/launcher_watch.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/mpi/mpi_errors.h"
#include "launch/train/affinity.h"
#include "launch/train/roles_impl.h"

#include <math.h>
#include <string.h>

static const double RESOLVE_SECONDS = 3600; // for rank 0 to find, verify and read what the job begins with

// --- start and stop ---

enum status ranks_start(struct ranks *ranks, int *argc, char ***argv, struct error *error) {
  *ranks = (struct ranks){.launcher = launcher_find(), .size = 1, .watch = -1};
  if (!mpi_is_launched()) return launcher_check(&ranks->launcher, 1, error);
  ranks->watch = launcher_watch_begin(mpi_start_seconds());
  enum status status = mpi_start(argc, argv, &ranks->rank, &ranks->size, error);
  if (status != STATUS_OK) return status;
  ranks->started = true;
  status = launcher_check(&ranks->launcher, ranks->size, error);
  return status == STATUS_OK ? mpi_errors_end_guests(error) : status;
}

void ranks_stop(const struct ranks *ranks, bool together, int exit_code) {
  if (!ranks->started) return;
  launcher_watch_end(ranks->watch, together);
  mpi_stop(together, exit_code, ranks->patience);
}

// --- what all ranks agree on ---

enum status ranks_compare(struct error *error) { return mpi_same_version(CORSAC_VERSION, mpi_start_seconds(), error); }

enum status ranks_share_config(struct config *config, int rank, enum status resolved, struct error *error) {
  const double seconds = mpi_start_seconds() + (rank == 0 ? 0 : RESOLVE_SECONDS);
  void *text = NULL;
  size_t size = 0;
  if (rank == 0 && resolved == STATUS_OK) {
    size = options_format_yaml(config, NULL, 0) + 1;
    text = memory_alloc(size, 1, "the configuration's text", error);
    if (!text)
      resolved = STATUS_MEMORY;
    else
      options_format_yaml(config, text, size);
  }
  enum status status = mpi_broadcast(resolved, &text, &size, seconds, error);
  if (status == STATUS_OK && rank > 0) {
    options_defaults(config);
    status = options_parse_yaml(text, size - 1, "configuration from rank 0", config, error);
  }
  memory_free(text);
  return status;
}

// --- groups and transports ---

enum status ranks_count_groups(const struct config *config, uint32_t *actors, struct error *error) {
  const unsigned long long k = config->ranks_per_env;
  if (k == 1) return STATUS_OK;
  if (options_has_child(config) || config->isolate)
    return error_set(error, STATUS_USAGE,
                     "ranks_per_env %llu: exec:, gym:, pettingzoo:, fmi: and --isolate run an environment in one "
                     "process of its own, which "
                     "has no ranks; a plugin that is parallel over MPI runs in the ranks themselves",
                     k);
  if (*actors == 0 || *actors % k != 0)
    return error_set(error, STATUS_USAGE,
                     "ranks_per_env %llu: %u rank%s beside the first make%s no groups of %llu; start one more than a "
                     "multiple, say mpirun -n %llu",
                     k, *actors, plural(*actors), *actors == 1 ? "s" : "", k, 1 + (*actors / k + 1) * k);
  *actors /= (uint32_t)k;
  return STATUS_OK;
}

static enum status join_group(struct ranks *ranks, const struct config *config, struct error *error) {
  struct group_position *position = &ranks->position;
  enum status status = groups_split(config->ranks_per_env, position, error);
  if (status == STATUS_OK && position->front != -1)
    status = transport_mpi_create_on(position->front, &ranks->transport, error);
  if (status != STATUS_OK) return status;
  if (position->group == -1) {
    transport_mpi_listen_aside(ranks->transport, position->aside, (int)config->ranks_per_env);
    return STATUS_OK;
  }
  status = transport_mpi_create_on(position->group, &ranks->inner, error);
  if (status != STATUS_OK) return status;
  ranks->group = group_create(config, ranks->inner, position->environment, error);
  return ranks->group ? STATUS_OK : STATUS_MEMORY;
}

// Some of these calls cannot be asked whether they are done, so the process has a time limit meanwhile.
enum status ranks_connect(struct ranks *ranks, const struct config *config, size_t shared, struct error *error) {
  const double seconds = mpi_start_seconds();
  launcher_watch_expect(ranks->watch, seconds);
  exit_bound_for("making communicators and shared memory", (unsigned)seconds + LAUNCHER_SECONDS, launcher_process());
  enum status status =
      config->ranks_per_env > 1 ? join_group(ranks, config, error) : transport_mpi_create(&ranks->transport, error);
  if (status == STATUS_OK && ranks->transport) status = transport_shared_weights_open(ranks->transport, shared, error);
  if (status == STATUS_OK && ranks->transport && config->child_cores > 0)
    status = transport_mpi_share_cores(ranks->transport, affinity_id(), error);
  exit_bound_over();

  // If this process is killed, the actors leave when they have not heard from it for so long.
  launcher_watch_grant(ranks->watch, config->actor_timeout + LAUNCHER_SECONDS);
  return status;
}

void ranks_disconnect(struct ranks *ranks) {
  transport_destroy(ranks->transport);
  if (ranks->inner) transport_flush(ranks->inner, ROLE_GOODBYE_SECONDS);
  group_destroy(ranks->group);
  transport_destroy(ranks->inner);
}
