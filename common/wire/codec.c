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
      [MESSAGE_ENV_FAILURE] = "ENV_FAILURE",
      [MESSAGE_INFO] = "INFO",
      [MESSAGE_STEP] = "STEP",
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

// The wire is little-endian; a big-endian host reverses the bytes of each number.
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

// --- numbers ---

// Room for a frame of `total` bytes, which are more than the buffer has or than a message may have.
__attribute__((cold, noinline)) static void make_room(struct codec *codec, size_t total) {
  if (total > WIRE_MAX_MESSAGE)
    codec->status =
        error_set(codec->error, STATUS_FAILED, "a %s message would exceed %zu bytes, the most that one may have",
                  message_type_name(codec->type), WIRE_MAX_MESSAGE);
  else
    codec->status = buffer_reserve(codec->out, total, codec->error);
}

// Inline, as the next one, so that a scalar is one move instead of a call with a size.
static inline void write_numbers(struct codec *codec, const void *numbers, size_t count, size_t width) {
  struct buffer *out = codec->out;
  const size_t size = count * width, total = out->size + size; // an array in memory: no overflow
  if (codec->status) return;
  if (total > out->capacity || total > WIRE_MAX_MESSAGE) make_room(codec, total);
  if (codec->status) return;
  copy_numbers(out->data + out->size, numbers, count, width);
  out->size = total;
}

static inline void read_numbers(struct codec *codec, const char *field, void *numbers, size_t count, size_t width) {
  if (codec->status) return;
  if (count > codec->left / width) {
    codec_refuse(codec, "%s wants %zu numbers of %zu bytes, %zu bytes are left", field, count, width, codec->left);
    return;
  }
  copy_numbers(numbers, codec->at, count, width);
  codec->at += count * width;
  codec->left -= count * width;
}

// Numbers as they are: every caller below holds what was read against a range.
static void walk_numbers(struct codec *codec, const char *field, void *numbers, size_t count, size_t width) {
  if (codec->writing)
    write_numbers(codec, numbers, count, width);
  else
    read_numbers(codec, field, numbers, count, width);
}

// --- a message's begin and end ---

struct codec codec_write(struct buffer *out, enum message_type type, uint32_t sender, struct error *error) {
  struct codec codec = {.type = type, .writing = true, .out = out, .error = error};
  const uint16_t head[2] = {WIRE_VERSION, (uint16_t)type};
  const uint64_t payload = 0; // known at the end
  out->size = 0;
  write_numbers(&codec, magic, sizeof magic, 1);
  write_numbers(&codec, head, 2, sizeof *head);
  write_numbers(&codec, &sender, 1, sizeof sender);
  write_numbers(&codec, &payload, 1, sizeof payload);
  return codec;
}

struct codec codec_read(const struct frame *frame, enum message_type type, struct error *error) {
  struct codec codec = {.type = type, .at = frame->payload, .left = frame->size, .error = error};
  if (frame->type != type) codec_refuse(&codec, "the message is %s", message_type_name(frame->type));
  return codec;
}

enum status codec_end(struct codec *codec) {
  struct buffer *out = codec->out;
  if (!codec->writing) {
    if (codec->left) codec_refuse(codec, "%zu bytes after its last field", codec->left);
  } else if (codec->status) {
    out->size = 0;
  } else {
    const uint64_t payload = out->size - FRAME_HEADER;
    copy_numbers(out->data + PAYLOAD_SIZE_AT, &payload, 1, sizeof payload);
  }
  return codec->status;
}

enum status codec_encode(struct buffer *out, enum message_type type, uint32_t sender, codec_walk *walk,
                         const void *message, struct error *error) {
  struct codec codec = codec_write(out, type, sender, error);
  walk(&codec, (void *)message);
  return codec_end(&codec);
}

enum status codec_decode(const struct frame *frame, enum message_type type, codec_walk *walk, void *message,
                         struct error *error) {
  struct codec codec = codec_read(frame, type, error);
  walk(&codec, message);
  return codec_end(&codec);
}

void codec_refuse(struct codec *codec, const char *format, ...) {
  if (codec->status || codec->writing) return;
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  codec->status =
      error_set(codec->error, STATUS_FORMAT, "a %s message is damaged: %s", message_type_name(codec->type), text);
}

void codec_rest(struct codec *codec, uint64_t bytes) {
  if (!codec->writing && codec->left != bytes)
    codec_refuse(codec, "its counts call for %llu more bytes, %zu are left", (unsigned long long)bytes, codec->left);
}

// --- fields ---

static void refuse_range(struct codec *codec, const char *field, double value, double low, double high) {
  codec_refuse(codec, "%s is %g, not a number from %g to %g", field, value, low, high);
}

void codec_u32(struct codec *codec, const char *field, uint32_t *value, uint32_t most) {
  if (codec->writing) {
    write_numbers(codec, value, 1, sizeof *value);
    return;
  }
  uint32_t found = 0;
  read_numbers(codec, field, &found, 1, sizeof found);
  *value = found <= most ? found : 0;
  if (found > most) codec_refuse(codec, "%s is %u, at most %u fit", field, found, most);
}

void codec_u64(struct codec *codec, const char *field, uint64_t *value, uint64_t most) {
  if (codec->writing) {
    write_numbers(codec, value, 1, sizeof *value);
    return;
  }
  uint64_t found = 0;
  read_numbers(codec, field, &found, 1, sizeof found);
  *value = found <= most ? found : 0;
  if (found > most)
    codec_refuse(codec, "%s is %llu, at most %llu can be", field, (unsigned long long)found, (unsigned long long)most);
}

void codec_f64(struct codec *codec, const char *field, double *value, double low, double high) {
  if (codec->writing) {
    write_numbers(codec, value, 1, sizeof *value);
    return;
  }
  double found = 0;
  read_numbers(codec, field, &found, 1, sizeof found);
  *value = found;
  if (!(found >= low && found <= high)) refuse_range(codec, field, found, low, high);
}

void codec_bool(struct codec *codec, const char *field, bool *value) {
  uint8_t byte = codec->writing && *value;
  codec_bytes(codec, field, &byte, 1);
  if (codec->writing) return;
  if (byte > 1) codec_refuse(codec, "%s is %u, not 0 or 1", field, byte);
  *value = byte == 1;
}

// A sender may cut a text in the middle of a character, or be hostile: what is kept is printable.
void codec_text(struct codec *codec, const char *field, char *text, size_t capacity) {
  enum { MOST = 1024 };
  char raw[MOST];
  uint32_t length = codec->writing ? (uint32_t)strnlen(text, capacity - 1) : 0;
  assert(capacity <= MOST);
  codec_u32(codec, field, &length, (uint32_t)(capacity - 1));
  walk_numbers(codec, field, codec->writing ? text : raw, length, 1);
  if (codec->writing) return;

  if (!codec->status && length && memchr(raw, 0, length)) codec_refuse(codec, "%s has a NUL inside", field);
  raw[codec->status ? 0 : length] = 0;
  printable_copy(text, capacity, raw);
}

static void check_known(struct codec *codec, const char *field, uint64_t found, uint64_t known) {
  if (found == known) return;
  codec_refuse(codec, "%s is %llu, expected %llu", field, (unsigned long long)found, (unsigned long long)known);
}

void codec_known_u32(struct codec *codec, const char *field, uint32_t known) {
  uint32_t found = known;
  codec_u32(codec, field, &found, UINT32_MAX);
  check_known(codec, field, found, known);
}

void codec_known_u64(struct codec *codec, const char *field, uint64_t known) {
  uint64_t found = known;
  codec_u64(codec, field, &found, UINT64_MAX);
  check_known(codec, field, found, known);
}

void codec_check_return(struct codec *codec, const char *field, double value, uint32_t length) {
  const double most = 1.000001 * (double)FLT_MAX * length; // what rounds to a float may be that much larger
  if (!(value >= -most && value <= most)) refuse_range(codec, field, value, -most, most);
}

void codec_return(struct codec *codec, const char *field, double *value, uint32_t length) {
  codec_f64(codec, field, value, -DBL_MAX, DBL_MAX);
  codec_check_return(codec, field, *value, length);
}

// ---- arrays

void codec_bytes(struct codec *codec, const char *field, uint8_t *bytes, size_t count) {
  walk_numbers(codec, field, bytes, count, 1);
}

void codec_indices(struct codec *codec, const char *field, uint32_t *numbers, size_t count) {
  walk_numbers(codec, field, numbers, count, sizeof *numbers);
}

void codec_versions(struct codec *codec, const char *field, uint64_t *numbers, size_t count) {
  walk_numbers(codec, field, numbers, count, sizeof *numbers);
}

VECTORIZE static bool are_within(const float *numbers, size_t count, float low, float high) {
  int outside = 0;
  for (size_t i = 0; i < count; i++) outside |= !(numbers[i] >= low) | !(numbers[i] <= high);
  return !outside;
}

void codec_floats(struct codec *codec, const char *field, float *numbers, size_t count, float low, float high) {
  walk_numbers(codec, field, numbers, count, sizeof *numbers);
  if (codec->writing || codec->status || are_within(numbers, count, low, high)) return;
  size_t i = 0;
  while (are_within(numbers + i, 1, low, high)) i++;
  refuse_range(codec, field, (double)numbers[i], (double)low, (double)high);
}

void codec_doubles(struct codec *codec, const char *field, double *numbers, size_t count, double low, double high) {
  walk_numbers(codec, field, numbers, count, sizeof *numbers);
  for (size_t i = 0; i < count && !codec->writing && !codec->status; i++)
    if (!(numbers[i] >= low && numbers[i] <= high)) refuse_range(codec, field, numbers[i], low, high);
}

// ---- frames

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
  struct codec codec = {.at = bytes + sizeof magic, .left = size - sizeof magic, .error = error};
  uint16_t head[2] = {0};
  uint32_t sender;
  uint64_t payload;
  read_numbers(&codec, "version and type", head, 2, sizeof *head);
  codec_u32(&codec, "sender", &sender, UINT32_MAX);
  codec_u64(&codec, "payload size", &payload, UINT64_MAX);
  assert(!codec.status); // the size was checked above

  if (head[0] != WIRE_VERSION) {
    return error_set(error, STATUS_FORMAT, "a message of wire version %u from sender %u, this program speaks %d",
                     head[0], sender, WIRE_VERSION);
  }
  if (head[1] == 0 || head[1] >= MESSAGE_TYPES) {
    return error_set(error, STATUS_FORMAT, "a message of unknown type %u from sender %u", head[1], sender);
  }
  if (payload != codec.left) {
    return error_set(error, STATUS_FORMAT, "a %s message from sender %u announces %llu payload bytes and has %zu",
                     message_type_name(head[1]), sender, (unsigned long long)payload, codec.left);
  }
  *frame = (struct frame){.type = head[1], .sender = sender, .rank = sender, .payload = codec.at, .size = codec.left};
  return STATUS_OK;
}
