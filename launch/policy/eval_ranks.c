// corsac eval under mpirun: the roles of the ranks.
#include "launch/policy/eval.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/launcher_watch.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/cli/command.h"
#include "launch/cli/signals.h"
#include "launch/policy/gathering.h"
#include "launch/train/roles.h"
#include "launch/train/roles_impl.h"

#include <math.h>
#include <string.h>

enum { STEPS_AT_ONCE = 64 }; // given back between two looks at the ranks: with a trace each takes a while

// --- rank 0 ---

// Which ranks play, and how many of them.
static enum status spread(struct config *config, int size, struct error *error) {
  uint32_t actors = (uint32_t)size - 1;
  const enum status status = ranks_count_groups(config, &actors, error);
  config->envs = actors < config->eval_episodes ? actors : config->eval_episodes;
  return status;
}

static enum status give_back(struct eval *eval, struct gathering *gathering, bool *over, struct error *error) {
  struct gathering_next next;
  enum status status = STATUS_OK;
  for (int i = 0; i < STEPS_AT_ONCE && status == STATUS_OK; i++) {
    switch (gathering_next(gathering, &next)) {
    case GATHERING_STEP: status = eval_take_step(eval, &next.made, next.last, error); break;
    case GATHERING_EPISODE: status = eval_take_episode(eval, &next.episode, next.why, error); break;
    case GATHERING_OVER: *over = true; return status;
    default: return status;
    }
  }
  return status;
}

static enum status gather(struct eval *eval, struct gathering *gathering, struct error *error) {
  const struct message_evaluate evaluate = {.steps = eval->trace ? UINT32_MAX : 1, .sampled = eval->request->sampled};
  enum status status = gathering_begin(gathering, evaluate, &eval->source.weights, error);
  struct backoff backoff = {0};
  for (bool over = false; !over && status == STATUS_OK;) {
    bool busy = false;
    status = gathering_turn(gathering, &busy, error);
    if (status == STATUS_OK) status = give_back(eval, gathering, &over, error);
    if (busy)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
  return status;
}

static int lead(struct eval *eval, struct ranks *ranks, const volatile sig_atomic_t *stop, bool *together) {
  struct error error = {0};
  struct gathering gathering;
  const struct config *config = &eval->source.config;
  enum status status = gathering_init(&gathering, config, ranks->transport, stop, eval_say_retry, &error);
  if (status == STATUS_FAILED || status == STATUS_IO || status == STATUS_FORMAT)
    policy_source_explain_failure(&eval->source, &error);
  eval->name = gathering.hello.environment;
  if (status == STATUS_OK)
    status = policy_source_check_bounds(&eval->source, eval->name, gathering.hello.action_low,
                                        gathering.hello.action_high, &error);
  const char *names[WIRE_INFO];
  for (uint32_t i = 0; i < WIRE_INFO; i++) names[i] = gathering.hello.info_name[i];
  eval_name_info(eval, gathering.hello.info_dim, names);
  for (uint32_t i = 0; i < gathering.hello.environments; i++)
    if (gathering.hello.agents[i] > eval->agents) eval->agents = gathering.hello.agents[i];
  if (status == STATUS_OK) status = eval_begin(eval, eval_output(eval->request), &error);
  if (status == STATUS_OK) eval_say_head(eval);
  if (status == STATUS_OK) status = gather(eval, &gathering, &error);
  int code = status == STATUS_OK ? EXIT_DONE : command_fail(&error); // at once: mpirun may end this rank
  *together = gathering_dismiss(&gathering, code, ROLE_GOODBYE_SECONDS);

  // The ranks are dismissed before, since writing a trace may take long and sends no heartbeats.
  if (status == STATUS_OK && eval_end(eval, &error) != STATUS_OK) code = command_fail(&error);
  *together &= config->ranks_per_env == 1 || status == STATUS_OK; // others of a group may be in their environment
  gathering_release(&gathering);
  return code;
}

// --- all ranks ---

// Collective: what a rank that plays has to know. Rank 0 reads the policy.
static enum status agree(struct eval *eval, const struct ranks *ranks, uint32_t dims[2], struct error *error) {
  struct policy_source *source = &eval->source;
  enum status status = ranks_compare(error);
  if (status != STATUS_OK) return status;
  void *bytes = dims;
  size_t size = 2 * sizeof *dims;
  if (ranks->rank == 0) status = eval_read_policy(eval, error);
  if (ranks->rank == 0 && status == STATUS_OK) status = spread(&source->config, ranks->size, error);
  dims[0] = source->shape.obs_dim;
  dims[1] = source->shape.act_dim;
  status = ranks_share_config(&source->config, ranks->rank, status, error);
  if (status == STATUS_OK) status = mpi_broadcast(STATUS_OK, &bytes, &size, mpi_start_seconds(), error);
  if (ranks->rank == 0 || status != STATUS_OK) return status;
  memcpy(dims, bytes, 2 * sizeof *dims);
  memory_free(bytes);
  return STATUS_OK;
}

int eval_on_ranks(struct ranks *ranks, const struct eval_request *request, bool *together) {
  struct error error = {0};
  struct trace trace = {0};
  struct eval eval = {.request = request, .trace = request->trace ? &trace : NULL};
  const volatile sig_atomic_t *stop = signals_install();
  uint32_t dims[2];
  struct role_result result = {EXIT_FAILED, false};
  log_init(ranks->rank, LOG_WARN);
  launcher_watch_expect(ranks->watch, INFINITY);
  enum status status = agree(&eval, ranks, dims, &error);
  if (status == STATUS_OK) status = ranks_connect(ranks, &eval.source.config, 0, &error);
  if (status != STATUS_OK) {
    result.together = status != STATUS_PEER; // a rank took no part
    result.exit_code = ranks->rank == 0 || status == STATUS_PEER ? command_fail(&error) : status_exit_code(status);
  } else if (!ranks->transport) {
    result = role_follow(ranks->group, &ranks->position, stop);
  } else if (ranks->rank > 0) {
    result = role_evaluate_for_group(&eval.source.config, dims, ranks->transport, ranks->group, stop);
  } else {
    result.exit_code = lead(&eval, ranks, stop, &result.together);
  }
  *together = result.together;
  ranks->patience = role_patience(&eval.source.config, stop);
  ranks_disconnect(ranks);
  eval_release(&eval);
  return result.exit_code;
}
