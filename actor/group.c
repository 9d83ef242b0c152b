// The leader of a group of ranks. group_lead puts an adapter in place of the plugin's functions: a struct corsac_env
// whose functions send the call to the followers, make it on this rank, and wait for every answer.
#include "actor/group_impl.h"

#include "common/base/clock.h"
#include "common/config/cases.h"
#include "common/wire/assignment.h"
#include "common/wire/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const call_names[GROUP_CALLS] = {"",     "create",  "reset",     "step",  "save",
                                                    "load", "destroy", "heartbeat", "leave", "set_case"};

// One environment of the group, as the leader has it.
struct group_env {
  struct group *group;      // not owned
  uint32_t number, act_dim; // act_dim: of all agents together
  uint64_t env_steps;       // as group_env_progress got it, for the next reset
  void *self;               // the leader's own instance
  bool is_created;          // the followers were asked to create theirs
  char error[GROUP_TEXT];
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

void group_destroy(struct group *group) {
  if (!group) return;
  for (uint32_t i = 0; i < group->instances; i++) group_release_instance(group, &group->instance[i]);
  memory_free(group->instance);
  memory_free(group->answered);
  buffer_release(&group->message);
  buffer_release(&group->state);
  memory_free(group);
}

// --- sending a call ---

static enum status send_call(struct group *group, struct group_call_head head, const void *bytes, struct error *error) {
  head.magic = GROUP_MAGIC;
  enum status status = buffer_reserve(&group->message, sizeof head + head.size, error);
  if (status != STATUS_OK) return status;
  memcpy(group->message.data, &head, sizeof head);
  if (head.size > 0) memcpy(group->message.data + sizeof head, bytes, head.size);
  group->sent = clock_coarse();
  for (int rank = 1; rank < transport_size(group->transport) && status == STATUS_OK; rank++)
    status = transport_send(group->transport, rank, group->message.data, sizeof head + head.size, error);
  return status;
}

void group_send_heartbeat_if_due(struct group *group) {
  struct error ignored = {0};
  if (clock_coarse() - group->sent > heartbeat_seconds(group->config))
    send_call(group, (struct group_call_head){.call = GROUP_HEARTBEAT}, NULL, &ignored);
}

bool group_is_broken(const struct group *group) { return group && group->is_broken; }

void group_dismiss(struct group *group, int exit_code, bool together) {
  struct error ignored = {0};
  send_call(group, (struct group_call_head){.call = GROUP_LEAVE, .value = exit_code | together << 16}, NULL, &ignored);
}

// Notes why a call failed; the first reason counts. Returns -1.
__attribute__((format(printf, 2, 3))) static int fail(struct group_env *env, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!env->error[0]) vsnprintf(env->error, sizeof env->error, format, arguments);
  va_end(arguments);
  return -1;
}

static int begin_call(struct group_env *env, struct group_call_head head, const void *bytes) {
  struct error error = {0};
  env->error[0] = 0;
  head.instance = env->number;
  if (env->group->is_broken) return fail(env, "the group is broken: a rank of it did not answer an earlier call");
  return send_call(env->group, head, bytes, &error) == STATUS_OK ? 0 : fail(env, "%.200s", error.text);
}

// --- waiting for the answers ---

// Whether the bytes are an answer of a follower at all, to whatever call.
static bool is_valid(const uint8_t *bytes, size_t size, struct group_answer_head *head) {
  if (size < sizeof *head) return false;
  memcpy(head, bytes, sizeof *head);
  return head->magic == GROUP_MAGIC && head->call > 0 && head->call < GROUP_CALLS && head->size == size - sizeof *head;
}

// Ranks answer in any order, so each state is stored behind its rank and its size.
static int append_state(struct group_env *env, struct buffer *states, int rank, const uint8_t *bytes, uint32_t size) {
  struct error error = {0};
  const uint32_t mark[2] = {(uint32_t)rank, size};
  if (buffer_reserve(states, states->size + sizeof mark + size, &error) != STATUS_OK) return fail(env, "no memory");
  memcpy(states->data + states->size, mark, sizeof mark);
  memcpy(states->data + states->size + sizeof mark, bytes, size);
  states->size += sizeof mark + size;
  return 0;
}

// Receives one message. 0: an answer to this call, in *from, *head and *bytes. 1: nothing to take. -1: the group is
// broken.
static int receive_answer(struct group_env *env, enum group_call call, int *from, struct group_answer_head *head,
                          const uint8_t **bytes, struct backoff *backoff) {
  struct group *group = env->group;
  struct error error = {0};
  size_t length = 0;
  if (transport_receive(group->transport, from, bytes, &length, &error) != STATUS_OK)
    return group->is_broken = true, fail(env, "%.200s", error.text);
  if (length == 0) {
    if (group->waiting) group->waiting(group->who);
    backoff_wait(backoff);
    return 1;
  }
  backoff_reset(backoff);
  if (*from < 1 || *from >= transport_size(group->transport) || !is_valid(*bytes, length, head)) {
    group->is_broken = true;
    return fail(env, "rank %d of the group sent an invalid answer of %zu bytes", *from, length);
  }
  // An answer to an earlier call, which the leader gave up, is skipped.
  if (head->call != (uint32_t)call || head->instance != env->number || group->answered[*from]) return 1;
  *bytes += sizeof *head;
  return 0;
}

static double call_timeout(const struct config *config, enum group_call call) {
  switch (call) {
  case GROUP_CREATE: return config_call_timeout(config, CONFIG_CREATE);
  case GROUP_RESET: return config_call_timeout(config, CONFIG_RESET);
  case GROUP_STEP: return config_call_timeout(config, CONFIG_STEP);
  default: return config->env_timeout;
  }
}

static const char *call_option(const struct config *config, enum group_call call) {
  switch (call) {
  case GROUP_CREATE: return config_call_option(config, CONFIG_CREATE);
  case GROUP_RESET: return config_call_option(config, CONFIG_RESET);
  case GROUP_STEP: return config_call_option(config, CONFIG_STEP);
  default: return "env_timeout";
  }
}

// Waits for the answer of every follower, at most as long as the option for this call says. states: the buffer that a
// SAVE's states are appended to; else NULL. Negative: a follower failed, or the group is broken.
static int await_answers(struct group_env *env, enum group_call call, struct buffer *states) {
  struct group *group = env->group;
  const int ranks = transport_size(group->transport);
  const double timeout = call_timeout(group->config, call), end = clock_now() + timeout;
  struct backoff backoff = {0};
  int result = 0;
  memset(group->answered, 0, (size_t)ranks * sizeof *group->answered);
  for (int missing = ranks - 1; missing > 0;) {
    int from;
    const uint8_t *bytes;
    struct group_answer_head head;
    const int received = receive_answer(env, call, &from, &head, &bytes, &backoff);
    if (received < 0) return -1;
    if (received > 0) {
      if (clock_now() <= end) continue;
      group->is_broken = true;
      return fail(env, "%d of %d ranks of the group did not end %s within %g s (%s)", missing, ranks, call_names[call],
                  timeout, call_option(group->config, call));
    }
    group->answered[from] = true;
    missing--;
    if (head.result < 0)
      result = fail(env, "on rank %d: %.*s", transport_world_rank(group->transport, from), (int)head.size, bytes);
    else if (states && append_state(env, states, from, bytes, head.size) < 0)
      return -1;
  }
  return result;
}

// Notes the plugin's own reason. Returns -1.
static int fail_own(struct group_env *env) {
  const struct corsac_env *plugin = env->group->plugin;
  const char *why = plugin->error && env->self ? plugin->error(env->self) : NULL;
  return fail(env, "%s", why && *why ? why : "it gave no reason");
}

// Joins the leader's own result of a call and the followers'.
static int end_call(struct group_env *env, enum group_call call, int own) {
  if (own < 0) fail_own(env);
  const int others = await_answers(env, call, NULL);
  return own < 0 ? own : others < 0 ? others : own;
}

// --- the adapter: create, destroy, episodes ---

static void group_env_destroy(void *self) {
  struct group_env *env = self;
  const bool asks = env->is_created && begin_call(env, (struct group_call_head){.call = GROUP_DESTROY}, NULL) == 0;
  if (env->self) env->group->plugin->destroy(env->self);
  if (asks) await_answers(env, GROUP_DESTROY, NULL);
  memory_free(env);
}

// Asks the followers to create their instances, and creates the leader's. 0, or negative. Where there are cases, only
// the leader's arguments name the instance's.
static int create_all(struct group_env *env, const struct corsac_env_config *given, struct corsac_env_spec *spec) {
  const struct group_call_head head = {.call = GROUP_CREATE,
                                       .index = given->index,
                                       .evaluation = given->evaluation,
                                       .size =
                                           cases_are_given(env->group->config) ? (uint32_t)strlen(given->args) + 1 : 0};
  if (begin_call(env, head, given->args) < 0) return -1;
  struct corsac_env_config config = *given;
  char why[GROUP_TEXT] = "";
  env->is_created = true;
  config.comm = env->group->comm;
  env->self = env->group->plugin->create(&config, spec, why, sizeof why);
  if (!env->self) fail(env, "%s", *why ? why : "it returned NULL and gave no reason");
  env->act_dim = spec->act_dim * (spec->agents > 1 ? spec->agents : 1);
  const int others = await_answers(env, GROUP_CREATE, NULL);
  return env->self ? others : -1;
}

static void *group_env_create(const struct environment_kind *kind, const struct corsac_env_config *config,
                              struct corsac_env_spec *spec, char *error, size_t error_size) {
  struct error why = {0};
  struct group_env *env = memory_alloc(1, sizeof *env, "an environment of a group", &why);
  if (!env) {
    snprintf(error, error_size, "%s", why.text);
    return NULL;
  }
  *env = (struct group_env){.group = kind->group, .number = kind->group->next++};
  if (create_all(env, config, spec) == 0) return env;
  snprintf(error, error_size, "%s", env->error);
  group_env_destroy(env);
  return NULL;
}

static void group_env_progress(void *self, uint64_t episode, uint64_t env_steps) {
  struct group_env *env = self;
  env->env_steps = env_steps;
  env->group->plugin->progress(env->self, episode, env_steps);
}

static int group_env_set_case(void *self, const char *args) {
  struct group_env *env = self;
  const struct group_call_head head = {.call = GROUP_CASE, .size = (uint32_t)strlen(args) + 1};
  if (begin_call(env, head, args) < 0) return -1;
  return end_call(env, GROUP_CASE, env->group->plugin->set_case(env->self, args));
}

static int group_env_reset(void *self, uint64_t seed, float *obs) {
  struct group_env *env = self;
  // The call that this is a part of knows the episode's number.
  const uint64_t episode = guest_guard.guest ? guest_guard.guest->episode : 0;
  const struct group_call_head head = {
      .call = GROUP_RESET, .seed = seed, .index = episode, .env_steps = env->env_steps};
  if (begin_call(env, head, NULL) < 0) return -1;
  return end_call(env, GROUP_RESET, env->group->plugin->reset(env->self, seed, obs));
}

static int group_env_step(void *self, const float *action, float *obs, double *reward) {
  struct group_env *env = self;
  const struct group_call_head head = {.call = GROUP_STEP, .size = env->act_dim * (uint32_t)sizeof *action};
  if (begin_call(env, head, action) < 0) return -1;
  return end_call(env, GROUP_STEP, env->group->plugin->step(env->self, action, obs, reward));
}

static const char *group_env_error(void *self) { return ((struct group_env *)self)->error; }

static void group_env_info(void *self, double *values) {
  struct group_env *env = self;
  env->group->plugin->info(env->self, values);
}

static void group_env_agent_flags(void *self, uint8_t *flags) {
  struct group_env *env = self;
  env->group->plugin->agent_flags(env->self, flags);
}

// --- the adapter: states ---

// The state of a group: the number of its ranks (u32), then of each rank its number (u32), its size (u32) and its
// bytes, the leader's first. This writes the number of ranks and the leader's. Returns its size; 0: it cannot save now.
static int64_t save_own(struct group_env *env, struct buffer *states) {
  const struct corsac_env *plugin = env->group->plugin;
  struct error error = {0};
  uint32_t head[3] = {(uint32_t)transport_size(env->group->transport), 0, 0};
  const int64_t need = plugin->save(env->self, NULL, 0);
  if (need == 0) return 0;
  if (need < 0) return fail_own(env);
  if ((uint64_t)need > WIRE_MAX_MESSAGE / 4)
    return fail(env, "save wants %lld bytes; a state is at most %lld", (long long)need,
                (long long)(WIRE_MAX_MESSAGE / 4));
  head[2] = (uint32_t)need;
  if (buffer_reserve(states, sizeof head + (size_t)need, &error) != STATUS_OK) return fail(env, "%.200s", error.text);
  memcpy(states->data, head, sizeof head);
  states->size = sizeof head + (size_t)need;
  if (plugin->save(env->self, states->data + sizeof head, (size_t)need) == need) return need;
  return fail(env, "save asked for another number of bytes each time that it was called");
}

static int64_t group_env_save(void *self, void *buffer, size_t size) {
  struct group_env *env = self;
  struct buffer *states = &env->group->state;
  states->size = 0;
  if (begin_call(env, (struct group_call_head){.call = GROUP_SAVE}, NULL) < 0) return -1;
  const int64_t own = save_own(env, states);
  const int others = await_answers(env, GROUP_SAVE, states);
  if (own == 0) return 0; // a follower that has nothing to save either answers with a failure
  if (others < 0 || own < 0) return -1;
  if (size >= states->size) memcpy(buffer, states->data, states->size);
  return (int64_t)states->size;
}

// Whether these are the states of so many ranks, rank 0's first, and not a byte more.
static bool is_whole(const uint8_t *at, size_t size, uint32_t ranks) {
  uint32_t mark[2]; // rank and size
  for (uint32_t i = 0; i < ranks; i++) {
    if (size < sizeof mark) return false;
    memcpy(mark, at, sizeof mark);
    size -= sizeof mark;
    if (mark[0] >= ranks || (i == 0 && mark[0] != 0) || mark[1] > size) return false;
    at += sizeof mark + mark[1];
    size -= mark[1];
  }
  return size == 0;
}

static int group_env_load(void *self, const void *bytes, size_t size) {
  struct group_env *env = self;
  const uint8_t *at = bytes, *end = at + size;
  uint32_t ranks = 0, own[2] = {0, 0}; // own: rank and size
  env->error[0] = 0;
  if (size >= sizeof ranks) memcpy(&ranks, at, sizeof ranks);
  if (size < sizeof ranks + sizeof own || ranks != (uint32_t)transport_size(env->group->transport))
    return fail(env, "the state is of a group of %u ranks, this one has %d: --ranks-per-env has to stay", ranks,
                transport_size(env->group->transport));
  at += sizeof ranks;
  if (!is_whole(at, (size_t)(end - at), ranks)) return fail(env, "the state is damaged");
  memcpy(own, at, sizeof own);
  at += sizeof own;

  // Each follower gets the states of all of them, and finds its own.
  const struct group_call_head head = {.call = GROUP_LOAD, .size = (uint32_t)(end - at) - own[1]};
  if (begin_call(env, head, at + own[1]) < 0) return -1;
  return end_call(env, GROUP_LOAD, env->group->plugin->load(env->self, at, own[1]));
}

// --- putting the adapter in place ---

enum status group_lead(struct group *group, struct environment_kind *kind, struct error *error) {
  if (!kind->plugin)
    return error_set(
        error, STATUS_USAGE,
        "ranks_per_env %llu needs a plugin (path/to/plugin.so) that computes on a communicator; %s runs on "
        "one rank",
        (unsigned long long)group->config->ranks_per_env, environment_kind_name(kind));
  const struct corsac_env *plugin = kind->abi;
  group->plugin = plugin;
  group->waiting = kind->waiting;
  group->who = kind->who;
  group->adapter = (struct corsac_env){.abi = CORSAC_ENV_ABI,
                                       .size = sizeof group->adapter,
                                       .flags = plugin->flags,
                                       .name = plugin->name,
                                       .create = plugin->create, // never called: kind->create is
                                       .reset = group_env_reset,
                                       .step = group_env_step,
                                       .destroy = group_env_destroy,
                                       .error = group_env_error,
                                       .save = plugin->save ? group_env_save : NULL,
                                       .load = plugin->load ? group_env_load : NULL,
                                       .info = plugin->info ? group_env_info : NULL,
                                       .progress = plugin->progress ? group_env_progress : NULL,
                                       .set_case = plugin->set_case ? group_env_set_case : NULL,
                                       .agent_flags = plugin->agent_flags ? group_env_agent_flags : NULL};
  kind->abi = &group->adapter;
  kind->create = group_env_create;
  kind->group = group;
  return STATUS_OK;
}
