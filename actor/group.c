#include "actor/group.h"

#include "actor/guest/guest.h"
#include "common/base/memory.h"
#include "common/base/clock.h"
#include "common/wire/assignment.h"
#include "common/wire/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAGIC = 0x47525031, TEXT = 256 }; // "GRP1": ranks of one program, so numbers go as they are
enum call { CALL_CREATE = 1, CALL_RESET, CALL_STEP, CALL_SAVE, CALL_LOAD, CALL_DESTROY, CALL_ALIVE, CALL_LEAVE, CALLS };
static const char *const call_names[CALLS] = {"",     "create",  "reset", "step", "save",
                                              "load", "destroy", "alive", "leave"};

struct call_head { // then `size` bytes: the action, or a state
  uint32_t magic, call, instance, size;
  uint64_t seed, index;      // index: of the environment; of CALL_RESET the episode
  int32_t evaluation, value; // value: exit code | together << 16
};
struct answer_head { // then `size` bytes: a state, or why it failed
  uint32_t magic, call, instance, size;
  int32_t result;
};

struct instance { // of this rank
  void *self;
  struct guest guest;
  uint32_t obs_dim, act_dim;
  float *obs;
};
// The leader's.
struct together {
  struct group *group;
  uint32_t number, act_dim;
  void *self;   // its own instance
  bool created; // the others have theirs
  char error[TEXT];
};
struct group {
  const struct config *config;
  struct transport *transport;
  int comm;
  uint32_t next; // number of the next instance
  const struct corsac_env *inner;
  struct corsac_env abi; // the leader's face of it
  void (*waiting)(void *who);
  void *who;
  bool broken;    // somebody does not answer, or sends what is no answer
  bool *answered; // (ranks) the call under way
  double said;
  struct buffer message, state;
  struct instance *instance; // (instances) of a follower, by number
  uint32_t instances;
};

struct group *group_create(const struct config *config, struct transport *transport, int comm, struct error *error) {
  struct group *group = memory_alloc(1, sizeof *group, "a group of ranks", error);
  if (!group) return NULL;
  *group = (struct group){.config = config, .transport = transport, .comm = comm};
  group->answered = memory_alloc((size_t)transport_size(transport), sizeof *group->answered, "a group of ranks", error);
  if (group->answered) return group;
  memory_free(group);
  return NULL;
}

static void release_instance(struct group *group, struct instance *instance) {
  if (instance->self) {
    guest_enter(&instance->guest, GUEST_DESTROY);
    group->inner->destroy(instance->self);
    guest_leave(GUEST_DESTROY);
  }
  memory_free(instance->obs);
  *instance = (struct instance){0};
}

void group_destroy(struct group *group) {
  if (!group) return;
  for (uint32_t i = 0; i < group->instances; i++) release_instance(group, &group->instance[i]);
  memory_free(group->instance);
  memory_free(group->answered);
  buffer_release(&group->message);
  buffer_release(&group->state);
  memory_free(group);
}

// ---- the leader ----

static enum status send_call(struct group *group, struct call_head head, const void *bytes, struct error *error) {
  head.magic = MAGIC;
  enum status status = buffer_reserve(&group->message, sizeof head + head.size, error);
  if (status != STATUS_OK) return status;
  memcpy(group->message.data, &head, sizeof head);
  if (head.size > 0) memcpy(group->message.data + sizeof head, bytes, head.size);
  group->said = clock_coarse();
  for (int rank = 1; rank < transport_size(group->transport) && status == STATUS_OK; rank++)
    status = transport_send(group->transport, rank, group->message.data, sizeof head + head.size, error);
  return status;
}

void group_send_heartbeat_if_due(struct group *group) {
  struct error ignored = {0};
  if (clock_coarse() - group->said > heartbeat_seconds(group->config))
    send_call(group, (struct call_head){.call = CALL_ALIVE}, NULL, &ignored);
}

bool group_is_broken(const struct group *group) { return group && group->broken; }

void group_dismiss(struct group *group, int exit_code, bool together) {
  struct error ignored = {0};
  send_call(group, (struct call_head){.call = CALL_LEAVE, .value = exit_code | together << 16}, NULL, &ignored);
}

__attribute__((format(printf, 2, 3))) static int fail(struct together *all, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!all->error[0]) vsnprintf(all->error, sizeof all->error, format, arguments); // the first one counts
  va_end(arguments);
  return -1;
}

static bool is_sound(const uint8_t *bytes, size_t size) {
  struct answer_head head;
  if (size < sizeof head) return false;
  memcpy(&head, bytes, sizeof head);
  return head.magic == MAGIC && head.call > 0 && head.call < CALLS && head.size == size - sizeof head;
}

// An answer to this call; older ones, to calls that were given up, are passed over.
static bool is_answer(const struct together *all, enum call call, const uint8_t *bytes, size_t size,
                      struct answer_head *head) {
  if (size < sizeof *head) return false;
  memcpy(head, bytes, sizeof *head);
  return head->magic == MAGIC && head->call == call && head->instance == all->number &&
         head->size == size - sizeof *head;
}

// What every other rank says. states: to which those of CALL_SAVE are appended, by rank; or NULL.
static int await_answers(struct together *all, enum call call, struct buffer *states) {
  struct group *group = all->group;
  const int size = transport_size(group->transport);
  const double end = clock_now() + group->config->env_timeout;
  struct backoff backoff = {0};
  int result = 0;
  memset(group->answered, 0, (size_t)size * sizeof *group->answered);
  for (int missing = size - 1; missing > 0;) {
    int from;
    const uint8_t *bytes;
    size_t length = 0;
    struct answer_head head;
    struct error error = {0};
    if (transport_receive(group->transport, &from, &bytes, &length, &error) != STATUS_OK)
      return group->broken = true, fail(all, "%.200s", error.text);
    if (length == 0) {
      if (clock_now() > end) {
        group->broken = true;
        return fail(all, "%d of %d ranks of the group did not end %s within %g s (env_timeout)", missing, size,
                    call_names[call], group->config->env_timeout);
      }
      if (group->waiting) group->waiting(group->who);
      backoff_wait(&backoff);
      continue;
    }
    backoff_reset(&backoff);
    if (!is_sound(bytes, length) || from < 1 || from >= size) {
      group->broken = true;
      return fail(all, "rank %d of the group sent %zu bytes that are no answer", from, length);
    }
    if (!is_answer(all, call, bytes, length, &head) || group->answered[from]) continue;
    group->answered[from] = true;
    missing--;
    if (head.result < 0)
      result = fail(all, "on rank %d: %.*s", transport_world_rank(group->transport, from), (int)head.size,
                    bytes + sizeof head);
    else if (states) {
      // Ranks answer in any order, so each state says whose it is.
      const uint32_t mark[2] = {(uint32_t)from, head.size};
      if (buffer_reserve(states, states->size + sizeof mark + head.size, &error) != STATUS_OK)
        return fail(all, "no memory");
      memcpy(states->data + states->size, mark, sizeof mark);
      memcpy(states->data + states->size + sizeof mark, bytes + sizeof head, head.size);
      states->size += sizeof mark + head.size;
    }
  }
  return result;
}

static int begin_call(struct together *all, struct call_head head, const void *bytes) {
  struct error error = {0};
  all->error[0] = 0;
  head.instance = all->number;
  if (all->group->broken) return fail(all, "the group is broken: a rank of it has not answered before");
  return send_call(all->group, head, bytes, &error) == STATUS_OK ? 0 : fail(all, "%.200s", error.text);
}

// The leader's own result, and the others'.
static int end_call(struct together *all, enum call call, int own) {
  if (own < 0) {
    const char *why = all->group->inner->error && all->self ? all->group->inner->error(all->self) : NULL;
    fail(all, "%s", why && *why ? why : "it gave no reason");
  }
  const int others = await_answers(all, call, NULL);
  return own < 0 ? own : others < 0 ? others : own;
}

static void together_destroy(void *self) {
  struct together *all = self;
  if (all->created && begin_call(all, (struct call_head){.call = CALL_DESTROY}, NULL) == 0) {
    if (all->self) all->group->inner->destroy(all->self);
    await_answers(all, CALL_DESTROY, NULL);
  } else if (all->self) {
    all->group->inner->destroy(all->self);
  }
  memory_free(all);
}

static void *together_create(const struct environment_kind *kind, const struct corsac_env_config *given,
                             struct corsac_env_spec *spec, char *error, size_t error_size) {
  struct group *group = kind->group;
  struct together *all = memory_alloc(1, sizeof *all, "an environment of a group", NULL);
  if (!all) return NULL;
  *all = (struct together){.group = group, .number = group->next++};
  const struct call_head head = {.call = CALL_CREATE, .index = given->index, .evaluation = given->evaluation};
  int result = begin_call(all, head, NULL);
  if (result == 0) {
    struct corsac_env_config config = *given;
    char why[TEXT] = "";
    all->created = true;
    config.comm = group->comm;
    all->self = group->inner->create(&config, spec, why, sizeof why);
    if (!all->self) fail(all, "%s", *why ? why : "it returned NULL and gave no reason");
    result = await_answers(all, CALL_CREATE, NULL);
    all->act_dim = spec->act_dim;
  }
  if (all->self && result == 0) return all;
  snprintf(error, error_size, "%s", all->error);
  together_destroy(all);
  return NULL;
}

static int together_reset(void *self, uint64_t seed, float *obs) {
  struct together *all = self;
  const uint64_t episode = guest_guard.guest ? guest_guard.guest->episode : 0; // of the call that this is within
  const int begun = begin_call(all, (struct call_head){.call = CALL_RESET, .seed = seed, .index = episode}, NULL);
  return begun < 0 ? begun : end_call(all, CALL_RESET, all->group->inner->reset(all->self, seed, obs));
}

static int together_step(void *self, const float *action, float *obs, double *reward) {
  struct together *all = self;
  const struct call_head head = {.call = CALL_STEP, .size = all->act_dim * (uint32_t)sizeof *action};
  const int begun = begin_call(all, head, action);
  return begun < 0 ? begun : end_call(all, CALL_STEP, all->group->inner->step(all->self, action, obs, reward));
}

static const char *together_error(void *self) { return ((struct together *)self)->error; }

static void together_info(void *self, double *values) {
  struct together *all = self;
  all->group->inner->info(all->self, values);
}

// The state of a group: the number of its ranks, then rank and size and bytes of each, the leader's first.
static int64_t own_state(struct together *all, struct buffer *states) {
  const struct corsac_env *inner = all->group->inner;
  struct error error = {0};
  uint32_t head[3] = {(uint32_t)transport_size(all->group->transport), 0, 0};
  const int64_t need = inner->save(all->self, NULL, 0);
  if (need <= 0) return need;
  if ((uint64_t)need > WIRE_MAX_MESSAGE / 4) return fail(all, "save wants %lld bytes", (long long)need);
  head[2] = (uint32_t)need;
  if (buffer_reserve(states, sizeof head + (size_t)need, &error) != STATUS_OK) return -1;
  memcpy(states->data, head, sizeof head);
  states->size = sizeof head + (size_t)need;
  if (inner->save(all->self, states->data + sizeof head, (size_t)need) == need) return need;
  return fail(all, "save asked for another number of bytes each time that it was called");
}

static int64_t together_save(void *self, void *buffer, size_t size) {
  struct together *all = self;
  struct buffer *states = &all->group->state;
  states->size = 0;
  if (begin_call(all, (struct call_head){.call = CALL_SAVE}, NULL) < 0) return -1;
  const int64_t own = own_state(all, states);
  if (await_answers(all, CALL_SAVE, states) < 0 || own <= 0) return own == 0 ? 0 : -1;
  if (size >= states->size) memcpy(buffer, states->data, states->size);
  return (int64_t)states->size;
}

static int together_load(void *self, const void *bytes, size_t size) {
  struct together *all = self;
  const uint8_t *at = bytes, *end = at + size;
  uint32_t count = 0, own[2] = {0, 0};
  all->error[0] = 0;
  if (size >= sizeof count) memcpy(&count, at, sizeof count);
  if (size < sizeof count + sizeof own || count != (uint32_t)transport_size(all->group->transport))
    return fail(all, "the state is of a group of %u ranks, this one has %d: --ranks-per-env has to stay", count,
                transport_size(all->group->transport));
  at += sizeof count;
  memcpy(own, at, sizeof own);
  at += sizeof own;
  if (own[0] != 0 || own[1] > (size_t)(end - at)) return fail(all, "the state is damaged");
  // Everybody gets all of them, and takes its own.
  const struct call_head head = {.call = CALL_LOAD, .size = (uint32_t)(end - at) - own[1]};
  if (begin_call(all, head, at + own[1]) < 0) return -1;
  return end_call(all, CALL_LOAD, all->group->inner->load(all->self, at, own[1]));
}

enum status group_lead(struct group *group, struct environment_kind *kind, struct error *error) {
  if (!kind->plugin)
    return error_set(
        error, STATUS_USAGE,
        "ranks_per_env %llu needs a plugin (path/to/plugin.so) that computes on a communicator; %s runs on "
        "one rank",
        (unsigned long long)group->config->ranks_per_env, environment_kind_name(kind));
  group->inner = kind->abi;
  group->waiting = kind->waiting;
  group->who = kind->who;
  group->abi = (struct corsac_env){.abi = CORSAC_ENV_ABI,
                                   .size = sizeof group->abi,
                                   .flags = kind->abi->flags,
                                   .name = kind->abi->name,
                                   .create = kind->abi->create, // not called: together_create is
                                   .reset = together_reset,
                                   .step = together_step,
                                   .destroy = together_destroy,
                                   .error = together_error,
                                   .save = kind->abi->save ? together_save : NULL,
                                   .load = kind->abi->load ? together_load : NULL,
                                   .info = kind->abi->info ? together_info : NULL};
  kind->abi = &group->abi;
  kind->create = together_create;
  kind->group = group;
  return STATUS_OK;
}

// ---- the others ----

static enum status answer(struct group *group, const struct call_head *call, int result, const void *bytes, size_t size,
                          struct error *error) {
  const struct answer_head head = {MAGIC, call->call, call->instance, (uint32_t)size, result};
  const enum status status = buffer_reserve(&group->message, sizeof head + size, error);
  if (status != STATUS_OK) return status;
  memcpy(group->message.data, &head, sizeof head);
  if (size > 0) memcpy(group->message.data + sizeof head, bytes, size);
  return transport_send(group->transport, 0, group->message.data, sizeof head + size, error);
}

static enum status answer_result(struct group *group, const struct call_head *call, const struct instance *instance,
                                 int result, struct error *error) {
  const char *why = "";
  if (result < 0) {
    guest_enter(&instance->guest, GUEST_ERROR);
    why = group->inner->error ? group->inner->error(instance->self) : NULL;
    guest_leave(GUEST_ERROR);
  }
  if (!why || (result < 0 && !*why)) why = "it gave no reason";
  return answer(group, call, result, why, result < 0 ? strnlen(why, TEXT) : 0, error);
}

// Instances are numbered in the order in which the leader makes them.
static enum status reserve_instance(struct group *group, uint32_t number, struct error *error) {
  if (number < group->instances) return STATUS_OK;
  const uint32_t more = number < 1u << 24 ? 2 * number + 8 : 0;
  struct instance *grown = more > 0 ? memory_alloc(more, sizeof *grown, "a group's environments", error) : NULL;
  if (!grown) return error_set(error, STATUS_MEMORY, "too many environments in a group");
  if (group->instances > 0) memcpy(grown, group->instance, group->instances * sizeof *grown);
  memory_free(group->instance);
  group->instance = grown;
  group->instances = more;
  return STATUS_OK;
}

static enum status follow_create(struct group *group, const struct environment_kind *kind, const struct call_head *call,
                                 const struct error *unopened, struct error *error) {
  char why[TEXT] = "";
  if (unopened->status != STATUS_OK)
    return answer(group, call, -1, unopened->text, strnlen(unopened->text, TEXT), error);
  const enum status status = reserve_instance(group, call->instance, error);
  if (status != STATUS_OK) return status;
  struct instance *instance = &group->instance[call->instance];
  struct corsac_env_spec spec = {.size = sizeof spec};
  const struct corsac_env_config config = {.size = sizeof config,
                                           .id = kind->id,
                                           .args = kind->args,
                                           .index = call->index,
                                           .evaluation = call->evaluation,
                                           .comm = group->comm};
  instance->guest =
      (struct guest){.name = environment_kind_name(kind), .index = call->index, .evaluation = call->evaluation != 0};
  guest_enter(&instance->guest, GUEST_CREATE);
  instance->self = group->inner->create(&config, &spec, why, sizeof why);
  guest_leave(GUEST_CREATE);
  why[sizeof why - 1] = 0;
  if (!instance->self) return answer(group, call, -1, why, strlen(why), error);
  const bool sound =
      spec.obs_dim > 0 && spec.obs_dim <= WIRE_MAX_DIM && spec.act_dim > 0 && spec.act_dim <= WIRE_MAX_DIM;
  instance->obs_dim = spec.obs_dim;
  instance->act_dim = spec.act_dim;
  if (sound) instance->obs = memory_alloc(spec.obs_dim, sizeof(float), "an observation", error);
  if (sound && !instance->obs) return STATUS_MEMORY;
  static const char wrong[] = "create set dimensions that cannot be";
  return answer(group, call, sound ? 0 : -1, wrong, sound ? 0 : sizeof wrong, error);
}

static enum status follow_save(struct group *group, const struct call_head *call, struct instance *instance,
                               struct error *error) {
  guest_enter(&instance->guest, GUEST_SAVE);
  const int64_t need = group->inner->save ? group->inner->save(instance->self, NULL, 0) : -1;
  guest_leave(GUEST_SAVE);
  char why[TEXT];
  snprintf(why, sizeof why, "save wants %lld bytes", (long long)need);
  if (need <= 0 || (uint64_t)need > WIRE_MAX_MESSAGE / 4) return answer(group, call, -1, why, strlen(why), error);
  const enum status status = buffer_reserve(&group->state, (size_t)need, error);
  if (status != STATUS_OK) return status;
  guest_enter(&instance->guest, GUEST_SAVE);
  const bool good = group->inner->save(instance->self, group->state.data, (size_t)need) == need;
  guest_leave(GUEST_SAVE);
  if (good) return answer(group, call, 0, group->state.data, (size_t)need, error);
  snprintf(why, sizeof why, "save asked for another number of bytes each time that it was called");
  return answer(group, call, -1, why, strlen(why), error);
}

// bytes: rank, size and bytes of every rank but the leader.
static int follow_load(struct group *group, struct instance *instance, const uint8_t *bytes, size_t size) {
  const uint32_t own = (uint32_t)transport_rank(group->transport);
  while (size >= 2 * sizeof(uint32_t)) {
    uint32_t mark[2];
    memcpy(mark, bytes, sizeof mark);
    bytes += sizeof mark;
    size -= sizeof mark;
    if (mark[1] > size) break;
    if (mark[0] == own && group->inner->load) return group->inner->load(instance->self, bytes, mark[1]);
    bytes += mark[1];
    size -= mark[1];
  }
  return -1;
}

static enum status follow_call(struct group *group, const struct environment_kind *kind, const struct call_head *call,
                               const uint8_t *bytes, const struct error *unopened, struct error *error) {
  double reward;
  if (call->call == CALL_CREATE) return follow_create(group, kind, call, unopened, error);
  struct instance *instance = call->instance < group->instances ? &group->instance[call->instance] : NULL;
  if (call->call == CALL_DESTROY) {
    if (instance) release_instance(group, instance);
    return answer(group, call, 0, NULL, 0, error);
  }
  static const char none[] = "there is no such environment";
  if (!instance || !instance->self) return answer(group, call, -1, none, sizeof none, error);
  int result;
  switch (call->call) {
  case CALL_RESET:
    instance->guest.episode = call->index;
    instance->guest.step = 0;
    guest_enter(&instance->guest, GUEST_RESET);
    result = group->inner->reset(instance->self, call->seed, instance->obs);
    guest_leave(GUEST_RESET);
    return answer_result(group, call, instance, result, error);
  case CALL_STEP:
    if (call->size != instance->act_dim * sizeof(float))
      return error_set(error, STATUS_PEER, "the group's leader sent an action of %u bytes, %zu are right", call->size,
                       instance->act_dim * sizeof(float));
    instance->guest.step++;
    guest_enter(&instance->guest, GUEST_STEP);
    result = group->inner->step(instance->self, (const float *)(const void *)bytes, instance->obs, &reward);
    guest_leave(GUEST_STEP);
    return answer_result(group, call, instance, result, error);
  case CALL_SAVE: return follow_save(group, call, instance, error);
  case CALL_LOAD:
    guest_enter(&instance->guest, GUEST_LOAD);
    result = follow_load(group, instance, bytes, call->size);
    guest_leave(GUEST_LOAD);
    return answer_result(group, call, instance, result, error);
  default: return error_set(error, STATUS_PEER, "the group's leader asked for call %u", call->call);
  }
}

static enum status obey(struct group *group, const struct environment_kind *kind, const struct error *unopened,
                        int *exit_code, bool *together, struct error *error) {
  double heard = clock_now();
  const double patience = group->config->actor_timeout + group->config->env_timeout;
  struct backoff backoff = {0};
  for (;;) {
    int from;
    const uint8_t *bytes;
    size_t size = 0;
    enum status status = transport_receive(group->transport, &from, &bytes, &size, error);
    if (status != STATUS_OK) return status;
    if (size == 0) {
      if (clock_now() - heard > patience)
        return error_set(error, STATUS_PEER, "the group's leader has been silent for %.0f s: this rank leaves",
                         patience);
      backoff_wait(&backoff);
      continue;
    }
    struct call_head call = {0};
    if (size >= sizeof call) memcpy(&call, bytes, sizeof call);
    if (call.magic != MAGIC || call.size != size - sizeof call)
      return error_set(error, STATUS_PEER, "the group's leader sent %zu bytes that are no call", size);
    backoff_reset(&backoff);
    if (call.call == CALL_LEAVE) {
      *exit_code = call.value & 0xffff;
      *together = call.value >> 16;
      return STATUS_OK;
    }
    if (call.call != CALL_ALIVE) status = follow_call(group, kind, &call, bytes + sizeof call, unopened, error);
    if (status != STATUS_OK) return status;
    heard = clock_now();
  }
}

enum status group_follow(struct group *group, int *exit_code, bool *together, struct error *error) {
  struct environment_kind kind;
  struct error unopened = {0};
  if (environment_kind_open(&kind, group->config->env, group->config, &unopened) == STATUS_OK) group->inner = kind.abi;
  const enum status status = obey(group, &kind, &unopened, exit_code, together, error);
  for (uint32_t i = 0; i < group->instances; i++) release_instance(group, &group->instance[i]);
  if (group->inner) environment_kind_close(&kind);
  return status;
}
