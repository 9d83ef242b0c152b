#include "common/nn/history.h"
#include "tests/support/unit.h"
#include <string.h>

static const struct history with = {.length = 3, .obs_dim = 2, .act_dim = 1, .actions = true};
static const struct history without = {.length = 3, .obs_dim = 2, .act_dim = 1, .actions = false};
static const struct history alone = {.length = 1, .obs_dim = 2, .act_dim = 1, .actions = true};

static const float obs[5][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}};
static const float action[4][1] = {{0.1f}, {0.2f}, {0.3f}, {0.4f}};

// Plays five observations, and compares the input after each with a row of `wanted`.
static void expect(const struct history *history, size_t width, const float *wanted) {
  float input[9];
  for (size_t i = 0; i < 9; i++) input[i] = -1;
  CU_ASSERT_EQUAL(history_width(history), width);
  for (size_t t = 0; t < 5; t++) {
    if (t == 0)
      history_reset(history, input, obs[0]);
    else
      history_push(history, input, action[t - 1], obs[t]);
    CU_ASSERT_EQUAL(memcmp(input, wanted + t * width, width * sizeof *input), 0);
    CU_ASSERT_EQUAL(input[width], -1); // nothing behind it is touched
  }
}

static void test_with_actions(void) {
  static const float wanted[5][8] = {{1, 2, 0, 1, 2, 0, 1, 2},
                                     {1, 2, 0, 1, 2, 0.1f, 3, 4},
                                     {1, 2, 0.1f, 3, 4, 0.2f, 5, 6},
                                     {3, 4, 0.2f, 5, 6, 0.3f, 7, 8},
                                     {5, 6, 0.3f, 7, 8, 0.4f, 9, 10}};
  expect(&with, 8, *wanted);
  for (uint32_t i = 0; i < 3; i++) CU_ASSERT_EQUAL(wanted[4][history_offset(&with, i)], obs[2 + i][0]);
}

static void test_without_actions(void) {
  static const float wanted[5][6] = {
      {1, 2, 1, 2, 1, 2}, {1, 2, 1, 2, 3, 4}, {1, 2, 3, 4, 5, 6}, {3, 4, 5, 6, 7, 8}, {5, 6, 7, 8, 9, 10}};
  expect(&without, 6, *wanted);
  for (uint32_t i = 0; i < 3; i++) CU_ASSERT_EQUAL(wanted[4][history_offset(&without, i)], obs[2 + i][0]);
}

static void test_alone(void) { expect(&alone, 2, *obs); }

static void test_repeat(void) {
  static const float wanted[8] = {3, 4, 1, 3, 4, 1, 3, 4};
  float input[8];
  history_repeat(&with, obs[1], 1, input);
  CU_ASSERT_EQUAL(memcmp(input, wanted, sizeof wanted), 0);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the newest observations and the actions between them, oldest first", test_with_actions},
      {"observations alone", test_without_actions},
      {"a history of one is the observation", test_alone},
      {"numbers of an observation for each one of an input", test_repeat},
  };
  return unit_run("history", cases, sizeof cases / sizeof *cases);
}
