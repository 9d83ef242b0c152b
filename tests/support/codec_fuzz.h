// libFuzzer's way into the codec: any bytes are a frame or a clear error, nothing is written past a capacity, and what
// they decode to encodes to the same bytes; else the program aborts. `make fuzz` looks for such bytes with clang; what
// it has found interesting lies in tests/data/codec_corpus, which tests/unit/common/wire/test_codec.c replays.
#ifndef CORSAC_TESTS_SUPPORT_CODEC_FUZZ_H
#define CORSAC_TESTS_SUPPORT_CODEC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size); // 0

#endif
