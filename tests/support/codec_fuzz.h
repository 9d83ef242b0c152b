// libFuzzer's entry to the codec. The program aborts unless any bytes are a frame or a clear error, nothing is written
// past a capacity, and what they decode to encodes to the same bytes. Only a text that was not printable may differ; it
// is printable then and stays as it is. `make fuzz` looks for bytes that break this, with clang. The corpus that it has
// found is tests/data/codec_corpus, which tests/unit/common/wire/test_codec.c replays.
#ifndef CORSAC_TESTS_SUPPORT_CODEC_FUZZ_H
#define CORSAC_TESTS_SUPPORT_CODEC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size); // 0

#endif
