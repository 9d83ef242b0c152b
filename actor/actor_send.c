// The messages that an actor sends.
#include "actor/actor_impl.h"

#include "actor/group.h"
#include "common/base/clock.h"
#include "common/wire/codec.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LEARNER = 0 };

uint32_t actor_rank(const struct actor *actor) { return (uint32_t)transport_rank(actor->transport); }

// Sends actor->bytes. encoded: what the encoder returned.
static enum status send_bytes(struct actor *actor, enum status encoded, struct error *error) {
  if (encoded != STATUS_OK) return encoded;
  actor->sent = clock_now();
  return transport_send(actor->transport, LEARNER, actor->bytes.data, actor->bytes.size, error);
}

// --- who it is ---

enum status actor_send_hello(struct actor *actor, struct error *error) {
  const struct environment *env =
      actor->rollout ? rollout_environment(actor->rollout, 0) : evaluator_environment(actor->evaluator, error);
  struct message_hello hello = {.obs_dim = env->obs_dim,
                                .act_dim = env->act_dim,
                                .max_episode_steps = env->max_episode_steps,
                                .flags = actor->kind.abi->flags,
                                .can_save = environment_can_save(env),
                                .action_low = (double *)env->action_low, // only read, and not owned by hello
                                .action_high = (double *)env->action_high,
                                .info_dim = env->info_dim};
  uint32_t alone = env->agents;
  if (actor->rollout && actor->assignment.agents > actor->assignment.count) {
    hello.environments = actor->assignment.count;
    hello.agents = actor->agents;
  } else if (!actor->rollout && alone > 1) {
    hello.environments = 1;
    hello.agents = &alone;
  }
  snprintf(hello.environment, sizeof hello.environment, "%s", environment_kind_name(&actor->kind));
  for (uint32_t i = 0; i < env->info_dim; i++)
    snprintf(hello.info_name[i], sizeof hello.info_name[i], "%s", env->info_names[i]);
  return send_bytes(actor, message_encode_hello(&actor->bytes, actor_rank(actor), &hello, error), error);
}

static uint32_t call_of(unsigned function) {
  switch (function) {
  case GUEST_CREATE: return WAIT_CREATE;
  case GUEST_RESET:
  case GUEST_RESET_BEGIN:
  case GUEST_RESET_END: return WAIT_RESET;
  case GUEST_STEP:
  case GUEST_STEP_BEGIN:
  case GUEST_STEP_END: return WAIT_STEP;
  default: return WAIT_OTHER;
  }
}

// What is waited for now, within a call of an environment.
static struct message_wait find_wait(const struct actor *actor) {
  const unsigned function = (unsigned)(atomic_load(&guest_guard.now) % 16);
  const struct guest *guest = guest_guard.guest;
  if (function == GUEST_NONE || function == GUEST_OPEN || !guest || actor->call != guest_guard.calls)
    return (struct message_wait){0};
  return (struct message_wait){.call = call_of(function),
                               .environment = (uint32_t)guest->index,
                               .evaluation = guest->evaluation,
                               .seconds = clock_coarse() - actor->call_since};
}

enum status actor_send_heartbeat(struct actor *actor, struct error *error) {
  const struct message_heartbeat heartbeat = {.longest_step = actor->longest_step,
                                              .pid_namespace = actor->pid_namespace,
                                              .pid = (uint32_t)getpid(),
                                              .heartbeats_in_step = actor->kind.heartbeats_in_step,
                                              .wait = find_wait(actor)};
  return send_bytes(actor, message_encode_heartbeat(&actor->bytes, actor_rank(actor), &heartbeat, error), error);
}

enum status actor_send_heartbeat_if_due(struct actor *actor, struct error *error) {
  if (actor->group) group_send_heartbeat_if_due(actor->group);
  // After BYE the learner takes nothing more: the ends of children are waited for without it.
  const bool is_due = actor->state != ACTOR_LEFT && clock_coarse() - actor->sent >= heartbeat_seconds(&actor->config);
  return is_due ? actor_send_heartbeat(actor, error) : STATUS_OK;
}

// --- its end ---

void actor_send_failed(struct actor *actor, const struct error *failure) {
  struct error ignored = {0};
  send_bytes(actor, message_encode_failed(&actor->bytes, actor_rank(actor), failure, &ignored), &ignored);
}

enum status actor_send_stop_request(struct actor *actor, struct error *error) {
  return send_bytes(actor, message_encode_empty(&actor->bytes, MESSAGE_STOP_REQUEST, actor_rank(actor), error), error);
}

enum status actor_send_bye(struct actor *actor, struct error *error) {
  const struct message_bye bye = {actor->sender.batch.steps};
  return send_bytes(actor, message_encode_bye(&actor->bytes, actor_rank(actor), &bye, error), error);
}

// --- what its environments did ---

enum status actor_send_episode(struct actor *actor, const struct message_episode *episode, struct error *error) {
  return send_bytes(actor, message_encode_episode(&actor->bytes, actor_rank(actor), episode, error), error);
}

enum status actor_send_step(struct actor *actor, const struct evaluator_transition *made, struct error *error) {
  const struct environment *env = evaluator_environment(actor->evaluator, error);
  struct message_step step = {.number = actor->evaluation,
                              .episode = made->episode,
                              .step = made->step,
                              .agent = made->agent,
                              .obs_dim = env->obs_dim,
                              .act_dim = env->act_dim,
                              .flags = (uint32_t)made->flags,
                              .reward = made->reward,
                              .obs = (float *)made->obs, // these arrays are only read
                              .next_obs = (float *)made->next_obs,
                              .action = (float *)made->action,
                              .scaled = (float *)made->scaled,
                              .eps = (float *)made->eps,
                              .info_dim = env->info_dim};
  memcpy(step.info, made->info, env->info_dim * sizeof *step.info);
  return send_bytes(actor, message_encode_step(&actor->bytes, actor_rank(actor), &step, error), error);
}

enum status actor_send_round_end(struct actor *actor, struct error *error) {
  const struct message_round_end end = {actor->round};
  return send_bytes(actor, message_encode_round_end(&actor->bytes, actor_rank(actor), &end, error), error);
}

enum status actor_send_env_failure(struct actor *actor, const struct message_env_failure *failure,
                                   struct error *error) {
  return send_bytes(actor, message_encode_env_failure(&actor->bytes, actor_rank(actor), failure, error), error);
}

enum status actor_send_env_failures(struct actor *actor, struct error *error) {
  enum status status = STATUS_OK;
  for (const struct message_env_failure *failure; (failure = rollout_env_failure(actor->rollout));) {
    status = actor_send_env_failure(actor, failure, error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

enum status actor_send_info(struct actor *actor, struct error *error) {
  struct message_info info;
  if (!actor->has_info) return STATUS_OK;
  for (uint32_t i = 0; i < rollout_count(actor->rollout); i++) {
    if (!rollout_take_info(actor->rollout, i, &info)) continue;
    const enum status status =
        send_bytes(actor, message_encode_info(&actor->bytes, actor_rank(actor), &info, error), error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static enum status send_snapshot(struct actor *actor, uint32_t i, struct error *error) {
  const enum status status = rollout_snapshot(actor->rollout, i, &actor->snapshot, error);
  if (status != STATUS_OK) return status;
  return send_bytes(
      actor, message_encode_snapshot(&actor->bytes, MESSAGE_SNAPSHOT, actor_rank(actor), &actor->snapshot, error),
      error);
}

enum status actor_send_rows_and_snapshots(struct actor *actor, struct error *error) {
  enum status status = transition_sender_ship(&actor->sender, error);
  if (status == STATUS_OK) status = actor_send_info(actor, error);
  assert(status != STATUS_OK || actor->sender.batch.rows == 0); // I5
  for (uint32_t i = 0; i < rollout_count(actor->rollout) && status == STATUS_OK; i++)
    status = send_snapshot(actor, i, error);
  return status == STATUS_OK ? actor_send_env_failures(actor, error) : status; // of saves that break the rules
}
