// A follower of a group of ranks: it makes each call that the leader makes, on its own instance, and answers.
#include "actor/group_impl.h"

#include "common/base/clock.h"
#include "common/wire/assignment.h"
#include "common/wire/message.h"

#include <stdio.h>
#include <string.h>

// The kind of environment, and why it could not be opened, if it could not: each create is answered with that.
struct follower {
  struct group *group;
  struct environment_kind kind;
  struct error unopened;
};

void group_release_instance(struct group *group, struct group_instance *instance) {
  if (instance->self) {
    guest_enter(&instance->guest, GUEST_DESTROY);
    group->plugin->destroy(instance->self);
    guest_leave(GUEST_DESTROY);
  }
  memory_free(instance->obs);
  memory_free(instance->reward);
  *instance = (struct group_instance){0};
}

// --- answers ---

static enum status answer(struct group *group, const struct group_call_head *call, int result, const void *bytes,
                          size_t size, struct error *error) {
  const struct group_answer_head head = {GROUP_MAGIC, call->call, call->instance, (uint32_t)size, result};
  const enum status status = buffer_reserve(&group->message, sizeof head + size, error);
  if (status != STATUS_OK) return status;
  memcpy(group->message.data, &head, sizeof head);
  if (size > 0) memcpy(group->message.data + sizeof head, bytes, size);
  return transport_send(group->transport, 0, group->message.data, sizeof head + size, error);
}

static enum status answer_failure(struct group *group, const struct group_call_head *call, const char *why,
                                  struct error *error) {
  return answer(group, call, -1, why, strnlen(why, GROUP_TEXT), error);
}

// result: what the plugin's function returned.
static enum status answer_result(struct group *group, const struct group_call_head *call,
                                 const struct group_instance *instance, int result, struct error *error) {
  if (result >= 0) return answer(group, call, result, NULL, 0, error);
  guest_enter(&instance->guest, GUEST_ERROR);
  const char *why = group->plugin->error ? group->plugin->error(instance->self) : NULL;
  guest_leave(GUEST_ERROR);
  if (!why || !*why) why = "it gave no reason";
  return answer(group, call, result, why, strnlen(why, GROUP_TEXT), error);
}

// --- create ---

// Instances are numbered in the order in which the leader creates them.
static enum status reserve_instance(struct group *group, uint32_t number, struct error *error) {
  if (number < group->instances) return STATUS_OK;
  const uint32_t more = number < 1u << 24 ? 2 * number + 8 : 0;
  struct group_instance *grown = more > 0 ? memory_alloc(more, sizeof *grown, "a group's environments", error) : NULL;
  if (!grown) return error_set(error, STATUS_MEMORY, "too many environments in a group");
  if (group->instances > 0) memcpy(grown, group->instance, group->instances * sizeof *grown);
  memory_free(group->instance);
  group->instance = grown;
  group->instances = more;
  return STATUS_OK;
}

// A text that came with a call, or NULL.
static const char *text_of(const struct group_call_head *call, const uint8_t *bytes) {
  return call->size > 0 && bytes[call->size - 1] == 0 ? (const char *)bytes : NULL;
}

static void *create_instance(const struct follower *follower, const struct group_call_head *call, const char *args,
                             struct group_instance *instance, struct corsac_env_spec *spec, char *why, size_t size) {
  const struct environment_kind *kind = &follower->kind;
  const struct corsac_env_config config = {.size = sizeof config,
                                           .id = kind->id,
                                           .args = args,
                                           .index = call->index,
                                           .evaluation = call->evaluation,
                                           .comm = follower->group->comm};
  instance->guest =
      (struct guest){.name = environment_kind_name(kind), .index = call->index, .evaluation = call->evaluation != 0};
  guest_enter(&instance->guest, GUEST_CREATE);
  instance->self = follower->group->plugin->create(&config, spec, why, size);
  guest_leave(GUEST_CREATE);
  why[size - 1] = 0;
  return instance->self;
}

static enum status follow_create(struct follower *follower, const struct group_call_head *call, const uint8_t *bytes,
                                 struct error *error) {
  struct group *group = follower->group;
  char why[GROUP_TEXT] = "";
  if (follower->unopened.status != STATUS_OK) return answer_failure(group, call, follower->unopened.text, error);
  const enum status status = reserve_instance(group, call->instance, error);
  if (status != STATUS_OK) return status;
  const char *args = call->size > 0 ? text_of(call, bytes) : follower->kind.args;
  if (!args) return error_set(error, STATUS_PEER, "the group's leader sent no arguments of an environment");

  struct group_instance *instance = &group->instance[call->instance];
  struct corsac_env_spec spec = {.size = sizeof spec};
  if (!create_instance(follower, call, args, instance, &spec, why, sizeof why))
    return answer_failure(group, call, why, error);

  // The leader checks everything else in its own spec.
  if (spec.obs_dim == 0 || spec.obs_dim > WIRE_MAX_DIM || spec.act_dim == 0 || spec.act_dim > WIRE_MAX_DIM)
    return answer_failure(group, call, "create set invalid dimensions", error);
  const uint32_t agents = spec.agents > 1 ? spec.agents : 1;
  if (agents > CORSAC_MAX_AGENTS || (uint64_t)agents * spec.obs_dim > UINT32_MAX / sizeof(float) ||
      (uint64_t)agents * spec.act_dim > UINT32_MAX / sizeof(float))
    return answer_failure(group, call, "create set agents, obs_dim and act_dim to more than there can be", error);
  instance->obs_dim = agents * spec.obs_dim;
  instance->act_dim = agents * spec.act_dim;
  instance->obs = memory_alloc(instance->obs_dim, sizeof(float), "an observation", error);
  instance->reward = memory_alloc(agents, sizeof(double), "rewards", error);
  return instance->obs && instance->reward ? answer(group, call, 0, NULL, 0, error) : STATUS_MEMORY;
}

// --- episodes ---

static enum status follow_case(struct group *group, const struct group_call_head *call, struct group_instance *instance,
                               const uint8_t *bytes, struct error *error) {
  const char *text = text_of(call, bytes);
  if (!text || !group->plugin->set_case)
    return error_set(error, STATUS_PEER, "the group's leader set a case, but sent none, or this plugin takes none");
  guest_enter(&instance->guest, GUEST_PROGRESS);
  const int result = group->plugin->set_case(instance->self, text);
  guest_leave(GUEST_PROGRESS);
  return answer_result(group, call, instance, result, error);
}

static enum status follow_reset(struct group *group, const struct group_call_head *call,
                                struct group_instance *instance, struct error *error) {
  instance->guest.episode = call->index;
  instance->guest.step = 0;
  if (group->plugin->progress) {
    guest_enter(&instance->guest, GUEST_PROGRESS);
    group->plugin->progress(instance->self, call->index, call->env_steps);
    guest_leave(GUEST_PROGRESS);
  }
  guest_enter(&instance->guest, GUEST_RESET);
  const int result = group->plugin->reset(instance->self, call->seed, instance->obs);
  guest_leave(GUEST_RESET);
  return answer_result(group, call, instance, result, error);
}

static enum status follow_step(struct group *group, const struct group_call_head *call, struct group_instance *instance,
                               const uint8_t *bytes, struct error *error) {
  if (call->size != instance->act_dim * sizeof(float))
    return error_set(error, STATUS_PEER, "the group's leader sent an action of %u bytes, %zu are right", call->size,
                     instance->act_dim * sizeof(float));
  instance->guest.step++;
  guest_enter(&instance->guest, GUEST_STEP);
  const int result =
      group->plugin->step(instance->self, (const float *)(const void *)bytes, instance->obs, instance->reward);
  guest_leave(GUEST_STEP);
  return answer_result(group, call, instance, result, error);
}

// --- states ---

static int64_t call_save(struct group *group, struct group_instance *instance, void *buffer, size_t size) {
  guest_enter(&instance->guest, GUEST_SAVE);
  const int64_t need = group->plugin->save ? group->plugin->save(instance->self, buffer, size) : -1;
  guest_leave(GUEST_SAVE);
  return need;
}

static enum status follow_save(struct group *group, const struct group_call_head *call, struct group_instance *instance,
                               struct error *error) {
  const int64_t need = call_save(group, instance, NULL, 0);
  if (need < 0) return answer_result(group, call, instance, -1, error);
  char why[GROUP_TEXT];
  snprintf(why, sizeof why, "save wants %lld bytes", (long long)need);
  if (need == 0 || (uint64_t)need > WIRE_MAX_MESSAGE / 4) return answer_failure(group, call, why, error);

  const enum status status = buffer_reserve(&group->state, (size_t)need, error);
  if (status != STATUS_OK) return status;
  if (call_save(group, instance, group->state.data, (size_t)need) == need)
    return answer(group, call, 0, group->state.data, (size_t)need, error);
  return answer_failure(group, call, "save asked for another number of bytes each time that it was called", error);
}

// Finds this rank's state in those of all followers (rank, size and bytes of each), and loads it.
static int load_own(struct group *group, struct group_instance *instance, const uint8_t *bytes, size_t size) {
  const uint32_t own = (uint32_t)transport_rank(group->transport);
  uint32_t mark[2]; // rank and size
  while (size >= sizeof mark) {
    memcpy(mark, bytes, sizeof mark);
    bytes += sizeof mark;
    size -= sizeof mark;
    if (mark[1] > size) break;
    if (mark[0] == own && group->plugin->load) return group->plugin->load(instance->self, bytes, mark[1]);
    bytes += mark[1];
    size -= mark[1];
  }
  return -1;
}

static enum status follow_load(struct group *group, const struct group_call_head *call, struct group_instance *instance,
                               const uint8_t *bytes, struct error *error) {
  guest_enter(&instance->guest, GUEST_LOAD);
  const int result = load_own(group, instance, bytes, call->size);
  guest_leave(GUEST_LOAD);
  return answer_result(group, call, instance, result, error);
}

// --- the loop ---

static enum status follow_call(struct follower *follower, const struct group_call_head *call, const uint8_t *bytes,
                               struct error *error) {
  struct group *group = follower->group;
  if (call->call == GROUP_CREATE) return follow_create(follower, call, bytes, error);
  struct group_instance *instance = call->instance < group->instances ? &group->instance[call->instance] : NULL;
  if (call->call == GROUP_DESTROY) {
    if (instance) group_release_instance(group, instance);
    return answer(group, call, 0, NULL, 0, error);
  }
  if (!instance || !instance->self) return answer_failure(group, call, "there is no such environment", error);
  switch (call->call) {
  case GROUP_CASE: return follow_case(group, call, instance, bytes, error);
  case GROUP_RESET: return follow_reset(group, call, instance, error);
  case GROUP_STEP: return follow_step(group, call, instance, bytes, error);
  case GROUP_SAVE: return follow_save(group, call, instance, error);
  case GROUP_LOAD: return follow_load(group, call, instance, bytes, error);
  default: return error_set(error, STATUS_PEER, "the group's leader asked for call %u", call->call);
  }
}

// Waits for the next call of the leader. The bytes behind its head are valid until the next receive.
static enum status receive_call(struct group *group, struct group_call_head *call, const uint8_t **bytes,
                                struct error *error) {
  const double patience = group->config->actor_timeout + config_longest_timeout(group->config);
  const double began = clock_now();
  struct backoff backoff = {0};
  for (size_t size = 0;;) {
    int from;
    const enum status status = transport_receive(group->transport, &from, bytes, &size, error);
    if (status != STATUS_OK) return status;
    if (size == 0) {
      if (clock_now() - began > patience)
        return error_set(error, STATUS_PEER, "the group's leader has been silent for %.0f s: this rank leaves",
                         patience);
      backoff_wait(&backoff);
      continue;
    }
    if (size >= sizeof *call) memcpy(call, *bytes, sizeof *call);
    if (size < sizeof *call || call->magic != GROUP_MAGIC || call->size != size - sizeof *call)
      return error_set(error, STATUS_PEER, "the group's leader sent an invalid message of %zu bytes", size);
    *bytes += sizeof *call;
    return STATUS_OK;
  }
}

static enum status follow(struct follower *follower, int *exit_code, bool *together, struct error *error) {
  for (;;) {
    struct group_call_head call;
    const uint8_t *bytes;
    enum status status = receive_call(follower->group, &call, &bytes, error);
    if (status != STATUS_OK) return status;
    if (call.call == GROUP_LEAVE) {
      *exit_code = call.value & 0xffff;
      *together = call.value >> 16;
      return STATUS_OK;
    }
    if (call.call != GROUP_HEARTBEAT) status = follow_call(follower, &call, bytes, error);
    if (status != STATUS_OK) return status;
  }
}

enum status group_follow(struct group *group, int *exit_code, bool *together, struct error *error) {
  struct follower follower = {.group = group};
  const struct config *config = group->config;
  if (environment_kind_open(&follower.kind, config->env, config, &follower.unopened) == STATUS_OK)
    group->plugin = follower.kind.abi;
  const enum status status = follow(&follower, exit_code, together, error);
  for (uint32_t i = 0; i < group->instances; i++) group_release_instance(group, &group->instance[i]);
  if (group->plugin) environment_kind_close(&follower.kind);
  return status;
}
