// The messages with arrays, one walk each. A walk that reads takes the counts first, holds them against the capacities
// and against the bytes that are left (codec_rest), and only then copies.
#include "common/base/action_bounds.h"
#include "common/wire/codec_impl.h"

#include <float.h>
#include <math.h>
#include <string.h>

// ---- HELLO

enum { MOST_ENVIRONMENTS = 1 << 24 };

static void walk_info_names(struct codec *codec, struct message_hello *hello) {
  codec_u32(codec, "info_dim", &hello->info_dim, WIRE_INFO);
  for (uint32_t i = 0; i < hello->info_dim; i++) {
    char *name = hello->info_name[i];
    codec_text(codec, "info_name", name, sizeof hello->info_name[i]);
    if (!message_is_info_name(name)) codec_refuse(codec, "info_name is \"%s\", not of a-z, 0-9 and _", name);
  }
}

static void alloc_bounds(struct codec *codec, struct message_hello *hello) {
  hello->action_low = memory_alloc(hello->act_dim, sizeof *hello->action_low, "action bounds", codec->error);
  hello->action_high = memory_alloc(hello->act_dim, sizeof *hello->action_high, "action bounds", codec->error);
  if (!hello->action_low || !hello->action_high) codec->status = STATUS_MEMORY;
}

// How many agents each environment has; nothing of it where that is one.
static void walk_agents(struct codec *codec, struct message_hello *hello) {
  codec_u32(codec, "environments", &hello->environments, MOST_ENVIRONMENTS);
  if (hello->environments == 0 || codec->status) return;
  if (hello->environments > codec->left / sizeof *hello->agents && !codec->writing)
    codec_refuse(codec, "it has the agents of %u environments", hello->environments);
  if (!codec->writing && !codec->status) {
    hello->agents = memory_alloc(hello->environments, sizeof *hello->agents, "the numbers of agents", codec->error);
    if (!hello->agents) codec->status = STATUS_MEMORY;
  }
  for (uint32_t i = 0; i < hello->environments && !codec->status; i++) {
    codec_u32(codec, "agents", &hello->agents[i], WIRE_MAX_AGENTS);
    if (hello->agents[i] == 0) codec_refuse(codec, "environment %u of it has no agents", i);
  }
}

// An actor's own checks of its environment promise this too (actor/environment.c).
static void check_hello(struct codec *codec, const struct message_hello *hello) {
  for (uint32_t i = 0; i < hello->act_dim && !codec->status; i++)
    if (!action_bounds_are_good(hello->action_low[i], hello->action_high[i]))
      codec_refuse(codec, "action %u is in [%g, %g]; " ACTION_BOUNDS_RULE, i, hello->action_low[i],
                   hello->action_high[i]);
  for (uint32_t i = 0; i < hello->info_dim; i++)
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(hello->info_name[i], hello->info_name[k]) == 0) codec_refuse(codec, "info_name %u is there twice", i);
}

static void walk_hello(struct codec *codec, void *message) {
  struct message_hello *hello = message;
  codec_text(codec, "environment", hello->environment, sizeof hello->environment);
  codec_u32(codec, "obs_dim", &hello->obs_dim, WIRE_MAX_DIM);
  codec_u32(codec, "act_dim", &hello->act_dim, WIRE_MAX_DIM);
  codec_u32(codec, "max_episode_steps", &hello->max_episode_steps, UINT32_MAX);
  codec_u32(codec, "flags", &hello->flags, UINT32_MAX);
  codec_bool(codec, "can_save", &hello->can_save);
  walk_info_names(codec, hello);
  walk_agents(codec, hello);
  if (hello->obs_dim == 0 || hello->act_dim == 0) codec_refuse(codec, "a dimension is 0");
  codec_rest(codec, 2ull * hello->act_dim * sizeof *hello->action_low);
  if (codec->status) return;

  if (!codec->writing) alloc_bounds(codec, hello);
  codec_doubles(codec, "action_low", hello->action_low, hello->act_dim, -DBL_MAX, DBL_MAX);
  codec_doubles(codec, "action_high", hello->action_high, hello->act_dim, -DBL_MAX, DBL_MAX);
  if (!codec->writing && !codec->status) check_hello(codec, hello);
}

enum status message_encode_hello(struct buffer *out, uint32_t sender, const struct message_hello *hello,
                                 struct error *error) {
  return codec_encode(out, MESSAGE_HELLO, sender, walk_hello, hello, error);
}

enum status message_decode_hello(const struct frame *frame, struct message_hello *hello, struct error *error) {
  message_hello_release(hello);
  const enum status status = codec_decode(frame, MESSAGE_HELLO, walk_hello, hello, error);
  if (status) message_hello_release(hello);
  return status;
}

// ---- TRANSITIONS

enum { EPISODE_BYTES = 4 + 4 + 8 + 8 + 4, PROGRESS_BYTES = 4 + 8 + 8 };

static uint64_t row_bytes(const struct transition_batch *batch, bool agents) {
  return 4 + 8 + 4 * (2 * (uint64_t)batch->obs_dim + batch->act_dim + 2) + (agents ? 4 : 0) +
         (batch->episode_step ? 8 + 4 : 0);
}

static void walk_lag(struct codec *codec, struct lag_record *lag) {
  codec_u64(codec, "lag count", &lag->count, WIRE_MAX_COUNT);
  codec_u64(codec, "lag sum", &lag->sum, UINT64_MAX);
  codec_u64(codec, "lag low", &lag->low, lag->count > 0 ? WIRE_MAX_COUNT : UINT64_MAX);
  codec_u64(codec, "lag high", &lag->high, WIRE_MAX_COUNT);
  if (codec->writing) return;

  const bool empty = lag->sum == 0 && lag->low == UINT64_MAX && lag->high == 0;
  const bool within = lag->count > 0 && lag->sum / lag->count >= lag->low && lag->sum / lag->count <= lag->high;
  if (!within && !(lag->count == 0 && empty)) codec_refuse(codec, "lag sum is not between its low and its high");
}

// Whether the rows say which agent they are of.
static bool walk_agents_flag(struct codec *codec, struct transition_batch *batch) {
  bool agents = batch->agent;
  codec_bool(codec, "agents", &agents);
  if (agents && !batch->agent) codec_refuse(codec, "its rows name agents, but each environment has one");
  if (agents)
    codec_u64(codec, "transitions", &batch->transitions, WIRE_MAX_COUNT);
  else if (!codec->writing)
    batch->transitions = batch->steps;
  return agents;
}

static void walk_rows(struct codec *codec, struct transition_batch *batch, bool agents) {
  const size_t rows = batch->rows;
  codec_indices(codec, "environment", batch->environment, rows);
  if (agents)
    codec_indices(codec, "agent", batch->agent, rows);
  else if (batch->agent && !codec->writing)
    memset(batch->agent, 0, rows * sizeof *batch->agent);
  codec_versions(codec, "version", batch->version, rows);
  if (batch->episode_step) {
    codec_versions(codec, "episode_number", batch->episode_number, rows);
    codec_indices(codec, "episode_step", batch->episode_step, rows);
  }
  codec_floats(codec, "obs", batch->obs, rows * batch->obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "action", batch->action, rows * batch->act_dim, -1, 1);
  codec_floats(codec, "reward", batch->reward, rows, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "next_obs", batch->next_obs, rows * batch->obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "discount", batch->discount, rows, 0, 1);
}

static void walk_episode(struct codec *codec, struct episode_record *episode) {
  codec_u32(codec, "episode's environment", &episode->environment, UINT32_MAX);
  codec_u32(codec, "episode's length", &episode->length, UINT32_MAX);
  codec_u64(codec, "episode's number", &episode->episode, WIRE_MAX_COUNT);
  codec_return(codec, "episode's return", &episode->episode_return, episode->length);
  codec_u32(codec, "episode's agents", &episode->agents, WIRE_MAX_AGENTS);
}

static void walk_progress(struct codec *codec, struct environment_progress *progress) {
  codec_u32(codec, "environment's index", &progress->environment, UINT32_MAX);
  codec_u64(codec, "environment's steps", &progress->steps, WIRE_MAX_COUNT);
  codec_u64(codec, "environment's episode", &progress->episode, WIRE_MAX_COUNT);
}

static void walk_transitions(struct codec *codec, void *message) {
  struct transition_batch *batch = message;
  codec_known_u32(codec, "obs_dim", batch->obs_dim);
  codec_known_u32(codec, "act_dim", batch->act_dim);
  codec_u32(codec, "rows", &batch->rows, batch->capacity);
  codec_u32(codec, "episodes", &batch->episodes, batch->episode_capacity);
  codec_u32(codec, "environments", &batch->environments, batch->environment_capacity);
  codec_u64(codec, "steps", &batch->steps, WIRE_MAX_COUNT);
  const bool agents = walk_agents_flag(codec, batch);
  codec_known_u32(codec, "linked", batch->episode_step != NULL);
  walk_lag(codec, &batch->lag);
  codec_f64(codec, "blocked", &batch->blocked, 0, WIRE_MAX_SECONDS);
  codec_f64(codec, "longest_step", &batch->longest_step, 0, WIRE_MAX_SECONDS);
  // 32 bits of rows times 24 bits of bytes and the like: no overflow
  codec_rest(codec, batch->rows * row_bytes(batch, agents) + (uint64_t)batch->episodes * EPISODE_BYTES +
                        (uint64_t)batch->environments * PROGRESS_BYTES);
  if (codec->status) return;

  walk_rows(codec, batch, agents);
  for (uint32_t i = 0; i < batch->episodes; i++) walk_episode(codec, &batch->episode[i]);
  for (uint32_t i = 0; i < batch->environments; i++) walk_progress(codec, &batch->progress[i]);
}

enum status message_encode_transitions(struct buffer *out, uint32_t sender, const struct transition_batch *batch,
                                       struct error *error) {
  return codec_encode(out, MESSAGE_TRANSITIONS, sender, walk_transitions, batch, error);
}

enum status message_decode_transitions(const struct frame *frame, struct transition_batch *batch, struct error *error) {
  transition_batch_clear(batch);
  const enum status status = codec_decode(frame, MESSAGE_TRANSITIONS, walk_transitions, batch, error);
  if (status) batch->rows = batch->episodes = batch->environments = 0;
  return status;
}

// ---- SNAPSHOT and RESTORE

static void reserve_state(struct codec *codec, struct snapshot *snapshot, uint64_t size) {
  if (!codec->status) codec->status = buffer_reserve(&snapshot->state, size, codec->error);
  if (!codec->status) snapshot->state.size = size;
}

// An environment between two episodes is its counters alone; older checkpoints hold the state of the episode before, so
// RESTORE may have more.
static void check_snapshot(struct codec *codec, const struct snapshot *snapshot) {
  if (snapshot->agents == 1)
    codec_check_return(codec, "episode_return", snapshot->episode_return, snapshot->episode_length);
  if ((snapshot->agents == 1 && snapshot->window > snapshot->episode_length) ||
      snapshot->episode_length > snapshot->steps)
    codec_refuse(codec, "a window of %u in an episode of %u of %llu steps", snapshot->window, snapshot->episode_length,
                 (unsigned long long)snapshot->steps);
  for (uint32_t i = 0; i < snapshot->info_dim; i++)
    if (snapshot->info_count[i] > snapshot->episode_length)
      codec_refuse(codec, "named value %u has %llu numbers in an episode of %u steps", i,
                   (unsigned long long)snapshot->info_count[i], snapshot->episode_length);
  if (codec->type == MESSAGE_SNAPSHOT && !snapshot->live &&
      (snapshot->window > 0 || snapshot->info_dim > 0 || snapshot->state.size > 0 || snapshot->episode_length > 0))
    codec_refuse(codec, "it is between two episodes, but has steps of one");
}

enum { AGENT_BYTES = 1 + 8 + 4 + 4 };

// The windows stand one behind the other, and each belongs to its agent's own episode.
static void check_agents(struct codec *codec, const struct snapshot *snapshot, uint32_t window_capacity) {
  uint64_t window = 0;
  for (uint32_t j = 0; j < snapshot->agents; j++) {
    const uint32_t length = snapshot->agent_length[j];
    window += snapshot->agent_window[j];
    if (snapshot->agent_state[j] > (SNAPSHOT_PRESENT | SNAPSHOT_TOOK_PART) || length > snapshot->episode_length ||
        snapshot->agent_window[j] > length ||
        (snapshot->agent_window[j] > 0 && !(snapshot->agent_state[j] & SNAPSHOT_PRESENT)) ||
        snapshot->agent_window[j] > window_capacity)
      codec_refuse(codec, "agent %u: state %u and a window of %u in %u of %u steps", j, snapshot->agent_state[j],
                   snapshot->agent_window[j], length, snapshot->episode_length);
    codec_check_return(codec, "agent_return", snapshot->agent_return[j], snapshot->episode_length);
  }
  if (window != snapshot->window)
    codec_refuse(codec, "its agents' windows hold %llu of %u", (unsigned long long)window, snapshot->window);
}

static void walk_snapshot_agents(struct codec *codec, struct snapshot *snapshot, uint32_t window_capacity) {
  const size_t agents = snapshot->agents;
  codec_bytes(codec, "agent_state", snapshot->agent_state, agents);
  codec_doubles(codec, "agent_return", snapshot->agent_return, agents, -DBL_MAX, DBL_MAX);
  codec_indices(codec, "agent_length", snapshot->agent_length, agents);
  codec_indices(codec, "agent_window", snapshot->agent_window, agents);
  if (!codec->writing && !codec->status) check_agents(codec, snapshot, window_capacity);
}

static void walk_snapshot(struct codec *codec, struct snapshot *snapshot, uint32_t window_capacity) {
  const uint64_t act_dim = snapshot->act_dim;
  uint64_t state = snapshot->state.size;
  codec_known_u32(codec, "obs_dim", snapshot->obs_dim);
  codec_known_u32(codec, "act_dim", snapshot->act_dim);
  codec_u32(codec, "agents", &snapshot->agents, snapshot->agent_capacity);
  if (snapshot->agents == 0) codec_refuse(codec, "it has no agents");
  const uint64_t agents = snapshot->agents, obs_dim = snapshot->obs_dim;
  const uint64_t most = agents * window_capacity, extra = agents > 1 ? agents * AGENT_BYTES : 0;
  codec_u32(codec, "window", &snapshot->window, most < UINT32_MAX ? (uint32_t)most : UINT32_MAX);
  codec_u64(codec, "state size", &state, UINT64_MAX);
  codec_known_u32(codec, "history_dim", snapshot->history_dim);
  codec_u32(codec, "environment", &snapshot->environment, UINT32_MAX);
  codec_u64(codec, "steps", &snapshot->steps, WIRE_MAX_COUNT);
  codec_u64(codec, "episode", &snapshot->episode, WIRE_MAX_COUNT);
  codec_bool(codec, "live", &snapshot->live);
  codec_bool(codec, "exact", &snapshot->exact);
  codec_f64(codec, "episode_return", &snapshot->episode_return, -DBL_MAX, DBL_MAX);
  codec_u32(codec, "episode_length", &snapshot->episode_length, UINT32_MAX);
  codec_u32(codec, "info_dim", &snapshot->info_dim, WIRE_INFO);
  for (uint32_t i = 0; i < snapshot->info_dim; i++) {
    codec_u64(codec, "info_count", &snapshot->info_count[i], WIRE_MAX_COUNT);
    codec_f64(codec, "info_number", &snapshot->info_number[i], -DBL_MAX, DBL_MAX);
  }
  if (state > codec->left) // before the sum below, which would overflow
    codec_refuse(codec, "state size is %llu, %zu bytes are left", (unsigned long long)state, codec->left);
  const uint64_t history = agents * snapshot->history_dim;
  codec_rest(codec,
             4 * (agents * obs_dim + history) + snapshot->window * (4 * obs_dim + 4 * act_dim + 4 + 8) + extra + state);
  if (!codec->writing) reserve_state(codec, snapshot, state);
  if (codec->status) return;

  const size_t rows = snapshot->window;
  if (agents > 1) walk_snapshot_agents(codec, snapshot, window_capacity);
  codec_floats(codec, "obs", snapshot->obs, agents * obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "history", snapshot->history, history, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "window_obs", snapshot->window_obs, rows * obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "window_action", snapshot->window_action, rows * act_dim, -1, 1);
  codec_floats(codec, "window_reward", snapshot->window_reward, rows, -FLT_MAX, FLT_MAX);
  codec_versions(codec, "window_version", snapshot->window_version, rows);
  codec_bytes(codec, "state", snapshot->state.data, state);
  check_snapshot(codec, snapshot);
}

enum status message_encode_snapshot(struct buffer *out, enum message_type type, uint32_t sender,
                                    const struct snapshot *snapshot, struct error *error) {
  struct snapshot fields = *snapshot;
  struct codec codec = codec_write(out, type, sender, error);
  walk_snapshot(&codec, &fields, snapshot->window);
  return codec_end(&codec);
}

enum status message_decode_snapshot(const struct frame *frame, uint32_t window_capacity, struct snapshot *snapshot,
                                    struct error *error) {
  snapshot->state.size = 0;
  const enum message_type type = frame->type == MESSAGE_RESTORE ? MESSAGE_RESTORE : MESSAGE_SNAPSHOT;
  struct codec codec = codec_read(frame, type, error);
  walk_snapshot(&codec, snapshot, window_capacity);
  const enum status status = codec_end(&codec);
  if (status) snapshot->window = snapshot->info_dim = 0, snapshot->state.size = 0;
  return status;
}

// ---- STEP

static void walk_step(struct codec *codec, void *message) {
  struct message_step *step = message;
  const uint64_t obs_dim = step->obs_dim, act_dim = step->act_dim;
  codec_known_u32(codec, "obs_dim", step->obs_dim);
  codec_known_u32(codec, "act_dim", step->act_dim);
  codec_u64(codec, "number", &step->number, WIRE_MAX_COUNT);
  codec_u32(codec, "episode", &step->episode, UINT32_MAX);
  codec_u32(codec, "step", &step->step, UINT32_MAX);
  codec_u32(codec, "agent", &step->agent, WIRE_MAX_AGENTS - 1);
  codec_u32(codec, "flags", &step->flags, WIRE_FLAGS);
  codec_f64(codec, "reward", &step->reward, -DBL_MAX, DBL_MAX);
  codec_known_u32(codec, "info_dim", step->info_dim);
  for (uint32_t i = 0; i < step->info_dim; i++) codec_f64(codec, "info", &step->info[i], -DBL_MAX, DBL_MAX);
  codec_rest(codec, 4 * (2 * obs_dim + 3 * act_dim));
  codec_floats(codec, "obs", step->obs, obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "next_obs", step->next_obs, obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "action", step->action, act_dim, -1, 1);
  codec_floats(codec, "scaled", step->scaled, act_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "eps", step->eps, act_dim, -FLT_MAX, FLT_MAX);
}

enum status message_encode_step(struct buffer *out, uint32_t sender, const struct message_step *step,
                                struct error *error) {
  return codec_encode(out, MESSAGE_STEP, sender, walk_step, step, error);
}

enum status message_decode_step(const struct frame *frame, struct message_step *step, struct error *error) {
  return codec_decode(frame, MESSAGE_STEP, walk_step, step, error);
}

// ---- WEIGHTS

void codec_weights(struct codec *codec, void *policy_weights) {
  struct policy_weights *weights = policy_weights;
  uint64_t version = weights->version;
  bool normalize = weights->normalize;
  codec_u64(codec, "version", &version, WIRE_MAX_COUNT);
  codec_known_u32(codec, "obs_dim", weights->obs_dim);
  codec_known_u64(codec, "parameters", weights->parameters);
  codec_bool(codec, "normalize", &normalize);
  codec_rest(codec, 2ull * weights->obs_dim * sizeof(float) + (uint64_t)weights->parameters * sizeof(float));
  codec_floats(codec, "shift", weights->shift, weights->obs_dim, -FLT_MAX, FLT_MAX);
  codec_floats(codec, "scale", weights->scale, weights->obs_dim, 0, FLT_MAX);
  codec_floats(codec, "values", weights->values, weights->parameters, -FLT_MAX, FLT_MAX);
  if (codec->writing || codec->status) return;

  weights->version = version;
  weights->normalize = normalize;
}

enum status message_encode_weights(struct buffer *out, uint32_t sender, const struct policy_weights *weights,
                                   struct error *error) {
  return codec_encode(out, MESSAGE_WEIGHTS, sender, codec_weights, weights, error);
}

enum status message_decode_weights(const struct frame *frame, struct policy_weights *weights, struct error *error) {
  return codec_decode(frame, MESSAGE_WEIGHTS, codec_weights, weights, error);
}
