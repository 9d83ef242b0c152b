#include "common/wire/message.h"
#include <assert.h>
#include <string.h>

static const struct lag_record no_lag = {.low = UINT64_MAX};

void message_hello_release(struct message_hello *hello) {
  memory_free(hello->action_low);
  memory_free(hello->action_high);
  memory_free(hello->agents);
  *hello = (struct message_hello){0};
}

bool message_is_info_name(const char *name) {
  const size_t length = strlen(name);
  return length > 0 && length < WIRE_INFO_NAME && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

void lag_record_add(struct lag_record *into, const struct lag_record *from) {
  if (from->count == 0) return;
  if (into->count == 0) *into = no_lag;
  into->count += from->count;
  into->sum += from->sum;
  if (from->low < into->low) into->low = from->low;
  if (from->high > into->high) into->high = from->high;
}

// Dimensions that the wire can carry: products of a row count (32 bits) and a row's bytes then fit 64 bits.
static enum status check_dimensions(const char *what, uint32_t obs_dim, uint32_t act_dim, struct error *error) {
  if (obs_dim > 0 && obs_dim <= WIRE_MAX_DIM && act_dim > 0 && act_dim <= WIRE_MAX_DIM) return STATUS_OK;
  return error_set(error, STATUS_MISMATCH, "%s: obs_dim %u and act_dim %u must be 1..%d", what, obs_dim, act_dim,
                   WIRE_MAX_DIM);
}

enum status transition_batch_init(struct transition_batch *batch, uint32_t obs_dim, uint32_t act_dim, uint32_t capacity,
                                  uint32_t episode_capacity, uint32_t environment_capacity, struct error *error) {
  *batch = (struct transition_batch){.obs_dim = obs_dim,
                                     .act_dim = act_dim,
                                     .capacity = capacity,
                                     .episode_capacity = episode_capacity,
                                     .environment_capacity = environment_capacity,
                                     .lag = no_lag};
  enum status status = check_dimensions("a batch of transitions", obs_dim, act_dim, error);
  if (status) goto fail;
  static const char what[] = "a batch of transitions";
  size_t rows = capacity;
  status = STATUS_MEMORY;
  if (!(batch->environment = memory_alloc(rows, sizeof *batch->environment, what, error))) goto fail;
  if (!(batch->version = memory_alloc(rows, sizeof *batch->version, what, error))) goto fail;
  if (!(batch->obs = memory_alloc(rows * obs_dim, sizeof *batch->obs, what, error))) goto fail;
  if (!(batch->action = memory_alloc(rows * act_dim, sizeof *batch->action, what, error))) goto fail;
  if (!(batch->reward = memory_alloc(rows, sizeof *batch->reward, what, error))) goto fail;
  if (!(batch->next_obs = memory_alloc(rows * obs_dim, sizeof *batch->next_obs, what, error))) goto fail;
  if (!(batch->discount = memory_alloc(rows, sizeof *batch->discount, what, error))) goto fail;
  if (!(batch->episode = memory_alloc(episode_capacity, sizeof *batch->episode, what, error))) goto fail;
  if (!(batch->progress = memory_alloc(environment_capacity, sizeof *batch->progress, what, error))) goto fail;
  return STATUS_OK;
fail:
  transition_batch_release(batch);
  return status;
}

enum status transition_batch_use_agents(struct transition_batch *batch, struct error *error) {
  batch->agent = memory_alloc(batch->capacity, sizeof *batch->agent, "a batch's agents", error);
  return batch->agent ? STATUS_OK : STATUS_MEMORY;
}

enum status transition_batch_use_episodes(struct transition_batch *batch, struct error *error) {
  static const char what[] = "a batch's episodes";
  batch->episode_number = memory_alloc(batch->capacity, sizeof *batch->episode_number, what, error);
  batch->episode_step = memory_alloc(batch->capacity, sizeof *batch->episode_step, what, error);
  return batch->episode_number && batch->episode_step ? STATUS_OK : STATUS_MEMORY;
}

void transition_batch_release(struct transition_batch *batch) {
  memory_free(batch->environment);
  memory_free(batch->agent);
  memory_free(batch->version);
  memory_free(batch->episode_number);
  memory_free(batch->episode_step);
  memory_free(batch->obs);
  memory_free(batch->action);
  memory_free(batch->reward);
  memory_free(batch->next_obs);
  memory_free(batch->discount);
  memory_free(batch->episode);
  memory_free(batch->progress);
  *batch = (struct transition_batch){0};
}

void transition_batch_clear(struct transition_batch *batch) {
  batch->rows = 0;
  batch->steps = batch->transitions = 0;
  batch->episodes = 0;
  batch->lag = no_lag;
  batch->blocked = 0;
}

static bool alloc_agents(struct snapshot *snapshot, uint32_t agents, struct error *error) {
  static const char what[] = "a snapshot's agents";
  return (snapshot->agent_state = memory_alloc(agents, sizeof *snapshot->agent_state, what, error)) &&
         (snapshot->agent_return = memory_alloc(agents, sizeof *snapshot->agent_return, what, error)) &&
         (snapshot->agent_length = memory_alloc(agents, sizeof *snapshot->agent_length, what, error)) &&
         (snapshot->agent_window = memory_alloc(agents, sizeof *snapshot->agent_window, what, error));
}

static bool alloc_window(struct snapshot *snapshot, size_t rows, struct error *error) {
  static const char what[] = "a snapshot";
  const size_t obs_dim = snapshot->obs_dim, act_dim = snapshot->act_dim;
  return (snapshot->window_obs = memory_alloc(rows * obs_dim, sizeof *snapshot->window_obs, what, error)) &&
         (snapshot->window_action = memory_alloc(rows * act_dim, sizeof *snapshot->window_action, what, error)) &&
         (snapshot->window_reward = memory_alloc(rows, sizeof *snapshot->window_reward, what, error)) &&
         (snapshot->window_version = memory_alloc(rows, sizeof *snapshot->window_version, what, error));
}

enum status snapshot_init_agents(struct snapshot *snapshot, uint32_t obs_dim, uint32_t act_dim,
                                 uint32_t window_capacity, uint32_t agents, struct error *error) {
  assert(agents > 0 && agents <= WIRE_MAX_AGENTS);
  *snapshot = (struct snapshot){.obs_dim = obs_dim, .act_dim = act_dim, .agents = agents, .agent_capacity = agents};
  enum status status = check_dimensions("a snapshot", obs_dim, act_dim, error);
  if (status == STATUS_OK) {
    snapshot->obs = memory_alloc((size_t)agents * obs_dim, sizeof *snapshot->obs, "a snapshot", error);
    if (!snapshot->obs || !alloc_window(snapshot, (size_t)agents * window_capacity, error) ||
        (agents > 1 && !alloc_agents(snapshot, agents, error)))
      status = STATUS_MEMORY;
  }
  if (status != STATUS_OK) snapshot_release(snapshot);
  return status;
}

enum status snapshot_init(struct snapshot *snapshot, uint32_t obs_dim, uint32_t act_dim, uint32_t window_capacity,
                          struct error *error) {
  return snapshot_init_agents(snapshot, obs_dim, act_dim, window_capacity, 1, error);
}

enum status snapshot_init_for(struct snapshot *snapshot, const struct config *config, uint32_t obs_dim,
                              uint32_t act_dim, uint32_t agents, struct error *error) {
  const uint32_t window = (uint32_t)config_row_steps(config) - 1, dim = network_input(config, obs_dim, act_dim);
  enum status status = snapshot_init_agents(snapshot, obs_dim, act_dim, window, agents, error);
  if (status != STATUS_OK || dim == obs_dim) return status;
  snapshot->history_dim = dim - obs_dim;
  snapshot->history = memory_alloc((size_t)agents * snapshot->history_dim, sizeof(float), "a snapshot", error);
  if (snapshot->history) return STATUS_OK;
  snapshot_release(snapshot);
  return STATUS_MEMORY;
}

void snapshot_release(struct snapshot *snapshot) {
  memory_free(snapshot->obs);
  memory_free(snapshot->history);
  memory_free(snapshot->window_obs);
  memory_free(snapshot->window_action);
  memory_free(snapshot->window_reward);
  memory_free(snapshot->window_version);
  memory_free(snapshot->agent_state);
  memory_free(snapshot->agent_return);
  memory_free(snapshot->agent_length);
  memory_free(snapshot->agent_window);
  buffer_release(&snapshot->state);
  *snapshot = (struct snapshot){0};
}

static void copy_agents(struct snapshot *to, const struct snapshot *from) {
  const size_t agents = from->agents;
  memcpy(to->agent_state, from->agent_state, agents * sizeof *to->agent_state);
  memcpy(to->agent_return, from->agent_return, agents * sizeof *to->agent_return);
  memcpy(to->agent_length, from->agent_length, agents * sizeof *to->agent_length);
  memcpy(to->agent_window, from->agent_window, agents * sizeof *to->agent_window);
}

enum status snapshot_copy(struct snapshot *to, const struct snapshot *from, struct error *error) {
  assert(to->obs_dim == from->obs_dim && to->act_dim == from->act_dim && from->agents <= to->agent_capacity);
  assert(to->history_dim == from->history_dim);
  enum status status = buffer_reserve(&to->state, from->state.size, error);
  if (status) return status;
  struct snapshot copy = *from; // the counters; the arrays stay to's own
  copy.obs = to->obs;
  copy.history = to->history;
  copy.window_obs = to->window_obs;
  copy.window_action = to->window_action;
  copy.window_reward = to->window_reward;
  copy.window_version = to->window_version;
  copy.agent_capacity = to->agent_capacity;
  copy.agent_state = to->agent_state;
  copy.agent_return = to->agent_return;
  copy.agent_length = to->agent_length;
  copy.agent_window = to->agent_window;
  copy.state = to->state;
  *to = copy;
  size_t rows = from->window;
  memcpy(to->obs, from->obs, (size_t)from->agents * from->obs_dim * sizeof *to->obs);
  if (from->history_dim > 0)
    memcpy(to->history, from->history, (size_t)from->agents * from->history_dim * sizeof *to->history);
  memcpy(to->window_obs, from->window_obs, rows * from->obs_dim * sizeof *to->window_obs);
  memcpy(to->window_action, from->window_action, rows * from->act_dim * sizeof *to->window_action);
  memcpy(to->window_reward, from->window_reward, rows * sizeof *to->window_reward);
  memcpy(to->window_version, from->window_version, rows * sizeof *to->window_version);
  if (from->agents > 1) copy_agents(to, from);
  if (from->state.size) memcpy(to->state.data, from->state.data, from->state.size);
  to->state.size = from->state.size;
  return STATUS_OK;
}

void snapshot_forget_episode(struct snapshot *snapshot) {
  snapshot->live = false;
  snapshot->episode_return = 0;
  snapshot->episode_length = snapshot->window = snapshot->info_dim = 0;
  snapshot->state.size = 0;
  if (snapshot->agents == 1) return;
  memset(snapshot->agent_state, 0, snapshot->agents * sizeof *snapshot->agent_state);
  memset(snapshot->agent_return, 0, snapshot->agents * sizeof *snapshot->agent_return);
  memset(snapshot->agent_length, 0, snapshot->agents * sizeof *snapshot->agent_length);
  memset(snapshot->agent_window, 0, snapshot->agents * sizeof *snapshot->agent_window);
}

const char *wait_call_name(uint32_t call) {
  static const char *const names[WAIT_CALLS] = {"", "create", "reset", "step", "another call"};
  return call < WAIT_CALLS ? names[call] : "";
}
