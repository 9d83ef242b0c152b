// For codec*.c only: cursors that write and read a payload. The first failure sticks and later calls do nothing, so
// that a message is one straight list of its fields with one check at its end.
#ifndef CORSAC_COMMON_WIRE_CODEC_IMPL_H
#define CORSAC_COMMON_WIRE_CODEC_IMPL_H

#include "common/wire/codec.h"

struct writer {
  struct buffer *out;
  const char *message;
  enum status status;
  struct error *error;
};
struct writer writer_begin(struct buffer *out, enum message_type type, uint32_t sender, struct error *error);
enum status writer_end(struct writer *writer); // completes the frame; on failure the buffer is empty
// `count` numbers of `width` bytes each, in the host's order; bytes are numbers of width 1.
void writer_array(struct writer *writer, const void *numbers, size_t count, size_t width);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_f64(struct writer *writer, double value);
void writer_bool(struct writer *writer, bool value);
void writer_text(struct writer *writer, const char *text, size_t capacity); // u32 length | bytes without a NUL

struct reader {
  const uint8_t *at;
  size_t left;
  const char *message;
  enum status status;
  struct error *error;
};
struct reader reader_begin(const struct frame *frame, enum message_type type, struct error *error);
enum status reader_end(struct reader *reader); // fails where bytes are left
void reader_fail(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Where the payload ends early nothing is written and scalars are 0. No number is read without the range that it has to
// be in: what is outside of it, NaN included, is a failure that names the field. What a number must be beside others is
// for whoever takes the message.
void reader_bytes(struct reader *reader, const char *field, void *bytes, size_t count);
uint32_t reader_u32(struct reader *reader, const char *field, uint32_t most); // 0 where it is more
uint64_t reader_u64(struct reader *reader, const char *field, uint64_t most); // the same
double reader_f64(struct reader *reader, const char *field, double low, double high);
// The return of an episode of so many steps: every reward is a finite float.
double reader_return(struct reader *reader, const char *field, uint32_t length);
void reader_check_return(struct reader *reader, const char *field, double value, uint32_t length);
bool reader_bool(struct reader *reader, const char *field);
void reader_floats(struct reader *reader, const char *field, float *numbers, size_t count, float low, float high);
void reader_doubles(struct reader *reader, const char *field, double *numbers, size_t count, double low, double high);
// Environments and policy versions: only whoever takes them knows which there are.
void reader_indices(struct reader *reader, const char *field, uint32_t *numbers, size_t count);
void reader_versions(struct reader *reader, const char *field, uint64_t *numbers, size_t count);
void reader_text(struct reader *reader, const char *field, char *text, size_t capacity);
void reader_dimension(struct reader *reader, const char *field, uint64_t found,
                      uint64_t expected); // fails where they differ
void reader_rest(struct reader *reader,
                 uint64_t bytes); // fails unless exactly so many bytes are left

// In codec_bulk.c; WEIGHTS is this alone, EVALUATE has it at its end.
void writer_weights(struct writer *writer, const struct policy_weights *weights);
void reader_weights(struct reader *reader, struct policy_weights *weights);

#endif
