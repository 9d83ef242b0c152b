#include "tests/support/codec_samples.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static struct codec_target sample;
#define SAME(a, b, count) CU_ASSERT_EQUAL(memcmp(a, b, (count) * sizeof *(a)), 0)

static void encode(enum message_type type, struct buffer *out, struct frame *frame) {
  CU_ASSERT_EQUAL(codec_target_encode(&sample, type, 5, out, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(frame_decode(out->data, out->size, frame, NULL), STATUS_OK);
}

static void test_hello(void) {
  struct buffer out = {0};
  struct frame frame;
  struct message_hello hello = {0};
  encode(MESSAGE_HELLO, &out, &frame);
  for (int round = 0; round < 2; round++) { // the second releases the first one's bounds
    CU_ASSERT_EQUAL(message_decode_hello(&frame, &hello, NULL), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(hello.environment, "Pendulum-v1");
    CU_ASSERT_EQUAL(hello.obs_dim, SAMPLE_OBS);
    CU_ASSERT_EQUAL(hello.act_dim, SAMPLE_ACT);
    CU_ASSERT_EQUAL(hello.max_episode_steps, 200);
    CU_ASSERT_EQUAL(hello.flags, 1);
    CU_ASSERT_TRUE(hello.can_save);
    SAME(hello.action_low, sample.hello.action_low, SAMPLE_ACT);
    SAME(hello.action_high, sample.hello.action_high, SAMPLE_ACT);
  }
  size_t text = 4 + strlen("Pendulum-v1"), act_dim = text + 4, can_save = text + 16;
  uint8_t *payload = out.data + FRAME_HEADER;
  struct error error = {0};
  payload[can_save] = 2;
  UNIT_STATUS(message_decode_hello(&frame, &hello, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "HELLO"));
  CU_ASSERT_TRUE(error_says(&error, "can_save is 2"));
  CU_ASSERT_EQUAL(hello.act_dim, 0);
  CU_ASSERT_TRUE_FATAL(!hello.action_low);
  CU_ASSERT_TRUE(!hello.action_high);
  payload[can_save] = 0;
  static const uint8_t bad[][4] = {
      {0, 0, 0, 0}, {3, 0, 0, 0}, {0, 0, 0x10, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0x80}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    memcpy(payload + act_dim, bad[i], 4);
    CU_ASSERT_EQUAL(message_decode_hello(&frame, &hello, NULL), STATUS_FORMAT);
    CU_ASSERT_EQUAL(hello.act_dim, 0);
  }
  message_hello_release(&hello);
  buffer_release(&out);
}

static void test_transitions(void) {
  struct buffer out = {0};
  struct frame frame;
  struct transition_batch batch;
  CU_ASSERT_EQUAL(transition_batch_init(&batch, SAMPLE_OBS, SAMPLE_ACT, 9, 3, 4, NULL), STATUS_OK);
  encode(MESSAGE_TRANSITIONS, &out, &frame);
  const float *obs = batch.obs;
  for (int round = 0; round < 3; round++) CU_ASSERT_EQUAL(message_decode_transitions(&frame, &batch, NULL), STATUS_OK);
  CU_ASSERT_PTR_EQUAL(batch.obs, obs);
  const struct transition_batch *sent = &sample.batch;
  CU_ASSERT_EQUAL(batch.rows, SAMPLE_ROWS);
  CU_ASSERT_EQUAL(batch.capacity, 9);
  CU_ASSERT_EQUAL(batch.steps, 1ull << 40);
  SAME(batch.environment, sent->environment, SAMPLE_ROWS);
  SAME(batch.version, sent->version, SAMPLE_ROWS);
  SAME(batch.obs, sent->obs, SAMPLE_ROWS * SAMPLE_OBS); // bit for bit
  SAME(batch.action, sent->action, SAMPLE_ROWS * SAMPLE_ACT);
  SAME(batch.reward, sent->reward, SAMPLE_ROWS);
  SAME(batch.next_obs, sent->next_obs, SAMPLE_ROWS * SAMPLE_OBS);
  SAME(batch.discount, sent->discount, SAMPLE_ROWS);
  CU_ASSERT_EQUAL(batch.episodes, SAMPLE_EPISODES);
  CU_ASSERT_EQUAL(batch.episode[1].environment, 6);
  CU_ASSERT_EQUAL(batch.episode[1].length, 501);
  CU_ASSERT_EQUAL(batch.episode[1].episode, (1ull << 33) + 1);
  CU_ASSERT_EQUAL(batch.episode[1].episode_return, -1.5);
  CU_ASSERT_EQUAL(batch.environments, SAMPLE_ENVIRONMENTS);
  CU_ASSERT_EQUAL(batch.progress[2].environment, 9);
  CU_ASSERT_EQUAL(batch.progress[2].steps, (1ull << 34) + 2);
  CU_ASSERT_EQUAL(batch.progress[2].episode, (1ull << 35) + 2);
  CU_ASSERT_EQUAL(batch.lag.count, 9);
  CU_ASSERT_EQUAL(batch.lag.sum, 21);
  CU_ASSERT_EQUAL(batch.lag.low, 1);
  CU_ASSERT_EQUAL(batch.lag.high, WIRE_MAX_COUNT - 1);
  CU_ASSERT_EQUAL(batch.blocked, 0.125);
  CU_ASSERT_EQUAL(batch.longest_step, 2.5);

  transition_batch_clear(&batch); // n-step: steps without rows
  batch.environments = 0;
  batch.steps = 3;
  CU_ASSERT_EQUAL(message_encode_transitions(&out, 1, &batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(out.data, out.size, &frame, NULL), STATUS_OK);
  batch.steps = 0;
  CU_ASSERT_EQUAL(message_decode_transitions(&frame, &batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(batch.rows, 0);
  CU_ASSERT_EQUAL(batch.steps, 3);
  CU_ASSERT_EQUAL(batch.lag.low, UINT64_MAX);
  transition_batch_release(&batch);
  buffer_release(&out);
}

static void expect_mismatch(const struct frame *frame, uint32_t obs_dim, uint32_t act_dim, uint32_t rows,
                            uint32_t episodes, uint32_t environments, const char *says) {
  struct transition_batch batch;
  struct error error = {0};
  CU_ASSERT_EQUAL(transition_batch_init(&batch, obs_dim, act_dim, rows, episodes, environments, NULL), STATUS_OK);
  UNIT_STATUS(message_decode_transitions(frame, &batch, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "TRANSITIONS"));
  CU_ASSERT_TRUE(error_says(&error, says));
  CU_ASSERT_EQUAL(batch.rows, 0);
  CU_ASSERT_EQUAL(batch.episodes, 0);
  CU_ASSERT_EQUAL(batch.environments, 0);
  transition_batch_release(&batch);
}

static void test_transitions_that_do_not_fit(void) {
  struct buffer out = {0};
  struct frame frame;
  encode(MESSAGE_TRANSITIONS, &out, &frame);
  expect_mismatch(&frame, SAMPLE_OBS + 1, SAMPLE_ACT, 9, 9, 9, "obs_dim is 3, expected 4");
  expect_mismatch(&frame, SAMPLE_OBS, SAMPLE_ACT + 1, 9, 9, 9, "act_dim is 2, expected 3");
  expect_mismatch(&frame, SAMPLE_OBS, SAMPLE_ACT, SAMPLE_ROWS - 1, 9, 9, "rows is 4, at most 3");
  expect_mismatch(&frame, SAMPLE_OBS, SAMPLE_ACT, 9, SAMPLE_EPISODES - 1, 9, "episodes is 2, at most 1");
  expect_mismatch(&frame, SAMPLE_OBS, SAMPLE_ACT, 9, 9, SAMPLE_ENVIRONMENTS - 1, "environments is 3, at most 2");
  buffer_release(&out);
}

// Counts whose products overflow 32 and 64 bits. The batch claims a capacity that its arrays do not have, so nothing
// may be written.
static void test_overflowing_counts(void) {
  struct buffer out = {0};
  struct frame frame;
  struct codec_target target;
  struct error error = {0};
  encode(MESSAGE_TRANSITIONS, &out, &frame);
  codec_target_init(&target);
  target.batch.capacity = target.batch.episode_capacity = target.batch.environment_capacity = UINT32_MAX;
  memset(out.data + FRAME_HEADER + 8, 0xff, 12); // rows, episodes, environments
  UNIT_STATUS(message_decode_transitions(&frame, &target.batch, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "counts call for"));
  target.batch.obs_dim = target.batch.act_dim = WIRE_MAX_DIM;
  static const uint8_t largest[8] = {0, 0, 0x10, 0, 0, 0, 0x10, 0};
  memcpy(out.data + FRAME_HEADER, largest, sizeof largest);
  CU_ASSERT_EQUAL(message_decode_transitions(&frame, &target.batch, NULL), STATUS_FORMAT);

  encode(MESSAGE_SNAPSHOT, &out, &frame);
  for (int bytes = 1; bytes <= 8; bytes++) {
    memset(out.data + FRAME_HEADER + 16 + 8 - bytes, 0xff, (size_t)bytes); // the state's size, up to UINT64_MAX
    CU_ASSERT_EQUAL(message_decode_snapshot(&frame, SAMPLE_WINDOW, &target.snapshot, NULL), STATUS_FORMAT);
    CU_ASSERT_EQUAL(target.snapshot.state.capacity, 0);
  }
  memset(out.data + FRAME_HEADER + 12, 0xff, 4); // the window
  CU_ASSERT_EQUAL(message_decode_snapshot(&frame, UINT32_MAX, &target.snapshot, NULL), STATUS_FORMAT);

  // A window that is too long by itself, and a state whose size makes the sum wrap round to the bytes that there are.
  uint64_t rows = 200, row = 4 * SAMPLE_OBS + 4 * SAMPLE_ACT + 4 + 8,
           state = SAMPLE_STATE + (SAMPLE_WINDOW - rows) * row;
  CU_ASSERT_TRUE(state > UINT64_MAX / 2);
  out.data[FRAME_HEADER + 12] = (uint8_t)rows; // behind obs_dim, act_dim and agents
  memset(out.data + FRAME_HEADER + 13, 0, 3);
  for (int i = 0; i < 8; i++) out.data[FRAME_HEADER + 16 + i] = (uint8_t)(state >> 8 * i);
  error_clear(&error);
  UNIT_STATUS(message_decode_snapshot(&frame, 1000, &target.snapshot, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "state size"));

  encode(MESSAGE_WEIGHTS, &out, &frame);
  memset(out.data + FRAME_HEADER + 12, 0xff, 8); // parameters
  CU_ASSERT_EQUAL(message_decode_weights(&frame, &target.weights, NULL), STATUS_FORMAT);
  codec_target_release(&target);
  buffer_release(&out);
}

static void test_snapshot(void) {
  struct buffer out = {0};
  struct frame frame;
  struct snapshot got;
  CU_ASSERT_EQUAL(snapshot_init(&got, SAMPLE_OBS, SAMPLE_ACT, SAMPLE_WINDOW, NULL), STATUS_OK);
  const uint8_t *state = NULL;
  for (int round = 0; round < 3; round++) {
    enum message_type type = round ? MESSAGE_RESTORE : MESSAGE_SNAPSHOT;
    encode(type, &out, &frame);
    CU_ASSERT_EQUAL(frame.type, type);
    CU_ASSERT_EQUAL(message_decode_snapshot(&frame, SAMPLE_WINDOW, &got, NULL), STATUS_OK);
    if (state) CU_ASSERT_PTR_EQUAL(got.state.data, state);
    state = got.state.data;
  }
  const struct snapshot *sent = &sample.snapshot;
  CU_ASSERT_EQUAL(got.environment, 12);
  CU_ASSERT_EQUAL(got.steps, 1ull << 36);
  CU_ASSERT_EQUAL(got.episode, 77);
  CU_ASSERT_TRUE_FATAL(got.live);
  CU_ASSERT_EQUAL(got.episode_length, 199);
  CU_ASSERT_EQUAL(got.episode_return, -0.1);
  CU_ASSERT_EQUAL(got.window, SAMPLE_WINDOW);
  SAME(got.obs, sent->obs, SAMPLE_OBS);
  SAME(got.window_obs, sent->window_obs, SAMPLE_WINDOW * SAMPLE_OBS);
  SAME(got.window_action, sent->window_action, SAMPLE_WINDOW * SAMPLE_ACT);
  SAME(got.window_reward, sent->window_reward, SAMPLE_WINDOW);
  SAME(got.window_version, sent->window_version, SAMPLE_WINDOW);
  CU_ASSERT_EQUAL(got.state.size, SAMPLE_STATE);
  SAME(got.state.data, sent->state.data, SAMPLE_STATE);

  struct error error = {0};
  UNIT_STATUS(message_decode_snapshot(&frame, SAMPLE_WINDOW - 1, &got, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "RESTORE"));
  CU_ASSERT_TRUE(error_says(&error, "window is 2, at most 1"));
  CU_ASSERT_EQUAL(got.window, 0);
  CU_ASSERT_EQUAL(got.state.size, 0);

  struct snapshot bare; // counters only: no window, no state
  CU_ASSERT_EQUAL(snapshot_init(&bare, SAMPLE_OBS, SAMPLE_ACT, 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(message_encode_snapshot(&out, MESSAGE_SNAPSHOT, 1, &bare, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(out.data, out.size, &frame, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(message_decode_snapshot(&frame, 0, &bare, NULL), STATUS_OK);
  CU_ASSERT_TRUE_FATAL(!bare.live);
  CU_ASSERT_EQUAL(bare.window, 0);
  CU_ASSERT_EQUAL(bare.state.size, 0);
  snapshot_release(&bare);
  snapshot_release(&got);
  buffer_release(&out);
}

static void test_weights(void) {
  struct buffer out = {0};
  struct frame frame;
  struct codec_target target;
  struct error error = {0};
  codec_target_init(&target);
  encode(MESSAGE_WEIGHTS, &out, &frame);
  const float *values = target.weights.values;
  CU_ASSERT_EQUAL(message_decode_weights(&frame, &target.weights, NULL), STATUS_OK);
  CU_ASSERT_PTR_EQUAL(target.weights.values, values);
  CU_ASSERT_EQUAL(target.weights.version, 1ull << 44);
  CU_ASSERT_TRUE(target.weights.normalize);
  SAME(target.weights.shift, sample.weights.shift, SAMPLE_OBS);
  SAME(target.weights.scale, sample.weights.scale, SAMPLE_OBS);
  SAME(target.weights.values, sample.weights.values, SAMPLE_PARAMETERS);

  target.weights.version = 9; // a refused message leaves the weights as they were
  target.weights.parameters--;
  UNIT_STATUS(message_decode_weights(&frame, &target.weights, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, "parameters is 11, expected 10"));
  CU_ASSERT_EQUAL(target.weights.version, 9);
  target.weights.parameters++;
  frame.size--;
  CU_ASSERT_EQUAL(message_decode_weights(&frame, &target.weights, NULL), STATUS_FORMAT);
  CU_ASSERT_EQUAL(target.weights.version, 9);
  codec_target_release(&target);
  buffer_release(&out);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"HELLO arrives whole, bad dimensions and flags are refused", test_hello},
      {"TRANSITIONS arrive bit for bit, with no rows too", test_transitions},
      {"a batch of another shape or beyond the capacities is refused", test_transitions_that_do_not_fit},
      {"counts whose products overflow are refused", test_overflowing_counts},
      {"SNAPSHOT and RESTORE arrive whole, decoding again allocates nothing", test_snapshot},
      {"WEIGHTS arrive whole or not at all", test_weights},
  };
  codec_target_init(&sample);
  codec_target_fill(&sample);
  int result = unit_run("codec_bulk", cases, sizeof cases / sizeof *cases);
  codec_target_release(&sample);
  return result;
}
