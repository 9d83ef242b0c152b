// What depends on the ranks and on the machine: groups of ranks, environments, backend, learner threads, and the memory
// for the weights that the ranks of a node share.
#include "launch/train/setup.h"

#include "common/base/log.h"
#include "common/base/plural.h"
#include "common/config/environment_form.h"
#include "common/config/options.h"
#include "common/nn/backend.h"
#include "common/nn/policy.h"
#include "common/nn/tiles.h"
#include "common/wire/message.h"
#include "common/wire/shared_policy.h"
#include "common/wire/transport_mpi.h"
#include "launch/cli/update_cost.h"
#include "launch/train/affinity.h"
#include "launch/train/ranks.h"
#include "launch/train/setup_impl.h"
#include "common/wire/transport_mpi_start.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void warn_of_idle_options(const struct config *config) {
  const enum environment_form form = environment_form_of(config->env);
  const bool wraps = *config->gym_wrap, informs = strcmp(config->gym_info, "auto") != 0;
  if ((wraps || informs) && form != ENVIRONMENT_GYM)
    log_warn("%s has no effect: %s is no environment of Gymnasium; gym:ID is", wraps ? "gym_wrap" : "gym_info",
             config->env);
  if (strcmp(config->channel, "memory") != 0 && !environment_form_is_remote(form))
    log_warn("channel %s has no effect: only exec:, gym: and pettingzoo: run a program that could be elsewhere",
             config->channel);
  if (strcmp(config->channel, "tcp") != 0 && strcmp(config->channel_host, "127.0.0.1") != 0)
    log_warn("channel_host %s has no effect with channel %s; --channel tcp listens there", config->channel_host,
             config->channel);
  if (config->isolate && form == ENVIRONMENT_BUILT_IN)
    log_warn("isolate has no effect: %s is built in, not a plugin, and runs in its actor's process", config->env);
}

static enum status resolve_envs(struct setup *setup, uint32_t actors, struct error *error) {
  struct config *config = &setup->config;
  if (config->envs == 0) config->envs = actors;
  const uint32_t idle = config->envs < actors ? actors - (uint32_t)config->envs : 0;
  const bool fixed = setup->resume && options_is_fixed(options_find("envs"), config);
  if (idle > 0)
    log_warn("%llu environment%s on %u actors: %u actor%s nothing to do (%sfewer ranks)",
             (unsigned long long)config->envs, plural(config->envs), actors, idle, idle == 1 ? " has" : "s have",
             fixed ? "" : "more --envs, or ");
  return options_check(config, error);
}

// "auto" becomes the backend's name, so that a resume finds it in the checkpoint.
static void resolve_backend(struct config *config) {
  snprintf(config->backend, sizeof config->backend, "%s", backend_choose(config));
  if (strcmp(config->backend, "tiles") == 0 && !tiles_are_fast())
    log_warn("backend tiles is slow on this processor, which has no fused multiply-add: openblas is faster");
}

// The ranks that act on the learner's node: mpirun tells, else all ranks count; in one process none.
static int actors_on_node(uint32_t actors) {
  const char *text = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  const long ranks = text ? strtol(text, NULL, 10) : 0;
  if (ranks > 0 && ranks <= INT_MAX) return (int)ranks - 1;
  return actors > 1 ? (int)actors : 0;
}

// A thread pays off where it gets some 0.1 Gflop of an update's products between hidden layers. On small networks one
// thread is the fastest.
static uint64_t choose_threads(const struct config *config, int cores) {
  const double worth = 1e8;
  double threads = update_flop(config, 0, 0) / worth;
  if (threads > cores) threads = cores;
  return threads < 2 ? 1 : threads > 256 ? 256 : (uint64_t)threads;
}

static void resolve_threads(struct setup *setup, uint32_t actors) {
  struct config *config = &setup->config;
  const int others = actors_on_node(actors);
  setup->ranks = mpi_is_launched() ? actors + 1 : 1;
  if (config->learner_threads == 0) {
    config->learner_threads = choose_threads(config, affinity_cores() - others);
    setup->wanted_threads = choose_threads(config, affinity_launchers_cores() - others);
  }
  if (setup->wanted_threads < config->learner_threads) setup->wanted_threads = config->learner_threads;
}

enum status setup_resolve_resources(struct setup *setup, uint32_t actors, struct error *error) {
  uint32_t groups = actors;
  enum status status = ranks_count_groups(&setup->config, &groups, error);
  if (status == STATUS_OK) status = resolve_envs(setup, groups, error);
  if (status != STATUS_OK) return status;
  resolve_backend(&setup->config);
  warn_of_idle_options(&setup->config);
  resolve_threads(setup, actors);
  return STATUS_OK;
}

size_t setup_shared_weights_capacity(const struct config *config) {
  enum { OBS_DIM = 4096, ACT_DIM = 256 };
  struct mlp network;
  policy_network(&network, backend_tiles(config), OBS_DIM, ACT_DIM, config);
  const size_t size = shared_policy_size(OBS_DIM, network.parameters);
  return size <= WIRE_MAX_MESSAGE ? size : 0;
}
