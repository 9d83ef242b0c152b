#include "learner/exchange/handshake.h"

#include "common/base/process.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"

#include <stdio.h>
#include <string.h>

static const double LOOK_SECONDS = 0.25; // between two looks for the actors' processes
static const double SILENT_SECONDS = 30; // after which the log names the ranks that are missing

static enum status compare(const struct message_hello *first, const struct message_hello *next, uint32_t rank,
                           struct error *error) {
  if (strcmp(first->environment, next->environment) != 0 || first->obs_dim != next->obs_dim ||
      first->act_dim != next->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "rank %u has environment %s (obs %u, act %u), the ranks before it %s (obs %u, act %u): every rank "
                     "must be able to make the same one",
                     rank, next->environment, next->obs_dim, next->act_dim, first->environment, first->obs_dim,
                     first->act_dim);
  if (first->info_dim != next->info_dim ||
      memcmp(first->info_name, next->info_name, first->info_dim * sizeof *first->info_name) != 0)
    return error_set(error, STATUS_MISMATCH, "rank %u: the info of %s has other names than on the ranks before it",
                     rank, next->environment);
  for (uint32_t i = 0; i < first->act_dim; i++)
    if (first->action_low[i] != next->action_low[i] || first->action_high[i] != next->action_high[i])
      return error_set(
          error, STATUS_MISMATCH, "rank %u: action %u of %s is in [%g, %g], on the ranks before it in [%g, %g]", rank,
          i, next->environment, next->action_low[i], next->action_high[i], first->action_low[i], first->action_high[i]);
  return STATUS_OK;
}

// The actors that handshake_collect waits for.
struct newcomers {
  const struct transport *transport; // not owned
  uint32_t active, greeted;
  const struct config *config; // not owned
  uint32_t actors;
  bool has_agents;        // an environment has several
  uint32_t *agents;       // (config->envs) of each environment
  bool *here;             // (active) of rank i + 1
  uint32_t *pid;          // (actors), as handshake_collect gives it
  uint64_t pid_namespace; // process_pid_namespace() here
  double looked;
};

static enum status take_heartbeat(const struct frame *frame, uint32_t rank, struct newcomers *newcomers,
                                  struct error *error) {
  struct message_heartbeat heartbeat;
  const enum status status = message_decode_heartbeat(frame, &heartbeat, error);
  if (status == STATUS_OK && rank >= 1 && newcomers->pid_namespace != 0 &&
      heartbeat.pid_namespace == newcomers->pid_namespace)
    newcomers->pid[rank - 1] = heartbeat.pid;
  return status;
}

// Notes how many agents the environments of this rank have.
static enum status take_agents(const struct message_hello *hello, uint32_t rank, struct newcomers *newcomers,
                               struct error *error) {
  const struct assignment share = assignment_of(newcomers->config, newcomers->actors, rank - 1);
  if (hello->environments == 0) return STATUS_OK;
  if (hello->environments != share.count)
    return error_set(error, STATUS_PEER, "rank %d sent the agents of %u environments, it has %u",
                     transport_world_rank(newcomers->transport, (int)rank), hello->environments, share.count);
  newcomers->has_agents = true;
  memcpy(newcomers->agents + share.first, hello->agents, share.count * sizeof *hello->agents);
  return STATUS_OK;
}

// Moves what was noted into the HELLO that stands for all.
static void give_agents(struct newcomers *newcomers, struct message_hello *hello) {
  memory_free(hello->agents);
  hello->agents = newcomers->has_agents ? newcomers->agents : NULL;
  hello->environments = newcomers->has_agents ? (uint32_t)newcomers->config->envs : 0;
  if (newcomers->has_agents) newcomers->agents = NULL;
}

static enum status take(const struct frame *frame, uint32_t rank, struct newcomers *newcomers,
                        struct message_hello *hello, struct error *error) {
  enum status status;
  if (frame->type == MESSAGE_FAILED) {
    struct message_failed failed;
    status = message_decode_failed(frame, &failed, error);
    return status == STATUS_OK ? error_set(error, (enum status)failed.status, "rank %u: %s", frame->rank, failed.text)
                               : status;
  }
  if (frame->type == MESSAGE_STOP_REQUEST)
    return error_set(error, STATUS_STOPPED, "rank %u was stopped before training began: nothing was to be saved",
                     frame->rank);
  if (frame->type == MESSAGE_HEARTBEAT) return take_heartbeat(frame, rank, newcomers, error);
  if (frame->type != MESSAGE_HELLO) return STATUS_OK;
  if (rank < 1 || rank > newcomers->active || newcomers->here[rank - 1])
    return error_set(error, STATUS_PEER, "rank %u sent a HELLO that is not expected", frame->rank);
  struct message_hello next = {0};
  status = message_decode_hello(frame, newcomers->greeted == 0 ? hello : &next, error);
  if (status != STATUS_OK) error_prefix(error, "rank %u", frame->rank);
  if (status == STATUS_OK) status = take_agents(newcomers->greeted == 0 ? hello : &next, rank, newcomers, error);
  if (status == STATUS_OK && newcomers->greeted > 0) status = compare(hello, &next, frame->rank, error);
  message_hello_release(&next);
  newcomers->here[rank - 1] = true;
  newcomers->greeted++;
  return status;
}

// "rank 3", or "ranks 1, 3": those that have sent no HELLO.
static void name_missing(const struct newcomers *newcomers, char *text, size_t size) {
  enum { NAMED = 16 };
  const uint32_t missing = newcomers->active - newcomers->greeted;
  size_t used = (size_t)snprintf(text, size, "rank%s ", missing > 1 ? "s" : "");
  for (uint32_t i = 0, named = 0; i < newcomers->active && named < NAMED; i++)
    if (!newcomers->here[i])
      used += (size_t)snprintf(text + used, size - used, "%s%d", named++ ? ", " : "",
                               transport_world_rank(newcomers->transport, (int)i + 1));
  if (missing > NAMED) snprintf(text + used, size - used, " and more");
}

static enum status say_missing(const struct config *config, const struct newcomers *newcomers, struct error *error) {
  char ranks[256];
  const bool several = newcomers->active - newcomers->greeted > 1;
  name_missing(newcomers, ranks, sizeof ranks);
  return error_set(error, STATUS_PEER, "%s had not made %s environment after %g s (%s)", ranks,
                   several ? "their" : "its", config_call_timeout(config, CONFIG_CREATE),
                   config_call_option(config, CONFIG_CREATE));
}

static void say_waiting(const struct config *config, const struct newcomers *newcomers) {
  char ranks[256];
  name_missing(newcomers, ranks, sizeof ranks);
  log_info("waiting for %s: the environment is not made yet; %g s are granted (%s)", ranks,
           config_call_timeout(config, CONFIG_CREATE), config_call_option(config, CONFIG_CREATE));
}

// An actor whose process has ended makes no environment any more. at_once: a signal has come, perhaps from mpirun,
// which tells the other ranks to end when one dies.
static enum status look_for_the_dead(struct newcomers *newcomers, bool at_once, struct error *error) {
  const double now = clock_now();
  if (!at_once && now - newcomers->looked < LOOK_SECONDS) return STATUS_OK;
  newcomers->looked = now;
  for (uint32_t i = 0; i < newcomers->active; i++)
    if (process_has_ended(newcomers->pid[i]))
      return error_set(error, STATUS_FAILED,
                       "rank %u is gone (process %u): it was killed, or its environment ended it, %s. What was written "
                       "on stderr before this, and `corsac check-env`, may tell more",
                       (unsigned)transport_world_rank(newcomers->transport, (int)i + 1), newcomers->pid[i],
                       newcomers->here[i] ? "before training began" : "while it made its environment");
  return STATUS_OK;
}

// What a wait looks at while nothing arrives.
static enum status look_around(const struct config *config, struct newcomers *newcomers,
                               const volatile sig_atomic_t *stop, double waited, struct error *error) {
  const int stopped = *stop;
  const enum status status = look_for_the_dead(newcomers, stopped, error);
  if (status != STATUS_OK) return status;
  if (stopped) return error_set(error, STATUS_STOPPED, "stopped before training began: nothing was to be saved");
  return waited > config_call_timeout(config, CONFIG_CREATE) ? say_missing(config, newcomers, error) : STATUS_OK;
}

enum status handshake_collect(const struct config *config, struct transport *transport,
                              const volatile sig_atomic_t *stop, struct message_hello *hello, uint32_t *pid,
                              struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1, active = assignment_active(config, actors);
  const double began = clock_now();
  struct newcomers newcomers = {.transport = transport,
                                .config = config,
                                .actors = actors,
                                .active = active,
                                .pid = pid,
                                .pid_namespace = process_pid_namespace()};
  struct backoff backoff = {0};
  bool said = false;
  *hello = (struct message_hello){0};
  memset(pid, 0, actors * sizeof *pid);
  newcomers.here = memory_alloc(active, sizeof *newcomers.here, "the list of actors", error);
  newcomers.agents = memory_alloc(config->envs, sizeof *newcomers.agents, "the numbers of agents", error);
  enum status status = newcomers.here && newcomers.agents ? STATUS_OK : STATUS_MEMORY;
  for (uint64_t e = 0; newcomers.agents && e < config->envs; e++) newcomers.agents[e] = 1;
  while (newcomers.greeted < active && status == STATUS_OK) {
    int from;
    const uint8_t *bytes;
    size_t size;
    struct frame frame;
    const double waited = clock_now() - began;
    status = transport_receive(transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size > 0) {
      status = frame_decode(bytes, size, &frame, error);
      frame.rank = (uint32_t)transport_world_rank(transport, from);
      if (status == STATUS_OK) status = take(&frame, (uint32_t)from, &newcomers, hello, error);
      backoff_reset(&backoff);
    } else if (status == STATUS_OK) {
      status = look_around(config, &newcomers, stop, waited, error);
      if (!said && waited > SILENT_SECONDS) say_waiting(config, &newcomers);
      said = waited > SILENT_SECONDS;
      backoff_wait(&backoff);
    }
  }
  give_agents(&newcomers, hello);
  memory_free(newcomers.here);
  memory_free(newcomers.agents);
  if (status != STATUS_OK) message_hello_release(hello);
  return status;
}

bool handshake_dismiss(struct transport *transport, int exit_code, double seconds) {
  struct buffer bytes = {0};
  struct error error = {0};
  const struct message_stop stop = {(uint32_t)exit_code, true};
  const double deadline = clock_now() + seconds;
  int waiting = transport_size(transport) - 1;
  enum status status = message_encode_stop(&bytes, 0, &stop, &error);
  for (int rank = 1; rank <= waiting && status == STATUS_OK; rank++)
    status = transport_send(transport, rank, bytes.data, bytes.size, &error);
  struct backoff backoff = {0};
  while (waiting > 0 && status == STATUS_OK && clock_now() < deadline) {
    int from;
    const uint8_t *data;
    size_t size;
    struct frame frame;
    status = transport_receive(transport, &from, &data, &size, &error);
    if (status != STATUS_OK || size == 0)
      backoff_wait(&backoff);
    else if (frame_decode(data, size, &frame, &error) == STATUS_OK && frame.type == MESSAGE_BYE)
      waiting--;
  }
  buffer_release(&bytes);
  return waiting == 0;
}
