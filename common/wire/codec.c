#include "common/wire/codec_impl.h"
#include "common/base/printable.h"
#include "common/base/vectorize.h"
#include <assert.h>
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const uint8_t magic[4] = {'C', 'R', 'S', 'C'};
enum { PAYLOAD_SIZE_AT = FRAME_HEADER - 8 };

const char *message_type_name(enum message_type type) {
  static const char *const names[MESSAGE_TYPES] = {
      [MESSAGE_HELLO] = "HELLO",
      [MESSAGE_FAILED] = "FAILED",
      [MESSAGE_TRANSITIONS] = "TRANSITIONS",
      [MESSAGE_ROUND_END] = "ROUND_END",
      [MESSAGE_WEIGHTS_TAKEN] = "WEIGHTS_TAKEN",
      [MESSAGE_SNAPSHOT] = "SNAPSHOT",
      [MESSAGE_EPISODE] = "EPISODE",
      [MESSAGE_ENV_FAILURE] = "INCIDENT",
      [MESSAGE_INFO] = "INFO",
      [MESSAGE_STOP_REQUEST] = "STOP_REQUEST",
      [MESSAGE_BYE] = "BYE",
      [MESSAGE_START] = "START",
      [MESSAGE_CREDIT] = "CREDIT",
      [MESSAGE_ROUND] = "ROUND",
      [MESSAGE_WEIGHTS] = "WEIGHTS",
      [MESSAGE_RESTORE] = "RESTORE",
      [MESSAGE_EVALUATE] = "EVALUATE",
      [MESSAGE_SNAPSHOT_REQUEST] = "SNAPSHOT_REQUEST",
      [MESSAGE_STOP] = "STOP",
      [MESSAGE_HEARTBEAT] = "HEARTBEAT",
  };
  return (unsigned)type < MESSAGE_TYPES && names[type] ? names[type] : "unknown";
}

// The wire is little-endian; hosts that are not turn each number round.
static void copy_numbers(void *to, const void *from, size_t count, size_t width) {
  if (count == 0) return; // memcpy must not see the NULL of an empty array
  if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ || width == 1) {
    memcpy(to, from, count * width);
    return;
  }
  uint8_t *out = to;
  const uint8_t *in = from;
  for (size_t i = 0; i < count * width; i += width) {
    for (size_t byte = 0; byte < width; byte++) out[i + byte] = in[i + width - 1 - byte];
  }
}

// ---- writing

struct writer writer_begin(struct buffer *out, enum message_type type, uint32_t sender, struct error *error) {
  struct writer writer = {.out = out, .message = message_type_name(type), .error = error};
  uint16_t head[2] = {WIRE_VERSION, (uint16_t)type};
  out->size = 0;
  writer_array(&writer, magic, sizeof magic, 1);
  writer_array(&writer, head, 2, sizeof *head);
  writer_u32(&writer, sender);
  writer_u64(&writer, 0); // the payload's size is known at the end
  return writer;
}

enum status writer_end(struct writer *writer) {
  struct buffer *out = writer->out;
  if (writer->status) {
    out->size = 0;
    return writer->status;
  }
  uint64_t payload = out->size - FRAME_HEADER;
  copy_numbers(out->data + PAYLOAD_SIZE_AT, &payload, 1, sizeof payload);
  return STATUS_OK;
}

void writer_array(struct writer *writer, const void *numbers, size_t count, size_t width) {
  struct buffer *out = writer->out;
  if (writer->status) return;
  size_t size = count * width, total = out->size + size; // an array in memory: no overflow
  if (total > WIRE_MAX_MESSAGE) {
    writer->status =
        error_set(writer->error, STATUS_FAILED, "a %s message would exceed %zu bytes, the most that one may have",
                  writer->message, WIRE_MAX_MESSAGE);
    return;
  }
  if (total > out->capacity) writer->status = buffer_reserve(out, total, writer->error);
  if (writer->status) return;
  copy_numbers(out->data + out->size, numbers, count, width);
  out->size = total;
}

void writer_u32(struct writer *writer, uint32_t value) { writer_array(writer, &value, 1, sizeof value); }
void writer_u64(struct writer *writer, uint64_t value) { writer_array(writer, &value, 1, sizeof value); }
void writer_f64(struct writer *writer, double value) { writer_array(writer, &value, 1, sizeof value); }
void writer_bool(struct writer *writer, bool value) { writer_array(writer, &(uint8_t){value}, 1, 1); }

void writer_text(struct writer *writer, const char *text, size_t capacity) {
  size_t length = strnlen(text, capacity - 1);
  writer_u32(writer, (uint32_t)length);
  writer_array(writer, text, length, 1);
}

// ---- reading

struct reader reader_begin(const struct frame *frame, enum message_type type, struct error *error) {
  struct reader reader = {
      .at = frame->payload, .left = frame->size, .message = message_type_name(type), .error = error};
  if (frame->type != type) reader_fail(&reader, "the message is %s", message_type_name(frame->type));
  return reader;
}

enum status reader_end(struct reader *reader) {
  if (!reader->status && reader->left) reader_fail(reader, "%zu bytes after its last field", reader->left);
  return reader->status;
}

void reader_fail(struct reader *reader, const char *format, ...) {
  if (reader->status) return;
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  reader->status = error_set(reader->error, STATUS_FORMAT, "a %s message is damaged: %s", reader->message, text);
}

// Numbers as they are; every caller below holds them against a range.
static void read_numbers(struct reader *reader, const char *field, void *numbers, size_t count, size_t width) {
  if (reader->status) return;
  if (count > reader->left / width) {
    reader_fail(reader, "%s wants %zu numbers of %zu bytes, %zu bytes are left", field, count, width, reader->left);
    return;
  }
  copy_numbers(numbers, reader->at, count, width);
  reader->at += count * width;
  reader->left -= count * width;
}

void reader_bytes(struct reader *reader, const char *field, void *bytes, size_t count) {
  read_numbers(reader, field, bytes, count, 1);
}

uint32_t reader_u32(struct reader *reader, const char *field, uint32_t most) {
  uint32_t value = 0;
  read_numbers(reader, field, &value, 1, sizeof value);
  if (value <= most) return value;
  reader_fail(reader, "%s is %u, at most %u fit", field, value, most);
  return 0;
}

uint64_t reader_u64(struct reader *reader, const char *field, uint64_t most) {
  uint64_t value = 0;
  read_numbers(reader, field, &value, 1, sizeof value);
  if (value <= most) return value;
  reader_fail(reader, "%s is %llu, at most %llu can be", field, (unsigned long long)value, (unsigned long long)most);
  return 0;
}

double reader_f64(struct reader *reader, const char *field, double low, double high) {
  double value = 0;
  reader_doubles(reader, field, &value, 1, low, high);
  return value;
}

bool reader_bool(struct reader *reader, const char *field) {
  uint8_t value = 0;
  reader_bytes(reader, field, &value, 1);
  if (value > 1) reader_fail(reader, "%s is %u, not 0 or 1", field, value);
  return value == 1;
}

void reader_indices(struct reader *reader, const char *field, uint32_t *numbers, size_t count) {
  read_numbers(reader, field, numbers, count, sizeof *numbers);
}

void reader_versions(struct reader *reader, const char *field, uint64_t *numbers, size_t count) {
  read_numbers(reader, field, numbers, count, sizeof *numbers);
}

VECTORIZE static bool are_within(const float *numbers, size_t count, float low, float high) {
  int outside = 0;
  for (size_t i = 0; i < count; i++) outside |= !(numbers[i] >= low) | !(numbers[i] <= high);
  return !outside;
}

static void fail_range(struct reader *reader, const char *field, double value, double low, double high) {
  reader_fail(reader, "%s is %g, not a number from %g to %g", field, value, low, high);
}

void reader_floats(struct reader *reader, const char *field, float *numbers, size_t count, float low, float high) {
  read_numbers(reader, field, numbers, count, sizeof *numbers);
  if (reader->status || are_within(numbers, count, low, high)) return;
  size_t i = 0;
  while (are_within(numbers + i, 1, low, high)) i++;
  fail_range(reader, field, (double)numbers[i], (double)low, (double)high);
}

void reader_doubles(struct reader *reader, const char *field, double *numbers, size_t count, double low, double high) {
  read_numbers(reader, field, numbers, count, sizeof *numbers);
  for (size_t i = 0; i < count && !reader->status; i++)
    if (!(numbers[i] >= low && numbers[i] <= high)) fail_range(reader, field, numbers[i], low, high);
}

void reader_check_return(struct reader *reader, const char *field, double value, uint32_t length) {
  const double most = 1.000001 * (double)FLT_MAX * length; // what rounds to a float may be that much larger
  if (!(value >= -most && value <= most)) fail_range(reader, field, value, -most, most);
}

double reader_return(struct reader *reader, const char *field, uint32_t length) {
  const double value = reader_f64(reader, field, -DBL_MAX, DBL_MAX);
  reader_check_return(reader, field, value, length);
  return value;
}

// A sender may cut a text in the middle of a character, or be hostile: what is kept is printable.
void reader_text(struct reader *reader, const char *field, char *text, size_t capacity) {
  enum { MOST = 1024 };
  char raw[MOST] = "";
  assert(capacity <= MOST);
  const uint32_t length = reader_u32(reader, field, (uint32_t)(capacity - 1));
  reader_bytes(reader, field, raw, length);
  if (!reader->status && length && memchr(raw, 0, length)) reader_fail(reader, "%s has a NUL inside", field);
  raw[reader->status ? 0 : length] = 0;
  printable_copy(text, capacity, raw);
}

void reader_dimension(struct reader *reader, const char *field, uint64_t found, uint64_t expected) {
  if (found != expected) {
    reader_fail(reader, "%s is %llu, expected %llu", field, (unsigned long long)found, (unsigned long long)expected);
  }
}

void reader_rest(struct reader *reader, uint64_t bytes) {
  if (reader->left != bytes) {
    reader_fail(reader, "its counts call for %llu more bytes, %zu are left", (unsigned long long)bytes, reader->left);
  }
}

enum status frame_decode(const uint8_t *bytes, size_t size, struct frame *frame, struct error *error) {
  *frame = (struct frame){0};
  if (size < FRAME_HEADER || size > WIRE_MAX_MESSAGE) {
    return error_set(error, STATUS_FORMAT, "a message of %zu bytes, expected %d to %zu", size, FRAME_HEADER,
                     WIRE_MAX_MESSAGE);
  }
  if (memcmp(bytes, magic, sizeof magic)) {
    return error_set(error, STATUS_FORMAT, "a message begins with %02x %02x %02x %02x, not with CRSC", bytes[0],
                     bytes[1], bytes[2], bytes[3]);
  }
  struct reader reader = {.at = bytes + sizeof magic, .left = size - sizeof magic, .message = "frame", .error = error};
  uint16_t head[2] = {0};
  read_numbers(&reader, "version and type", head, 2, sizeof *head);
  uint32_t sender = reader_u32(&reader, "sender", UINT32_MAX);
  uint64_t payload = reader_u64(&reader, "payload size", UINT64_MAX);
  assert(!reader.status); // the size was checked above
  if (head[0] != WIRE_VERSION) {
    return error_set(error, STATUS_FORMAT, "a message of wire version %u from sender %u, this program speaks %d",
                     head[0], sender, WIRE_VERSION);
  }
  if (head[1] == 0 || head[1] >= MESSAGE_TYPES) {
    return error_set(error, STATUS_FORMAT, "a message of unknown type %u from sender %u", head[1], sender);
  }
  if (payload != reader.left) {
    return error_set(error, STATUS_FORMAT, "a %s message from sender %u announces %llu payload bytes and has %zu",
                     message_type_name(head[1]), sender, (unsigned long long)payload, reader.left);
  }
  *frame = (struct frame){.type = head[1], .sender = sender, .rank = sender, .payload = reader.at, .size = reader.left};
  return STATUS_OK;
}

// ---- messages without arrays

enum status message_encode_empty(struct buffer *out, enum message_type type, uint32_t sender, struct error *error) {
  struct writer writer = writer_begin(out, type, sender, error);
  return writer_end(&writer);
}

enum status message_decode_empty(const struct frame *frame, struct error *error) {
  struct reader reader = reader_begin(frame, frame->type, error);
  return reader_end(&reader);
}

enum status message_encode_failed(struct buffer *out, uint32_t sender, const struct error *failure,
                                  struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_FAILED, sender, error);
  writer_u32(&writer,
             failure->status ? (uint32_t)failure->status : STATUS_FAILED); // saying so is a failure in any case
  writer_text(&writer, failure->text, sizeof failure->text);
  return writer_end(&writer);
}

enum status message_decode_failed(const struct frame *frame, struct message_failed *failed, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_FAILED, error);
  failed->status = reader_u32(&reader, "status", STATUS_PEER);
  if (failed->status == STATUS_OK) reader_fail(&reader, "status is ok");
  reader_text(&reader, "text", failed->text, sizeof failed->text);
  return reader_end(&reader);
}

enum status message_encode_credit(struct buffer *out, uint32_t sender, const struct message_credit *credit,
                                  struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_CREDIT, sender, error);
  writer_u32(&writer, credit->batches);
  writer_u64(&writer, credit->newest_version);
  return writer_end(&writer);
}

enum status message_decode_credit(const struct frame *frame, struct message_credit *credit, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_CREDIT, error);
  credit->batches = reader_u32(&reader, "batches", WIRE_MAX_CREDITS);
  credit->newest_version = reader_u64(&reader, "newest_version", WIRE_MAX_COUNT);
  enum status status = reader_end(&reader);
  if (status) credit->batches = 0;
  return status;
}

enum status message_encode_round(struct buffer *out, uint32_t sender, const struct message_round *round,
                                 struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_ROUND, sender, error);
  writer_u64(&writer, round->round);
  writer_u64(&writer, round->version);
  return writer_end(&writer);
}

enum status message_decode_round(const struct frame *frame, struct message_round *round, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_ROUND, error);
  round->round = reader_u64(&reader, "round", WIRE_MAX_COUNT);
  round->version = reader_u64(&reader, "version", WIRE_MAX_COUNT);
  return reader_end(&reader);
}

enum status message_encode_bye(struct buffer *out, uint32_t sender, const struct message_bye *bye,
                               struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_BYE, sender, error);
  writer_u64(&writer, bye->unsent);
  return writer_end(&writer);
}

enum status message_decode_bye(const struct frame *frame, struct message_bye *bye, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_BYE, error);
  bye->unsent = reader_u64(&reader, "unsent", WIRE_MAX_COUNT);
  return reader_end(&reader);
}

enum status message_encode_round_end(struct buffer *out, uint32_t sender, const struct message_round_end *end,
                                     struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_ROUND_END, sender, error);
  writer_u64(&writer, end->round);
  return writer_end(&writer);
}

enum status message_decode_round_end(const struct frame *frame, struct message_round_end *end, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_ROUND_END, error);
  end->round = reader_u64(&reader, "round", WIRE_MAX_COUNT);
  return reader_end(&reader);
}

enum status message_encode_evaluate(struct buffer *out, uint32_t sender, const struct message_evaluate *evaluate,
                                    const struct policy_weights *weights, struct error *error) {
  assert(evaluate->stride > 0);
  struct writer writer = writer_begin(out, MESSAGE_EVALUATE, sender, error);
  writer_u64(&writer, evaluate->number);
  writer_u32(&writer, evaluate->first);
  writer_u32(&writer, evaluate->stride);
  writer_u32(&writer, evaluate->count);
  writer_weights(&writer, weights);
  return writer_end(&writer);
}

enum status message_decode_evaluate(const struct frame *frame, struct message_evaluate *evaluate,
                                    struct policy_weights *weights, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_EVALUATE, error);
  evaluate->number = reader_u64(&reader, "number", WIRE_MAX_COUNT);
  evaluate->first = reader_u32(&reader, "first", UINT32_MAX);
  evaluate->stride = reader_u32(&reader, "stride", UINT32_MAX);
  evaluate->count = reader_u32(&reader, "count", UINT32_MAX);
  if (evaluate->stride == 0) reader_fail(&reader, "stride is 0");
  reader_weights(&reader, weights);
  enum status status = reader_end(&reader);
  if (status) evaluate->count = 0;
  return status;
}

enum status message_encode_episode(struct buffer *out, uint32_t sender, const struct message_episode *episode,
                                   struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_EPISODE, sender, error);
  writer_u64(&writer, episode->number);
  writer_u32(&writer, episode->episode);
  writer_u32(&writer, episode->length);
  writer_f64(&writer, episode->episode_return);
  writer_bool(&writer, episode->failed);
  writer_u32(&writer, episode->cut);
  return writer_end(&writer);
}

enum status message_decode_episode(const struct frame *frame, struct message_episode *episode, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_EPISODE, error);
  episode->number = reader_u64(&reader, "number", WIRE_MAX_COUNT);
  episode->episode = reader_u32(&reader, "episode", UINT32_MAX);
  episode->length = reader_u32(&reader, "length", UINT32_MAX);
  episode->episode_return = reader_return(&reader, "episode_return", episode->length);
  episode->failed = reader_bool(&reader, "failed");
  episode->cut = reader_u32(&reader, "cut", EPISODE_NOT_BEGUN);
  return reader_end(&reader);
}

enum status message_encode_env_failure(struct buffer *out, uint32_t sender,
                                       const struct message_env_failure *env_failure, struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_ENV_FAILURE, sender, error);
  writer_u32(&writer, env_failure->environment);
  writer_bool(&writer, env_failure->evaluation);
  writer_u32(&writer, env_failure->in_a_row);
  writer_f64(&writer, env_failure->pause);
  writer_text(&writer, env_failure->text, sizeof env_failure->text);
  return writer_end(&writer);
}

enum status message_decode_env_failure(const struct frame *frame, struct message_env_failure *env_failure,
                                       struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_ENV_FAILURE, error);
  env_failure->environment = reader_u32(&reader, "environment", UINT32_MAX);
  env_failure->evaluation = reader_bool(&reader, "evaluation");
  env_failure->in_a_row = reader_u32(&reader, "in_a_row", UINT32_MAX);
  env_failure->pause = reader_f64(&reader, "pause", 0, WIRE_MAX_SECONDS);
  reader_text(&reader, "text", env_failure->text, sizeof env_failure->text);
  return reader_end(&reader);
}

enum status message_encode_info(struct buffer *out, uint32_t sender, const struct message_info *info,
                                struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_INFO, sender, error);
  writer_u32(&writer, info->environment);
  writer_u32(&writer, info->info_dim);
  for (uint32_t i = 0; i < info->info_dim; i++) {
    writer_u64(&writer, info->count[i]);
    writer_f64(&writer, info->sum[i]);
  }
  return writer_end(&writer);
}

enum status message_decode_info(const struct frame *frame, struct message_info *info, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_INFO, error);
  info->environment = reader_u32(&reader, "environment", UINT32_MAX);
  info->info_dim = reader_u32(&reader, "info_dim", WIRE_INFO);
  for (uint32_t i = 0; i < info->info_dim; i++) {
    info->count[i] = reader_u64(&reader, "count", WIRE_MAX_COUNT);
    info->sum[i] = reader_f64(&reader, "sum", -DBL_MAX, DBL_MAX);
  }
  const enum status status = reader_end(&reader);
  if (status) info->info_dim = 0;
  return status;
}

enum status message_encode_stop(struct buffer *out, uint32_t sender, const struct message_stop *stop,
                                struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_STOP, sender, error);
  writer_u32(&writer, stop->exit_code);
  writer_bool(&writer, stop->together);
  return writer_end(&writer);
}

enum status message_decode_stop(const struct frame *frame, struct message_stop *stop, struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_STOP, error);
  stop->exit_code = reader_u32(&reader, "exit_code", UINT8_MAX);
  stop->together = reader_bool(&reader, "together");
  return reader_end(&reader);
}

enum status message_encode_heartbeat(struct buffer *out, uint32_t sender, const struct message_heartbeat *heartbeat,
                                     struct error *error) {
  struct writer writer = writer_begin(out, MESSAGE_HEARTBEAT, sender, error);
  writer_u64(&writer, heartbeat->newest_version);
  writer_f64(&writer, heartbeat->longest_step);
  writer_u64(&writer, heartbeat->pid_namespace);
  writer_u32(&writer, heartbeat->pid);
  writer_bool(&writer, heartbeat->heartbeats_in_step);
  return writer_end(&writer);
}

enum status message_decode_heartbeat(const struct frame *frame, struct message_heartbeat *heartbeat,
                                     struct error *error) {
  struct reader reader = reader_begin(frame, MESSAGE_HEARTBEAT, error);
  heartbeat->newest_version = reader_u64(&reader, "newest_version", WIRE_MAX_COUNT);
  heartbeat->longest_step = reader_f64(&reader, "longest_step", 0, WIRE_MAX_SECONDS);
  heartbeat->pid_namespace = reader_u64(&reader, "realm", UINT64_MAX);
  heartbeat->pid = reader_u32(&reader, "pid", INT32_MAX);
  heartbeat->heartbeats_in_step = reader_bool(&reader, "speaks");
  return reader_end(&reader);
}
