#include "tests/support/codec_fuzz.h"

#include "common/base/memory.h"
#include "tests/support/codec_samples.h"
#include <stdlib.h>
#include <string.h>

// Decodes a frame into a target of its own and encodes that. false: the message was refused.
static bool travels(const struct frame *frame, struct buffer *again) {
  struct error error = {0};
  struct codec_target target;
  bool sane;
  codec_target_init(&target);
  const enum status status = codec_target_decode(&target, frame, &sane, &error);
  if (!sane || (status != STATUS_OK && !error.text[0])) abort();
  if (status == STATUS_OK && codec_target_encode(&target, frame->type, frame->sender, again, &error) != STATUS_OK)
    abort();
  codec_target_release(&target);
  return status == STATUS_OK;
}

static bool has_text(enum message_type type) {
  return type == MESSAGE_HELLO || type == MESSAGE_FAILED || type == MESSAGE_ENV_FAILURE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct frame frame;
  struct error error = {0};
  struct buffer once = {0}, twice = {0};
  if (frame_decode(bytes, size, &frame, &error) != STATUS_OK) {
    if (!error.text[0]) abort();
    return 0;
  }
  if (travels(&frame, &once) && (once.size != size || memcmp(once.data, bytes, size) != 0)) {
    if (!has_text(frame.type)) abort();
    if (frame_decode(once.data, once.size, &frame, &error) != STATUS_OK || !travels(&frame, &twice)) abort();
    if (twice.size != once.size || memcmp(twice.data, once.data, once.size) != 0) abort();
  }
  buffer_release(&once);
  buffer_release(&twice);
  return 0;
}
