#include "tests/support/codec_fuzz.h"

#include "common/base/memory.h"
#include "tests/support/codec_samples.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct frame frame;
  struct error error = {0};
  bool sane;
  if (frame_decode(bytes, size, &frame, &error) != STATUS_OK) {
    if (!error.text[0]) abort();
    return 0;
  }
  struct codec_target target;
  struct buffer again = {0};
  codec_target_init(&target);
  const enum status status = codec_target_decode(&target, &frame, &sane, &error);
  if (!sane || (status != STATUS_OK && !error.text[0])) abort();
  if (status == STATUS_OK) {
    if (codec_target_encode(&target, frame.type, frame.sender, &again, &error) != STATUS_OK) abort();
    if (again.size != size || memcmp(again.data, bytes, size) != 0) abort();
  }
  buffer_release(&again);
  codec_target_release(&target);
  return 0;
}
