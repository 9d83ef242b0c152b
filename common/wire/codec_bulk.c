// Messages with arrays. A decoder reads the counts, holds them against the capacities and the bytes that are left, and
// only then copies.
#include "common/wire/codec_impl.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum status message_encode_hello(struct buffer *out, uint32_t sender, const struct message_hello *hello,
                                 struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_HELLO, sender, error);
  writer_text(&writer, hello->environment, sizeof hello->environment);
  writer_u32(&writer, hello->obs_dim);
  writer_u32(&writer, hello->act_dim);
  writer_u32(&writer, hello->max_episode_steps);
  writer_u32(&writer, hello->flags);
  writer_bool(&writer, hello->can_save);
  writer_u32(&writer, hello->info_dim);
  for (uint32_t i = 0; i < hello->info_dim; i++) writer_text(&writer, hello->info_name[i], sizeof hello->info_name[i]);
  writer_array(&writer, hello->action_low, hello->act_dim, sizeof *hello->action_low);
  writer_array(&writer, hello->action_high, hello->act_dim, sizeof *hello->action_high);
  return writer_end(&writer);
}

static bool is_word(const char *text) {
  return text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

// As an actor's own checks of its environment leave them (actor/environment.c).
static void check_hello(struct reader *reader, const struct message_hello *hello) {
  for (uint32_t i = 0; i < hello->act_dim && !reader->status; i++)
    if (!(hello->action_low[i] < hello->action_high[i]) || !isfinite(hello->action_high[i] - hello->action_low[i]))
      reader_fail(reader, "action %u is in [%g, %g]", i, hello->action_low[i], hello->action_high[i]);
  for (uint32_t i = 0; i < hello->info_dim; i++) {
    if (!is_word(hello->info_name[i])) reader_fail(reader, "info_name %u is no name", i);
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(hello->info_name[i], hello->info_name[k]) == 0) reader_fail(reader, "info_name %u is there twice", i);
  }
}

enum status message_decode_hello(const struct frame *frame, struct message_hello *hello, struct error *error) {
  message_hello_release(hello);
  struct reader reader = reader_begin(frame, MESSAGE_HELLO, error);
  reader_text(&reader, "environment", hello->environment, sizeof hello->environment);
  hello->obs_dim = reader_u32(&reader, "obs_dim", WIRE_MAX_DIM);
  hello->act_dim = reader_u32(&reader, "act_dim", WIRE_MAX_DIM);
  hello->max_episode_steps = reader_u32(&reader, "max_episode_steps", UINT32_MAX);
  hello->flags = reader_u32(&reader, "flags", UINT32_MAX);
  hello->can_save = reader_bool(&reader, "can_save");
  hello->info_dim = reader_u32(&reader, "info_dim", WIRE_INFO);
  for (uint32_t i = 0; i < hello->info_dim; i++) {
    char *name = hello->info_name[i]; // a column of metrics.csv
    reader_text(&reader, "info_name", name, sizeof hello->info_name[i]);
    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
      reader_fail(&reader, "info_name is \"%s\", not of a-z, 0-9 and _", name);
  }
  if (hello->obs_dim == 0 || hello->act_dim == 0) reader_fail(&reader, "a dimension is 0");
  reader_rest(&reader, 2ull * hello->act_dim * sizeof *hello->action_low);
  if (reader.status) goto fail;
  hello->action_low = memory_alloc(hello->act_dim, sizeof *hello->action_low, "action bounds", error);
  hello->action_high = memory_alloc(hello->act_dim, sizeof *hello->action_high, "action bounds", error);
  if (!hello->action_low || !hello->action_high) {
    reader.status = STATUS_MEMORY;
    goto fail;
  }
  reader_doubles(&reader, "action_low", hello->action_low, hello->act_dim, -DBL_MAX, DBL_MAX);
  reader_doubles(&reader, "action_high", hello->action_high, hello->act_dim, -DBL_MAX, DBL_MAX);
  check_hello(&reader, hello);
  if (reader_end(&reader) == STATUS_OK) return STATUS_OK;
fail:
  message_hello_release(hello);
  return reader.status;
}

// ---- transitions

enum { EPISODE_BYTES = 4 + 4 + 8 + 8, PROGRESS_BYTES = 4 + 8 + 8 };

static uint64_t row_bytes(uint32_t obs_dim, uint32_t act_dim) {
  return 4 + 8 + 4 * (2 * (uint64_t)obs_dim + act_dim + 2);
}

enum status message_encode_transitions(struct buffer *out, uint32_t sender, const struct transition_batch *batch,
                                       struct error *error) {
  size_t rows = batch->rows;
  struct writer writer = writer_begin(out, MESSAGE_TRANSITIONS, sender, error);
  writer_u32(&writer, batch->obs_dim);
  writer_u32(&writer, batch->act_dim);
  writer_u32(&writer, batch->rows);
  writer_u32(&writer, batch->episodes);
  writer_u32(&writer, batch->environments);
  writer_u64(&writer, batch->steps);
  writer_u64(&writer, batch->lag.count);
  writer_u64(&writer, batch->lag.sum);
  writer_u64(&writer, batch->lag.low);
  writer_u64(&writer, batch->lag.high);
  writer_f64(&writer, batch->blocked);
  writer_f64(&writer, batch->longest_step);
  writer_array(&writer, batch->environment, rows, sizeof *batch->environment);
  writer_array(&writer, batch->version, rows, sizeof *batch->version);
  writer_array(&writer, batch->obs, rows * batch->obs_dim, sizeof *batch->obs);
  writer_array(&writer, batch->action, rows * batch->act_dim, sizeof *batch->action);
  writer_array(&writer, batch->reward, rows, sizeof *batch->reward);
  writer_array(&writer, batch->next_obs, rows * batch->obs_dim, sizeof *batch->next_obs);
  writer_array(&writer, batch->discount, rows, sizeof *batch->discount);
  for (uint32_t i = 0; i < batch->episodes; i++) {
    writer_u32(&writer, batch->episode[i].environment);
    writer_u32(&writer, batch->episode[i].length);
    writer_u64(&writer, batch->episode[i].episode);
    writer_f64(&writer, batch->episode[i].episode_return);
  }
  for (uint32_t i = 0; i < batch->environments; i++) {
    writer_u32(&writer, batch->progress[i].environment);
    writer_u64(&writer, batch->progress[i].steps);
    writer_u64(&writer, batch->progress[i].episode);
  }
  return writer_end(&writer);
}

static struct lag_record reader_lag(struct reader *reader) {
  struct lag_record lag = {.count = reader_u64(reader, "lag count", WIRE_MAX_COUNT)};
  lag.sum = reader_u64(reader, "lag sum", UINT64_MAX);
  lag.low = reader_u64(reader, "lag low", lag.count > 0 ? WIRE_MAX_COUNT : UINT64_MAX);
  lag.high = reader_u64(reader, "lag high", WIRE_MAX_COUNT);
  const bool empty = lag.sum == 0 && lag.low == UINT64_MAX && lag.high == 0;
  const bool within = lag.count > 0 && lag.sum / lag.count >= lag.low && lag.sum / lag.count <= lag.high;
  if (!within && !(lag.count == 0 && empty)) reader_fail(reader, "lag sum is not between its low and its high");
  return lag;
}

static void reader_rows(struct reader *reader, struct transition_batch *batch) {
  size_t rows = batch->rows;
  reader_indices(reader, "environment", batch->environment, rows);
  reader_versions(reader, "version", batch->version, rows);
  reader_floats(reader, "obs", batch->obs, rows * batch->obs_dim, -FLT_MAX, FLT_MAX);
  reader_floats(reader, "action", batch->action, rows * batch->act_dim, -1, 1);
  reader_floats(reader, "reward", batch->reward, rows, -FLT_MAX, FLT_MAX);
  reader_floats(reader, "next_obs", batch->next_obs, rows * batch->obs_dim, -FLT_MAX, FLT_MAX);
  reader_floats(reader, "discount", batch->discount, rows, 0, 1);
}

enum status message_decode_transitions(const struct frame *frame, struct transition_batch *batch, struct error *error) {
  transition_batch_clear(batch);
  batch->environments = 0;
  struct reader reader = reader_begin(frame, MESSAGE_TRANSITIONS, error);
  reader_dimension(&reader, "obs_dim", reader_u32(&reader, "obs_dim", UINT32_MAX), batch->obs_dim);
  reader_dimension(&reader, "act_dim", reader_u32(&reader, "act_dim", UINT32_MAX), batch->act_dim);
  uint32_t rows = reader_u32(&reader, "rows", batch->capacity);
  uint32_t episodes = reader_u32(&reader, "episodes", batch->episode_capacity);
  uint32_t environments = reader_u32(&reader, "environments", batch->environment_capacity);
  uint64_t steps = reader_u64(&reader, "steps", WIRE_MAX_COUNT);
  const struct lag_record lag = reader_lag(&reader);
  double blocked = reader_f64(&reader, "blocked", 0, WIRE_MAX_SECONDS);
  double longest_step = reader_f64(&reader, "longest_step", 0, WIRE_MAX_SECONDS);
  // 32 bits of rows times 24 bits of bytes and the like: no overflow
  reader_rest(&reader, rows * row_bytes(batch->obs_dim, batch->act_dim) + (uint64_t)episodes * EPISODE_BYTES +
                           (uint64_t)environments * PROGRESS_BYTES);
  if (reader.status) return reader.status;

  batch->rows = rows;
  batch->episodes = episodes;
  batch->environments = environments;
  batch->steps = steps;
  batch->lag = lag;
  batch->blocked = blocked;
  batch->longest_step = longest_step;
  reader_rows(&reader, batch);
  for (uint32_t i = 0; i < episodes; i++) {
    batch->episode[i].environment = reader_u32(&reader, "episode's environment", UINT32_MAX);
    batch->episode[i].length = reader_u32(&reader, "episode's length", UINT32_MAX);
    batch->episode[i].episode = reader_u64(&reader, "episode's number", WIRE_MAX_COUNT);
    batch->episode[i].episode_return = reader_return(&reader, "episode's return", batch->episode[i].length);
  }
  for (uint32_t i = 0; i < environments; i++) {
    batch->progress[i].environment = reader_u32(&reader, "environment's index", UINT32_MAX);
    batch->progress[i].steps = reader_u64(&reader, "environment's steps", WIRE_MAX_COUNT);
    batch->progress[i].episode = reader_u64(&reader, "environment's episode", WIRE_MAX_COUNT);
  }
  const enum status status = reader_end(&reader);
  if (status) batch->rows = batch->episodes = batch->environments = 0;
  return status;
}

// ---- snapshots

enum status message_encode_snapshot(struct buffer *out, enum message_type type, uint32_t sender,
                                    const struct snapshot *snapshot, struct error *error) {
  size_t rows = snapshot->window;
  struct writer writer = writer_begin(out, type, sender, error);
  writer_u32(&writer, snapshot->obs_dim);
  writer_u32(&writer, snapshot->act_dim);
  writer_u32(&writer, snapshot->window);
  writer_u64(&writer, snapshot->state.size);
  writer_u32(&writer, snapshot->environment);
  writer_u64(&writer, snapshot->steps);
  writer_u64(&writer, snapshot->episode);
  writer_bool(&writer, snapshot->live);
  writer_bool(&writer, snapshot->exact);
  writer_f64(&writer, snapshot->episode_return);
  writer_u32(&writer, snapshot->episode_length);
  writer_array(&writer, snapshot->obs, snapshot->obs_dim, sizeof *snapshot->obs);
  writer_array(&writer, snapshot->window_obs, rows * snapshot->obs_dim, sizeof *snapshot->window_obs);
  writer_array(&writer, snapshot->window_action, rows * snapshot->act_dim, sizeof *snapshot->window_action);
  writer_array(&writer, snapshot->window_reward, rows, sizeof *snapshot->window_reward);
  writer_array(&writer, snapshot->window_version, rows, sizeof *snapshot->window_version);
  writer_array(&writer, snapshot->state.data, snapshot->state.size, 1);
  return writer_end(&writer);
}

// An environment between two episodes is its counters alone; checkpoints have kept the state of the one before.
static void check_snapshot(struct reader *reader, enum message_type type, const struct snapshot *snapshot) {
  reader_check_return(reader, "episode_return", snapshot->episode_return, snapshot->episode_length);
  if (snapshot->window > snapshot->episode_length || snapshot->episode_length > snapshot->steps)
    reader_fail(reader, "a window of %u in an episode of %u of %llu steps", snapshot->window, snapshot->episode_length,
                (unsigned long long)snapshot->steps);
  if (type == MESSAGE_SNAPSHOT && !snapshot->live &&
      (snapshot->window > 0 || snapshot->state.size > 0 || snapshot->episode_length > 0))
    reader_fail(reader, "it is between two episodes, but has steps of one");
}

enum status message_decode_snapshot(const struct frame *frame, uint32_t window_capacity, struct snapshot *snapshot,
                                    struct error *error) {
  snapshot->window = 0;
  snapshot->state.size = 0;
  uint64_t obs_dim = snapshot->obs_dim, act_dim = snapshot->act_dim;
  enum message_type type = frame->type == MESSAGE_RESTORE ? MESSAGE_RESTORE : MESSAGE_SNAPSHOT;
  struct reader reader = reader_begin(frame, type, error);
  reader_dimension(&reader, "obs_dim", reader_u32(&reader, "obs_dim", UINT32_MAX), obs_dim);
  reader_dimension(&reader, "act_dim", reader_u32(&reader, "act_dim", UINT32_MAX), act_dim);
  uint32_t window = reader_u32(&reader, "window", window_capacity);
  uint64_t state = reader_u64(&reader, "state size", UINT64_MAX);
  snapshot->environment = reader_u32(&reader, "environment", UINT32_MAX);
  snapshot->steps = reader_u64(&reader, "steps", WIRE_MAX_COUNT);
  snapshot->episode = reader_u64(&reader, "episode", WIRE_MAX_COUNT);
  snapshot->live = reader_bool(&reader, "live");
  snapshot->exact = reader_bool(&reader, "exact");
  snapshot->episode_return = reader_f64(&reader, "episode_return", -DBL_MAX, DBL_MAX);
  snapshot->episode_length = reader_u32(&reader, "episode_length", UINT32_MAX);
  if (state > reader.left)
    reader_fail(&reader, "state size is %llu, %zu bytes are left", (unsigned long long)state, reader.left);
  reader_rest(&reader, 4 * obs_dim + window * (4 * obs_dim + 4 * act_dim + 4 + 8) + state);
  if (!reader.status) reader.status = buffer_reserve(&snapshot->state, state, error);
  if (reader.status) return reader.status;

  snapshot->window = window;
  snapshot->state.size = state;
  size_t rows = window;
  reader_floats(&reader, "obs", snapshot->obs, obs_dim, -FLT_MAX, FLT_MAX);
  reader_floats(&reader, "window_obs", snapshot->window_obs, rows * obs_dim, -FLT_MAX, FLT_MAX);
  reader_floats(&reader, "window_action", snapshot->window_action, rows * act_dim, -1, 1);
  reader_floats(&reader, "window_reward", snapshot->window_reward, rows, -FLT_MAX, FLT_MAX);
  reader_versions(&reader, "window_version", snapshot->window_version, rows);
  reader_bytes(&reader, "state", snapshot->state.data, state);
  check_snapshot(&reader, type, snapshot);
  const enum status status = reader_end(&reader);
  if (status) snapshot->window = 0, snapshot->state.size = 0;
  return status;
}

// ---- weights

void writer_weights(struct writer *writer, const struct policy_weights *weights) {
  writer_u64(writer, weights->version);
  writer_u32(writer, weights->obs_dim);
  writer_u64(writer, weights->parameters);
  writer_bool(writer, weights->normalize);
  writer_array(writer, weights->shift, weights->obs_dim, sizeof *weights->shift);
  writer_array(writer, weights->scale, weights->obs_dim, sizeof *weights->scale);
  writer_array(writer, weights->values, weights->parameters, sizeof *weights->values);
}

// On failure version and normalize stay, and where the shape is another one the numbers too.
void reader_weights(struct reader *reader, struct policy_weights *weights) {
  uint64_t version = reader_u64(reader, "version", WIRE_MAX_COUNT);
  reader_dimension(reader, "obs_dim", reader_u32(reader, "obs_dim", UINT32_MAX), weights->obs_dim);
  reader_dimension(reader, "parameters", reader_u64(reader, "parameters", UINT64_MAX), weights->parameters);
  bool normalize = reader_bool(reader, "normalize");
  reader_rest(reader, 2ull * weights->obs_dim * sizeof(float) + (uint64_t)weights->parameters * sizeof(float));
  if (reader->status) return;
  reader_floats(reader, "shift", weights->shift, weights->obs_dim, -FLT_MAX, FLT_MAX);
  reader_floats(reader, "scale", weights->scale, weights->obs_dim, 0, FLT_MAX);
  reader_floats(reader, "values", weights->values, weights->parameters, -FLT_MAX, FLT_MAX);
  if (reader->status) return;
  weights->version = version;
  weights->normalize = normalize;
}

enum status message_encode_weights(struct buffer *out, uint32_t sender, const struct policy_weights *weights,
                                   struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_WEIGHTS, sender, error);
  writer_weights(&writer, weights);
  return writer_end(&writer);
}

enum status message_decode_weights(const struct frame *frame, struct policy_weights *weights, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_WEIGHTS, error);
  reader_weights(&reader, weights);
  return reader_end(&reader);
}
