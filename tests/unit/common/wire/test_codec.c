#include "common/base/random.h"
#include "common/wire/codec_impl.h"
#include "tests/support/codec_fuzz.h"
#include "tests/support/codec_samples.h"
#include "tests/support/unit.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static struct codec_target sample;

static void test_frame_bytes(void) {
  static const uint8_t expected[] = {
      'C', 'R', 'S', 'C',  WIRE_VERSION, 0,    MESSAGE_CREDIT, 0,    4,    3,    2,    1,    20, 0, 0, 0, 0, 0, 0, 0,
      6,   0,   0,   0x80, 0x88,         0x77, 0x66,           0x55, 0x44, 0x33, 0x22, 0x11, 9,  8, 7, 6, 5, 4, 3, 2};
  struct buffer out = {0};
  struct error error = {0};
  struct message_credit credit = {
      .batches = 0x80000006u, .newest_version = 0x1122334455667788u, .env_steps = 0x0203040506070809u};
  UNIT_STATUS(message_encode_credit(&out, 0x01020304u, &credit, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(out.size, sizeof expected);
  CU_ASSERT_EQUAL(memcmp(out.data, expected, sizeof expected), 0);
  struct frame frame;
  UNIT_STATUS(frame_decode(out.data, out.size, &frame, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(frame.type, MESSAGE_CREDIT);
  CU_ASSERT_EQUAL(frame.sender, 0x01020304u);
  CU_ASSERT_EQUAL(frame.size, 20);
  CU_ASSERT_PTR_EQUAL(frame.payload, out.data + FRAME_HEADER);
  buffer_release(&out);
}

static void reject_frame(const struct buffer *good, size_t size, int at, uint8_t value, const char *says) {
  uint8_t *bytes = malloc(size ? size : 1);
  memcpy(bytes, good->data, size < good->size ? size : good->size);
  if (at >= 0) bytes[at] = value;
  struct frame frame;
  struct error error = {0};
  UNIT_STATUS(frame_decode(bytes, size, &frame, &error), STATUS_FORMAT, &error);
  CU_ASSERT_EQUAL(error.status, STATUS_FORMAT);
  CU_ASSERT_TRUE(error_says(&error, says));
  CU_ASSERT_PTR_NULL(frame.payload);
  free(bytes);
}

static void test_bad_frames(void) {
  struct buffer out = {0};
  CU_ASSERT_EQUAL(codec_target_encode(&sample, MESSAGE_ROUND, 7, &out, NULL), STATUS_OK);
  for (size_t size = 0; size < FRAME_HEADER; size++) reject_frame(&out, size, -1, 0, "bytes");
  for (size_t size = FRAME_HEADER; size < out.size; size++)
    reject_frame(&out, size, -1, 0, "announces 16 payload bytes");
  reject_frame(&out, out.size + 1, -1, 0, "announces 16 payload bytes and has 17");
  for (int i = 0; i < 4; i++) reject_frame(&out, out.size, i, 0, "CRSC");
  reject_frame(&out, out.size, 4, WIRE_VERSION + 1, "wire version 9 from sender 7");
  reject_frame(&out, out.size, 6, 0, "unknown type 0");
  reject_frame(&out, out.size, 6, MESSAGE_TYPES, "unknown type");
  reject_frame(&out, out.size, 7, 1, "unknown type");
  for (int i = 12; i < FRAME_HEADER; i++)
    reject_frame(&out, out.size, i, 0xff, "ROUND message from sender 7 announces");
  memset(out.data + 12, 0xff, 8);
  reject_frame(&out, out.size, -1, 0, "18446744073709551615");
  buffer_release(&out);
}

// Aborts where a file breaks what codec_fuzz.h promises.
static void test_corpus(void) {
  static const char directory[] = "tests/data/codec_corpus";
  DIR *files = opendir(directory);
  CU_ASSERT_PTR_NOT_NULL_FATAL(files);
  int tried = 0;
  for (const struct dirent *file; (file = readdir(files));) {
    if (file->d_name[0] == '.') continue;
    size_t size = 0;
    char *path = unit_path(directory, file->d_name), *text = unit_read_file(path, &size);
    uint8_t *bytes = malloc(size ? size : 1); // of exactly this size, for the address sanitizer
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, text, size);
    CU_ASSERT_EQUAL(LLVMFuzzerTestOneInput(bytes, size), 0);
    tried++;
    free(bytes);
    free(text);
    free(path);
  }
  closedir(files);
  CU_ASSERT_TRUE(tried > 50);
}

static void test_names(void) {
  for (enum message_type type = 1; type < MESSAGE_TYPES; type++) {
    CU_ASSERT_STRING_NOT_EQUAL(message_type_name(type), "unknown");
    for (enum message_type other = 1; other < type; other++)
      CU_ASSERT_STRING_NOT_EQUAL(message_type_name(type), message_type_name(other));
  }
  CU_ASSERT_STRING_EQUAL(message_type_name(0), "unknown");
  CU_ASSERT_STRING_EQUAL(message_type_name(MESSAGE_TYPES), "unknown");
  CU_ASSERT_STRING_EQUAL(message_type_name((enum message_type) - 1), "unknown");
}

// Encodes every message, decodes it elsewhere and encodes that: the bytes are the same. The fields are compared below
// and in test_codec_bulk.
static void test_every_message_round_trips(void) {
  struct buffer first = {0}, second = {0};
  for (enum message_type type = 1; type < MESSAGE_TYPES; type++) {
    struct codec_target target;
    struct frame frame;
    struct error error = {0};
    bool sane = false;
    codec_target_init(&target);
    UNIT_STATUS(codec_target_encode(&sample, type, 3, &first, &error), STATUS_OK, &error);
    UNIT_STATUS_FATAL(frame_decode(first.data, first.size, &frame, &error), STATUS_OK, &error);
    UNIT_STATUS(codec_target_decode(&target, &frame, &sane, &error), STATUS_OK, &error);
    CU_ASSERT_TRUE(sane);
    CU_ASSERT_STRING_EQUAL(error.text, "");
    UNIT_STATUS(codec_target_encode(&target, type, 3, &second, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL_FATAL(first.size, second.size);
    CU_ASSERT_EQUAL(memcmp(first.data, second.data, first.size), 0);
    codec_target_release(&target);
  }
  buffer_release(&first);
  buffer_release(&second);
}

static void decode_sample(struct codec_target *target, enum message_type type) {
  struct buffer out = {0};
  struct frame frame;
  bool sane = false;
  CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 1, &out, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(out.data, out.size, &frame, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(codec_target_decode(target, &frame, &sane, NULL), STATUS_OK);
  CU_ASSERT_TRUE(sane);
  buffer_release(&out);
}

static void test_fields(void) {
  struct codec_target t;
  codec_target_init(&t);
  decode_sample(&t, MESSAGE_CREDIT);
  CU_ASSERT_EQUAL(t.credit.batches, 3);
  CU_ASSERT_EQUAL(t.credit.newest_version, 1ull << 50);
  decode_sample(&t, MESSAGE_ROUND);
  CU_ASSERT_EQUAL(t.round.round, 1ull << 41);
  CU_ASSERT_EQUAL(t.round.version, 1ull << 42);
  decode_sample(&t, MESSAGE_BYE);
  CU_ASSERT_TRUE(t.bye.unsent == (1ull << 41) + 3);
  decode_sample(&t, MESSAGE_ROUND_END);
  CU_ASSERT_TRUE(t.round_end.round == 1ull << 43);
  decode_sample(&t, MESSAGE_EPISODE);
  CU_ASSERT_EQUAL(t.episode.number, 1ull << 45);
  CU_ASSERT_EQUAL(t.episode.episode, 6);
  CU_ASSERT_EQUAL(t.episode.length, 200);
  CU_ASSERT_EQUAL(t.episode.episode_return, -123.456);
  CU_ASSERT_TRUE(t.episode.failed);
  decode_sample(&t, MESSAGE_STEP);
  CU_ASSERT_EQUAL(t.step.number, 1ull << 39);
  CU_ASSERT_EQUAL(t.step.episode, 21);
  CU_ASSERT_EQUAL(t.step.step, 1u << 30);
  CU_ASSERT_EQUAL(t.step.flags, 2);
  CU_ASSERT_EQUAL(t.step.reward, -1.0 / 7);
  CU_ASSERT_EQUAL(t.step.obs[2], sample.step.obs[2]);
  CU_ASSERT_EQUAL(t.step.next_obs[0], 90);
  CU_ASSERT_EQUAL(t.step.action[1], sample.step.action[1]);
  CU_ASSERT_EQUAL(t.step.scaled[0], 110);
  CU_ASSERT_EQUAL(t.step.eps[1], sample.step.eps[1]);
  decode_sample(&t, MESSAGE_ENV_FAILURE);
  CU_ASSERT_EQUAL(t.env_failure.environment, 11);
  CU_ASSERT_TRUE_FATAL(t.env_failure.evaluation);
  CU_ASSERT_EQUAL(t.env_failure.in_a_row, 3);
  CU_ASSERT_EQUAL(t.env_failure.pause, 0.5);
  CU_ASSERT_STRING_EQUAL(t.env_failure.text, "the solver diverged");
  decode_sample(&t, MESSAGE_INFO);
  CU_ASSERT_EQUAL(t.info.environment, 12);
  CU_ASSERT_EQUAL(t.info.info_dim, 2);
  CU_ASSERT_EQUAL(t.info.count[1], 1ull << 48);
  CU_ASSERT_EQUAL(t.info.sum[0], 0.5);
  CU_ASSERT_EQUAL(t.info.sum[1], -1.0 / 3);
  decode_sample(&t, MESSAGE_HELLO);
  CU_ASSERT_EQUAL(t.hello.info_dim, 2);
  CU_ASSERT_STRING_EQUAL(t.hello.info_name[0], "reward_forward");
  decode_sample(&t, MESSAGE_HEARTBEAT);
  CU_ASSERT_EQUAL(t.heartbeat.newest_version, 1ull << 46);
  CU_ASSERT_EQUAL(t.heartbeat.longest_step, 2.5);
  CU_ASSERT_EQUAL(t.heartbeat.pid_namespace, 1ull << 47);
  CU_ASSERT_EQUAL(t.heartbeat.pid, 77);
  CU_ASSERT_TRUE(t.heartbeat.heartbeats_in_step);
  decode_sample(&t, MESSAGE_STOP);
  CU_ASSERT_EQUAL(t.stop.exit_code, 75);
  decode_sample(&t, MESSAGE_FAILED);
  CU_ASSERT_EQUAL(t.failed.status, STATUS_IO);
  CU_ASSERT_STRING_EQUAL(t.failed.text, "no space left");
  decode_sample(&t, MESSAGE_EVALUATE);
  CU_ASSERT_EQUAL(t.evaluate.number, 8);
  CU_ASSERT_EQUAL(t.evaluate.first, 1);
  CU_ASSERT_EQUAL(t.evaluate.stride, 3);
  CU_ASSERT_EQUAL(t.evaluate.count, 10);
  CU_ASSERT_EQUAL(t.evaluate.steps, 1u << 31);
  CU_ASSERT_TRUE(t.evaluate.sampled);
  CU_ASSERT_EQUAL(t.weights.version, 1ull << 44);
  CU_ASSERT_EQUAL(memcmp(t.weights.values, sample.weights.values, SAMPLE_PARAMETERS * sizeof(float)), 0);
  codec_target_release(&t);
}

// Decodes a payload from memory of exactly its size.
static enum status decode_payload(struct codec_target *target, enum message_type type, const uint8_t *bytes,
                                  size_t size, struct error *error) {
  uint8_t *exact = malloc(size ? size : 1);
  bool sane = false;
  if (size) memcpy(exact, bytes, size);
  struct frame frame = {.type = type, .payload = exact, .size = size};
  enum status status = codec_target_decode(target, &frame, &sane, error);
  CU_ASSERT_TRUE(sane);
  CU_ASSERT_TRUE(status == STATUS_OK || status == STATUS_FORMAT);
  free(exact);
  return status;
}

static void test_truncated_and_too_long(void) {
  struct buffer out = {0};
  struct codec_target target;
  codec_target_init(&target);
  for (enum message_type type = 1; type < MESSAGE_TYPES; type++) {
    CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 1, &out, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(buffer_reserve(&out, out.size + 9, NULL), STATUS_OK);
    memset(out.data + out.size, 0, 9);
    size_t size = out.size - FRAME_HEADER;
    for (size_t length = 0; length < size + 9; length++) {
      struct error error = {0};
      enum status status = decode_payload(&target, type, out.data + FRAME_HEADER, length, &error);
      CU_ASSERT_EQUAL(status, length == size ? STATUS_OK : STATUS_FORMAT);
      CU_ASSERT_TRUE(length == size || strstr(error.text, message_type_name(type)));
    }
  }
  codec_target_release(&target);
  buffer_release(&out);
}

static void test_flipped_bits(void) {
  struct buffer out = {0};
  struct codec_target target;
  codec_target_init(&target);
  for (enum message_type type = 1; type < MESSAGE_TYPES; type++) {
    CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 1, &out, NULL), STATUS_OK);
    for (size_t bit = 0; bit < 8 * (out.size - FRAME_HEADER); bit++) {
      uint8_t *byte = out.data + FRAME_HEADER + bit / 8, was = *byte;
      *byte = (uint8_t)(was ^ (1u << bit % 8));
      (void)decode_payload(&target, type, out.data + FRAME_HEADER, out.size - FRAME_HEADER, NULL);
      *byte = was;
    }
    CU_ASSERT_EQUAL(decode_payload(&target, type, out.data + FRAME_HEADER, out.size - FRAME_HEADER, NULL), STATUS_OK);
  }
  codec_target_release(&target);
  buffer_release(&out);
}

// Decodes noise, and good messages with a few bytes overwritten by numbers that often overflow.
static void test_random_bytes(void) {
  enum { ROUNDS = 100000, LONGEST = 300 };
  static const uint8_t nasty[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  struct random random = random_stream(1, RANDOM_INIT, 0, 0);
  struct buffer out = {0};
  struct codec_target target;
  codec_target_init(&target);
  for (int round = 0; round < ROUNDS; round++) {
    enum message_type type = 1 + random_bounded(&random, MESSAGE_TYPES - 1);
    uint8_t noise[LONGEST];
    size_t size = random_bounded(&random, LONGEST + 1);
    for (size_t i = 0; i < size; i++) noise[i] = (uint8_t)random_u32(&random);
    (void)decode_payload(&target, type, noise, size, NULL);

    CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 1, &out, NULL), STATUS_OK);
    if (out.size == FRAME_HEADER) continue;
    for (uint32_t change = 1 + random_bounded(&random, 3); change > 0; change--) {
      size_t at = FRAME_HEADER + random_bounded(&random, (uint32_t)(out.size - FRAME_HEADER));
      size_t run = 1 + random_bounded(&random, 8);
      memset(out.data + at, nasty[random_bounded(&random, sizeof nasty)], run < out.size - at ? run : out.size - at);
    }
    (void)decode_payload(&target, type, out.data + FRAME_HEADER, out.size - FRAME_HEADER, NULL);
    struct frame frame;
    out.data[random_bounded(&random, FRAME_HEADER)] ^= (uint8_t)(1u << random_bounded(&random, 8));
    (void)frame_decode(out.data, out.size, &frame, NULL);
  }
  codec_target_release(&target);
  buffer_release(&out);
}

static void test_wrong_type(void) {
  struct buffer out = {0};
  struct frame frame;
  struct error error = {0};
  struct message_round round = {0};
  CU_ASSERT_EQUAL(codec_target_encode(&sample, MESSAGE_CREDIT, 1, &out, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(out.data, out.size, &frame, NULL), STATUS_OK);
  UNIT_STATUS(message_decode_round(&frame, &round, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "ROUND"));
  CU_ASSERT_TRUE(error_says(&error, "CREDIT"));
  buffer_release(&out);
}

static void test_bad_values(void) {
  struct codec_target target;
  struct buffer out = {0};
  struct error error = {0};
  codec_target_init(&target);

  struct error none = {0}; // FAILED always carries a failure
  UNIT_STATUS(message_encode_failed(&out, 1, &none, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(out.data[FRAME_HEADER], STATUS_FAILED);
  out.data[FRAME_HEADER] = STATUS_OK;
  UNIT_STATUS(decode_payload(&target, MESSAGE_FAILED, out.data + FRAME_HEADER, out.size - FRAME_HEADER, &error),
              STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "status"));
  error_clear(&error);
  out.data[FRAME_HEADER] = STATUS_STOPPED; // an actor is stopped by a STOP alone
  UNIT_STATUS(decode_payload(&target, MESSAGE_FAILED, out.data + FRAME_HEADER, out.size - FRAME_HEADER, &error),
              STATUS_FORMAT, &error);

  struct error longest = {.status = STATUS_IO}; // a text without an end is cut, not followed
  memset(longest.text, 'x', sizeof longest.text);
  CU_ASSERT_EQUAL(message_encode_failed(&out, 1, &longest, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(decode_payload(&target, MESSAGE_FAILED, out.data + FRAME_HEADER, out.size - FRAME_HEADER, NULL),
                  STATUS_OK);
  CU_ASSERT_EQUAL(strlen(target.failed.text), sizeof longest.text - 1);
  out.data[FRAME_HEADER + 20] = 0;
  error_clear(&error);
  UNIT_STATUS(decode_payload(&target, MESSAGE_FAILED, out.data + FRAME_HEADER, out.size - FRAME_HEADER, &error),
              STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "NUL"));
  CU_ASSERT_STRING_EQUAL(target.failed.text, "");

  CU_ASSERT_EQUAL(codec_target_encode(&sample, MESSAGE_EVALUATE, 1, &out, NULL), STATUS_OK);
  memset(out.data + FRAME_HEADER + 12, 0, 4);
  error_clear(&error);
  UNIT_STATUS(decode_payload(&target, MESSAGE_EVALUATE, out.data + FRAME_HEADER, out.size - FRAME_HEADER, &error),
              STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "stride"));
  codec_target_release(&target);
  buffer_release(&out);
}

// Texts that others wrote go into logs, and into the header of metrics.csv.
static void test_texts(void) {
  struct codec_target target;
  struct buffer out = {0};
  struct error error = {0}, hostile = {.status = STATUS_IO, .text = "a\nb\033[2J\xff"};
  codec_target_init(&target);
  codec_target_fill(&target);
  CU_ASSERT_EQUAL(message_encode_failed(&out, 1, &hostile, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(decode_payload(&target, MESSAGE_FAILED, out.data + FRAME_HEADER, out.size - FRAME_HEADER, NULL),
                  STATUS_OK);
  CU_ASSERT_STRING_EQUAL(target.failed.text, "a\\nb\\x1b[2J\\xff");
  static const char *const names[] = {"", "a,b", "a\nb", "A"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    codec_target_fill(&target);
    snprintf(target.hello.info_name[1], WIRE_INFO_NAME, "%s", names[i]);
    error_clear(&error);
    CU_ASSERT_EQUAL(codec_target_encode(&target, MESSAGE_HELLO, 1, &out, NULL), STATUS_OK);
    UNIT_STATUS(decode_payload(&target, MESSAGE_HELLO, out.data + FRAME_HEADER, out.size - FRAME_HEADER, &error),
                STATUS_FORMAT, &error);
    CU_ASSERT_TRUE(error_says(&error, "info_name is"));
  }
  codec_target_release(&target);
  buffer_release(&out);
}

static void test_steady_state_allocates_nothing(void) {
  struct buffer out = {0};
  for (enum message_type type = 1; type < MESSAGE_TYPES; type++)
    CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 1, &out, NULL), STATUS_OK);
  const uint8_t *data = out.data;
  size_t capacity = out.capacity;
  for (int round = 0; round < 100; round++) {
    for (enum message_type type = 1; type < MESSAGE_TYPES; type++)
      CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 1, &out, NULL), STATUS_OK);
  }
  CU_ASSERT_PTR_EQUAL(out.data, data);
  CU_ASSERT_EQUAL(out.capacity, capacity);
  buffer_release(&out);
}

static void test_too_large_to_encode(void) {
  struct buffer out = {0};
  struct error error = {0};
  struct policy_weights weights = sample.weights; // nobody reads the values, since the size is refused first
  weights.parameters = WIRE_MAX_MESSAGE / sizeof(float);
  UNIT_STATUS(message_encode_weights(&out, 0, &weights, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "WEIGHTS"));
  CU_ASSERT_EQUAL(out.size, 0);
  buffer_release(&out);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a frame has the bytes that codec.h describes", test_frame_bytes},
      {"a damaged frame is refused with its reason", test_bad_frames},
      {"every file of the fuzzer's corpus is read or refused", test_corpus},
      {"every message type has its own name", test_names},
      {"every message that is decoded encodes to the same bytes", test_every_message_round_trips},
      {"small messages arrive field by field", test_fields},
      {"a message that is cut off or too long is refused at every length", test_truncated_and_too_long},
      {"any flipped bit is refused or decodes within the capacities", test_flipped_bits},
      {"random bytes are refused or decode within the capacities", test_random_bytes},
      {"a message of another type is refused", test_wrong_type},
      {"values outside of their range are refused", test_bad_values},
      {"texts arrive printable, and names of info are words", test_texts},
      {"encoding into a used buffer allocates nothing", test_steady_state_allocates_nothing},
      {"a message beyond the limit is refused before it is built", test_too_large_to_encode},
  };
  codec_target_init(&sample);
  codec_target_fill(&sample);
  int result = unit_run("codec", cases, sizeof cases / sizeof *cases);
  codec_target_release(&sample);
  return result;
}
