// For codec*.c only: one walk over the fields of a message serves both directions. struct codec either writes the
// fields to a buffer or reads them from a frame. The first failure stays and later calls do nothing, so a message is
// one straight list of its fields with one check at its end.
#ifndef CORSAC_COMMON_WIRE_CODEC_IMPL_H
#define CORSAC_COMMON_WIRE_CODEC_IMPL_H

#include "common/wire/codec.h"

struct codec {
  enum message_type type;
  bool writing;
  struct buffer *out; // writing: the frame so far
  const uint8_t *at;  // reading: the next byte
  size_t left;        // reading: bytes from there to the payload's end
  enum status status;
  struct error *error;
};

// A walk leaves its message as it is while it writes.
typedef void codec_walk(struct codec *codec, void *message);
enum status codec_encode(struct buffer *out, enum message_type type, uint32_t sender, codec_walk *walk,
                         const void *message, struct error *error);
enum status codec_decode(const struct frame *frame, enum message_type type, codec_walk *walk, void *message,
                         struct error *error);

// The parts of those two, for a message that is made of more than one struct.
struct codec codec_write(struct buffer *out, enum message_type type, uint32_t sender, struct error *error);
struct codec codec_read(const struct frame *frame, enum message_type type, struct error *error);
// Writing: completes the frame, or empties the buffer after a failure. Reading: fails where bytes are left.
enum status codec_end(struct codec *codec);

// Refuses the message that is being read. Does nothing while writing: the checks are for what others have sent.
void codec_refuse(struct codec *codec, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));

// One field each. Every field that is read is held against its range; a number outside of it, NaN included, is a
// failure that names the field. The taker of the message checks what a number must be beside others. While writing
// ranges do not count. After a failure nothing is written, and scalars are read as 0.
void codec_u32(struct codec *codec, const char *field, uint32_t *value, uint32_t most);
void codec_u64(struct codec *codec, const char *field, uint64_t *value, uint64_t most);
void codec_f64(struct codec *codec, const char *field, double *value, double low, double high);
void codec_bool(struct codec *codec, const char *field, bool *value);
// u32 length | bytes without a NUL. What is read becomes printable.
void codec_text(struct codec *codec, const char *field, char *text, size_t capacity);
// A number that the receiver knows already; another one is refused.
void codec_known_u32(struct codec *codec, const char *field, uint32_t known);
void codec_known_u64(struct codec *codec, const char *field, uint64_t known);
// The return of an episode of so many steps: every reward is a finite float.
void codec_return(struct codec *codec, const char *field, double *value, uint32_t length);
void codec_check_return(struct codec *codec, const char *field, double value, uint32_t length);

// Arrays of `count` numbers.
void codec_bytes(struct codec *codec, const char *field, uint8_t *bytes, size_t count);
void codec_floats(struct codec *codec, const char *field, float *numbers, size_t count, float low, float high);
void codec_doubles(struct codec *codec, const char *field, double *numbers, size_t count, double low, double high);
// Environments and policy versions: only the taker knows which there are.
void codec_indices(struct codec *codec, const char *field, uint32_t *numbers, size_t count);
void codec_versions(struct codec *codec, const char *field, uint64_t *numbers, size_t count);

// The payload has exactly so many more bytes, else it is refused.
void codec_rest(struct codec *codec, uint64_t bytes);

// In codec_bulk.c: WEIGHTS is this alone, EVALUATE has it at its end. On failure version and normalize stay, and where
// the shape is another one the numbers too.
void codec_weights(struct codec *codec, void *policy_weights);

#endif
