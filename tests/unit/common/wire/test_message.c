#include "common/wire/message.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_lag(void) {
  struct lag_record sum = {.low = UINT64_MAX}, none = {.low = UINT64_MAX};
  struct lag_record a = {.count = 2, .sum = 7, .low = 3, .high = 4}, b = {.count = 1, .sum = 1, .low = 1, .high = 1};
  lag_record_add(&sum, &none);
  CU_ASSERT_EQUAL(sum.count, 0);
  CU_ASSERT_EQUAL(sum.low, UINT64_MAX);
  CU_ASSERT_EQUAL(sum.high, 0);
  lag_record_add(&sum, &a);
  lag_record_add(&sum, &none);
  lag_record_add(&sum, &b);
  CU_ASSERT_EQUAL(sum.count, 3);
  CU_ASSERT_EQUAL(sum.sum, 8);
  CU_ASSERT_EQUAL(sum.low, 1);
  CU_ASSERT_EQUAL(sum.high, 4);
  struct lag_record zeroed = {0}; // counts as none, its low too
  lag_record_add(&zeroed, &a);
  CU_ASSERT_EQUAL(zeroed.low, 3);
  CU_ASSERT_EQUAL(zeroed.high, 4);
  lag_record_add(&sum, &(struct lag_record){0});
  CU_ASSERT_EQUAL(sum.low, 1);
}

static void test_batch(void) {
  struct transition_batch batch;
  CU_ASSERT_EQUAL(transition_batch_init(&batch, 3, 2, 10, 4, 5, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(batch.obs_dim, 3);
  CU_ASSERT_EQUAL(batch.act_dim, 2);
  CU_ASSERT_EQUAL(batch.capacity, 10);
  CU_ASSERT_EQUAL(batch.rows, 0);
  CU_ASSERT_EQUAL(batch.episode_capacity, 4);
  CU_ASSERT_EQUAL(batch.environment_capacity, 5);
  CU_ASSERT_EQUAL(batch.lag.low, UINT64_MAX);
  memset(batch.obs, 1, 30 * sizeof *batch.obs); // the whole capacity is ours: the address sanitizer watches
  memset(batch.next_obs, 1, 30 * sizeof *batch.next_obs);
  memset(batch.action, 1, 20 * sizeof *batch.action);
  memset(batch.reward, 1, 10 * sizeof *batch.reward);
  memset(batch.discount, 1, 10 * sizeof *batch.discount);
  memset(batch.environment, 1, 10 * sizeof *batch.environment);
  memset(batch.version, 1, 10 * sizeof *batch.version);
  memset(batch.episode, 1, 4 * sizeof *batch.episode);
  memset(batch.progress, 1, 5 * sizeof *batch.progress);
  batch.rows = 9;
  batch.steps = 8;
  batch.episodes = 3;
  batch.environments = 5;
  batch.lag = (struct lag_record){1, 2, 3, 4};
  batch.blocked = 1.5;
  batch.longest_step = 2.5;
  transition_batch_clear(&batch);
  CU_ASSERT_EQUAL(batch.rows, 0);
  CU_ASSERT_EQUAL(batch.steps, 0);
  CU_ASSERT_EQUAL(batch.episodes, 0);
  CU_ASSERT_EQUAL(batch.blocked, 0);
  CU_ASSERT_EQUAL(batch.lag.count, 0);
  CU_ASSERT_EQUAL(batch.lag.low, UINT64_MAX);
  CU_ASSERT_EQUAL(batch.environments, 5);
  CU_ASSERT_EQUAL(batch.longest_step, 2.5);
  transition_batch_release(&batch);
  CU_ASSERT_PTR_NULL(batch.obs);
  transition_batch_release(&batch); // twice is fine
}

static void test_limits(void) {
  static const uint32_t bad[][2] = {
      {0, 1}, {1, 0}, {WIRE_MAX_DIM + 1, 1}, {1, WIRE_MAX_DIM + 1}, {UINT32_MAX, UINT32_MAX}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct transition_batch batch;
    struct snapshot snapshot;
    struct error error = {0};
    UNIT_STATUS(transition_batch_init(&batch, bad[i][0], bad[i][1], 1, 1, 1, &error), STATUS_MISMATCH, &error);
    CU_ASSERT_TRUE(error_says(&error, "obs_dim"));
    CU_ASSERT_PTR_NULL(batch.obs);
    CU_ASSERT_EQUAL(snapshot_init(&snapshot, bad[i][0], bad[i][1], 1, NULL), STATUS_MISMATCH);
    CU_ASSERT_PTR_NULL(snapshot.obs);
  }
}

static void test_snapshot_copy(void) {
  struct snapshot from, to;
  CU_ASSERT_EQUAL(snapshot_init(&from, 3, 2, 4, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(snapshot_init(&to, 3, 2, 4, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(snapshot_copy(&to, &from, NULL), STATUS_OK); // nothing in it yet
  CU_ASSERT_EQUAL(to.window, 0);
  CU_ASSERT_EQUAL(to.state.size, 0);
  CU_ASSERT_TRUE(!to.live);
  from.environment = 6;
  from.steps = 7;
  from.episode = 8;
  from.live = true;
  from.exact = true;
  from.episode_return = 1.5;
  from.episode_length = 9;
  from.window = 4;
  for (int i = 0; i < 3; i++) from.obs[i] = (float)i;
  for (int i = 0; i < 12; i++) from.window_obs[i] = (float)(10 + i);
  for (int i = 0; i < 8; i++) from.window_action[i] = (float)(30 + i);
  for (int i = 0; i < 4; i++) from.window_reward[i] = (float)(40 + i), from.window_version[i] = (uint64_t)i << 40;
  CU_ASSERT_EQUAL_FATAL(buffer_reserve(&from.state, 5, NULL), STATUS_OK);
  memcpy(from.state.data, "state", 5);
  from.state.size = 5;
  CU_ASSERT_EQUAL(snapshot_copy(&to, &from, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(to.environment, 6);
  CU_ASSERT_EQUAL(to.steps, 7);
  CU_ASSERT_EQUAL(to.episode, 8);
  CU_ASSERT_TRUE_FATAL(to.live);
  CU_ASSERT_TRUE_FATAL(to.exact);
  CU_ASSERT_EQUAL(to.episode_length, 9);
  CU_ASSERT_EQUAL(to.window, 4);
  CU_ASSERT_EQUAL(to.episode_return, 1.5);
  CU_ASSERT_TRUE(to.obs != from.obs);
  CU_ASSERT_TRUE(to.window_obs != from.window_obs);
  CU_ASSERT_TRUE(to.state.data != from.state.data);
  CU_ASSERT_EQUAL(to.obs[2], 2);
  CU_ASSERT_EQUAL(to.window_obs[11], 21);
  CU_ASSERT_EQUAL(to.window_action[7], 37);
  CU_ASSERT_EQUAL(to.window_reward[3], 43);
  CU_ASSERT_EQUAL(to.window_version[3], 3ull << 40);
  CU_ASSERT_EQUAL(to.state.size, 5);
  CU_ASSERT_EQUAL(memcmp(to.state.data, "state", 5), 0);
  const uint8_t *state = to.state.data;
  from.state.size = 2;
  CU_ASSERT_EQUAL(snapshot_copy(&to, &from, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(to.state.size, 2);
  CU_ASSERT_EQUAL(to.state.data, state);
  snapshot_release(&from);
  snapshot_release(&to);
  snapshot_release(&to);
}

static void test_hello_release(void) {
  struct message_hello hello = {.environment = "x", .obs_dim = 1, .act_dim = 2};
  hello.action_low = memory_alloc(2, sizeof(double), "bounds", NULL);
  hello.action_high = memory_alloc(2, sizeof(double), "bounds", NULL);
  message_hello_release(&hello);
  CU_ASSERT_TRUE_FATAL(!hello.action_low);
  CU_ASSERT_TRUE_FATAL(!hello.action_high);
  CU_ASSERT_EQUAL(hello.act_dim, 0);
  CU_ASSERT_TRUE(!hello.environment[0]);
  message_hello_release(&hello);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"lag records add up and an empty one changes nothing", test_lag},
      {"a batch has its capacities, and clear keeps longest_step and progress", test_batch},
      {"dimensions that the wire cannot carry are refused", test_limits},
      {"a snapshot's copy is whole and its own", test_snapshot_copy},
      {"a HELLO may be released twice", test_hello_release},
  };
  return unit_run("message", cases, sizeof cases / sizeof *cases);
}
