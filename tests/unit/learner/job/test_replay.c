#include "learner/job/replay.h"
#include "common/base/memory.h"
#include "tests/support/unit.h"
#include <string.h>

enum { OBS = 3, ACT = 2, WIDTH = OBS + ACT, CAPACITY = 10 };

// Row number n in every column, so that a row that is mixed up is seen.
static void insert(struct replay *replay, int first, int rows) {
  float obs[32 * OBS], action[32 * ACT], reward[32], next_obs[32 * OBS], discount[32];
  for (int i = 0; i < rows; i++) {
    const float n = (float)(first + i);
    for (int j = 0; j < OBS; j++) obs[i * OBS + j] = n + 0.125f * (float)j;
    for (int j = 0; j < OBS; j++) next_obs[i * OBS + j] = -n - 0.125f * (float)j;
    for (int j = 0; j < ACT; j++) action[i * ACT + j] = 1000 * n + (float)j;
    reward[i] = 10 * n;
    discount[i] = 100 * n;
  }
  replay_insert(replay, (size_t)rows, obs, action, reward, next_obs, discount);
}

static void check_slot(const struct replay *replay, uint32_t slot, int n) {
  real obs[WIDTH], next_obs[WIDTH], reward, discount;
  const real *action = obs + OBS;
  next_obs[OBS] = 77;
  replay_gather(
      replay, &slot,
      &(struct sac_batch){
          .rows = 1, .width = WIDTH, .input = obs, .next_input = next_obs, .reward = &reward, .discount = &discount});
  CU_ASSERT_EQUAL(next_obs[OBS], 77); // the room for the next action is not touched
  for (int j = 0; j < OBS; j++) CU_ASSERT_EQUAL(obs[j], (real)n + (real)0.125 * (real)j);
  for (int j = 0; j < OBS; j++) CU_ASSERT_EQUAL(next_obs[j], (real)-n - (real)0.125 * (real)j);
  for (int j = 0; j < ACT; j++) CU_ASSERT_EQUAL(action[j], (real)(1000 * n + j));
  CU_ASSERT_EQUAL(reward, (real)(10 * n));
  CU_ASSERT_EQUAL(discount, (real)(100 * n));
}

static void test_ring(void) {
  struct replay *replay = replay_create(CAPACITY, OBS, ACT, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(replay);
  CU_ASSERT_EQUAL(replay_capacity(replay), CAPACITY);
  CU_ASSERT_EQUAL(replay_size(replay), 0);
  insert(replay, 0, 7);
  CU_ASSERT_EQUAL(replay_size(replay), 7);
  CU_ASSERT_EQUAL(replay_cursor(replay), 7);
  for (int i = 0; i < 7; i++) check_slot(replay, (uint32_t)i, i);
  insert(replay, 7, 5); // slots 0 and 1 are overwritten
  CU_ASSERT_EQUAL(replay_size(replay), CAPACITY);
  CU_ASSERT_EQUAL(replay_cursor(replay), 2);
  for (int i = 0; i < CAPACITY; i++) check_slot(replay, (uint32_t)i, i < 2 ? 10 + i : i);
  insert(replay, 100, 25); // more than fit: the last ten stay
  CU_ASSERT_EQUAL(replay_size(replay), CAPACITY);
  CU_ASSERT_EQUAL(replay_cursor(replay), 7);
  for (int i = 0; i < CAPACITY; i++) check_slot(replay, (uint32_t)i, i < 7 ? 118 + i : 108 + i);
  replay_destroy(replay);
}

static void test_gather_order(void) {
  struct replay *replay = replay_create(CAPACITY, OBS, ACT, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(replay);
  insert(replay, 0, 10);
  const uint32_t index[4] = {9, 0, 5, 5};
  real input[4 * WIDTH], reward[4], next_input[4 * WIDTH], discount[4];
  replay_gather(
      replay, index,
      &(struct sac_batch){
          .rows = 4, .width = WIDTH, .input = input, .next_input = next_input, .reward = reward, .discount = discount});
  for (int i = 0; i < 4; i++) {
    CU_ASSERT_EQUAL(input[i * WIDTH + 2], (real)index[i] + (real)0.25);
    CU_ASSERT_EQUAL(next_input[i * WIDTH], -(real)index[i]);
    CU_ASSERT_EQUAL(input[i * WIDTH + OBS + 1], (real)(1000 * index[i] + 1));
    CU_ASSERT_EQUAL(reward[i], (real)(10 * index[i]));
    CU_ASSERT_EQUAL(discount[i], (real)(100 * index[i]));
  }
  replay_destroy(replay);
}

static void test_draw(void) {
  struct replay *replay = replay_create(CAPACITY, OBS, ACT, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(replay);
  insert(replay, 0, 6);
  enum { DRAWS = 60000 };
  static uint32_t index[DRAWS], again[DRAWS];
  struct random random = random_stream(7, RANDOM_REPLAY, 0, 3);
  replay_draw(replay, &random, DRAWS, index);
  double count[CAPACITY] = {0}, chi2 = 0;
  for (int i = 0; i < DRAWS; i++) {
    CU_ASSERT_TRUE_FATAL(index[i] < 6); // only rows that are there
    count[index[i]]++;
  }
  for (int i = 0; i < 6; i++) chi2 += (count[i] - DRAWS / 6.0) * (count[i] - DRAWS / 6.0) / (DRAWS / 6.0);
  CU_ASSERT_TRUE(chi2 < 20.5); // 99.9 % of 5 degrees of freedom
  random = random_stream(7, RANDOM_REPLAY, 0, 3);
  replay_draw(replay, &random, DRAWS, again);
  CU_ASSERT_EQUAL(memcmp(index, again, sizeof index), 0);
  random = random_stream(7, RANDOM_REPLAY, 0, 4);
  replay_draw(replay, &random, DRAWS, again);
  CU_ASSERT_NOT_EQUAL(memcmp(index, again, sizeof index), 0);
  replay_destroy(replay);
}

static void test_columns(void) {
  struct replay *from = replay_create(CAPACITY, OBS, ACT, NULL), *to = replay_create(CAPACITY, OBS, ACT, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(from);
  CU_ASSERT_PTR_NOT_NULL_FATAL(to);
  insert(from, 0, 13);
  static const uint32_t widths[REPLAY_COLUMNS] = {
      [REPLAY_OBS] = OBS, [REPLAY_ACTION] = ACT, [REPLAY_REWARD] = 1, [REPLAY_NEXT_OBS] = OBS, [REPLAY_DISCOUNT] = 1};
  for (int c = 0; c < REPLAY_COLUMNS; c++) CU_ASSERT_EQUAL(replay_column_width(from, (enum replay_column)c), widths[c]);
  float obs[4 * OBS], action[4 * ACT], reward[4], next_obs[4 * OBS], discount[4];
  float *const out[REPLAY_COLUMNS] = {obs, action, reward, next_obs, discount};
  const float *const in[REPLAY_COLUMNS] = {obs, action, reward, next_obs, discount};
  for (size_t begin = 0; begin < CAPACITY; begin += 4) { // in pieces of 4, 4, 2
    const size_t rows = begin + 4 <= CAPACITY ? 4 : CAPACITY - begin;
    replay_read_rows(from, begin, rows, out);
    replay_write_rows(to, begin, rows, in);
  }
  replay_read_rows(from, 2, 2, out); // memory order, not age
  CU_ASSERT_EQUAL(reward[0], 120);
  CU_ASSERT_EQUAL(reward[1], 30);
  replay_set_state(to, replay_size(from), replay_cursor(from));
  insert(from, 50, 1);
  insert(to, 50, 1);
  for (uint32_t i = 0; i < CAPACITY; i++) check_slot(to, i, i < 3 ? 10 + (int)i : i == 3 ? 50 : (int)i);
  CU_ASSERT_EQUAL(replay_cursor(to), 4);
  replay_destroy(from);
  replay_destroy(to);
}

// A view is the replay of its moment, and what it holds is not overwritten: by the count of rows that fit.
static void test_view(void) {
  static const int rows[] = {0, 4, CAPACITY, CAPACITY + 3};
  for (int i = 0; i < 4; i++) {
    struct replay *replay = replay_create(CAPACITY, OBS, ACT, NULL), *view = replay_view_create(replay, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    insert(replay, 0, rows[i]);
    CU_ASSERT_EQUAL(replay_room(replay), SIZE_MAX);
    replay_view_take(view);
    const size_t size = replay_size(replay);
    CU_ASSERT_EQUAL_FATAL(replay_size(view), size);
    CU_ASSERT_EQUAL(replay_cursor(view), replay_cursor(replay));
    CU_ASSERT_EQUAL(replay_room(replay), size == 0 ? SIZE_MAX : CAPACITY - size);
    insert(replay, 100, (int)(CAPACITY - size));
    CU_ASSERT_EQUAL(replay_size(view), size);
    for (uint32_t r = 0; r < size; r++)
      check_slot(view, r, rows[i] - (int)((replay_cursor(view) + size - 1 - r) % size) - 1);
    if (size > 0) CU_ASSERT_EQUAL(replay_room(replay), 0);
    if (size > 2) {
      replay_view_release(view, 2);
      CU_ASSERT_EQUAL_FATAL(replay_room(replay), 2);
      CU_ASSERT_EQUAL(replay_view_released(view), 2);
      insert(replay, 200, 1);
      CU_ASSERT_EQUAL(replay_room(replay), 1);
    }
    replay_view_release(view, CAPACITY);
    CU_ASSERT_EQUAL(replay_room(replay), SIZE_MAX);
    insert(replay, 300, 3 * CAPACITY);
    replay_view_take(view); // again
    CU_ASSERT_EQUAL_FATAL(replay_room(replay), 0);
    CU_ASSERT_EQUAL(replay_size(view), CAPACITY);
    replay_view_release(view, CAPACITY);
    replay_view_release(replay, 1); // no view
    replay_destroy(view);
    CU_ASSERT_EQUAL(replay_room(replay), SIZE_MAX);
    replay_destroy(replay);
  }
}

// A ring of ten thousand rows with memory for 10: it is the same until they are there, and takes no more.
static void test_promised(void) {
  struct error error = {0};
  struct replay *replay = replay_create_for(10000, 10, 1, 1, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(replay);
  UNIT_STATUS(replay_reserve(replay, 12, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(replay_capacity(replay), 10000);
  for (float value = 0; value < 20; value++) replay_insert(replay, 1, &value, &value, &value, &value, &value);
  CU_ASSERT_EQUAL_FATAL(replay_size(replay), 12);
  CU_ASSERT_EQUAL(replay_cursor(replay), 12);
  struct replay *view = replay_view_create(replay, &error);
  replay_view_take(view);
  CU_ASSERT_EQUAL_FATAL(replay_size(view), 12);
  CU_ASSERT_EQUAL(replay_room(replay), 10000 - 12);
  float obs, action, reward, next_obs, discount;
  replay_read_rows(view, 11, 1, (float *const[REPLAY_COLUMNS]){&obs, &action, &reward, &next_obs, &discount});
  CU_ASSERT_EQUAL(obs, 11);
  CU_ASSERT_EQUAL(discount, 11);
  replay_view_release(view, 12);
  replay_destroy(view);
  replay_destroy(replay);
}

static void test_refusal(void) {
  struct error error = {0};
  const size_t row = replay_row_bytes(1000000, 10);
  CU_ASSERT_TRUE(row >= sizeof(float) * (2 * 1000000 + 10 + 2));
  const size_t capacity = memory_available() / row * 2 + 1;
  CU_ASSERT_PTR_NULL(replay_create(capacity, 1000000, 10, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  CU_ASSERT_TRUE(error_says(&error, "replay_capacity"));
  CU_ASSERT_TRUE(error_says(&error, "available"));
  error_clear(&error);
  CU_ASSERT_PTR_NULL(replay_create((size_t)1 << 32, 1, 1, &error)); // rows are numbered in 32 bits
  CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
  error_clear(&error);
  CU_ASSERT_PTR_NULL(replay_create(0, 1, 1, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the oldest rows make room, and rows stay whole", test_ring},
      {"rows are gathered in the order of the indices", test_gather_order},
      {"draws are uniform over the rows that are there, and depend on the stream alone", test_draw},
      {"a copy by columns continues like the original", test_columns},
      {"a view holds the rows of its moment until it releases them, oldest first", test_view},
      {"a replay with memory for fewer rows than its capacity is still a ring of its capacity", test_promised},
      {"a capacity that memory cannot hold is refused with what to lower", test_refusal},
  };
  return unit_run("replay", cases, sizeof cases / sizeof *cases);
}
