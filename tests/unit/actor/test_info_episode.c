#include "actor/info_episode.h"
#include "common/env/env.h"
#include "tests/support/unit.h"
#include <math.h>

static const uint8_t rules[3] = {CORSAC_INFO_MEAN, CORSAC_INFO_LAST, CORSAC_INFO_MAX};

static void test_rules(void) {
  struct info_episode episode = {0};
  for (uint32_t i = 0; i < 3; i++) CU_ASSERT_EQUAL(info_episode_result(&episode, rules, i), WIRE_NO_VALUE);
  static const double steps[4] = {-8, -2, -3, -3};
  for (int t = 0; t < 4; t++) {
    const double same[3] = {steps[t], steps[t], steps[t]};
    info_episode_add(&episode, rules, 3, same);
  }
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 0), -4);
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 1), -3);
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 2), -2);
}

static void test_not_finite(void) {
  struct info_episode episode = {0};
  static const double steps[5] = {NAN, 1, INFINITY, 3, -INFINITY};
  for (int t = 0; t < 5; t++) {
    const double same[3] = {steps[t], steps[t], steps[t]};
    info_episode_add(&episode, rules, 3, same);
  }
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 0), 2);
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 1), 3);
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 2), 3);
  const double huge[3] = {1.7e308, 1.7e308, 1.7e308}; // its sum with itself is not finite
  for (int t = 0; t < 2; t++) info_episode_add(&episode, rules, 3, huge);
  CU_ASSERT(isfinite(info_episode_result(&episode, rules, 0)));
  CU_ASSERT_EQUAL(info_episode_result(&episode, rules, 2), 1.7e308);
}

int main(void) {
  static const struct unit_case cases[] = {{"a value is summed up by its rule", test_rules},
                                           {"values that are not finite are left out", test_not_finite}};
  return unit_run("info_episode", cases, sizeof cases / sizeof *cases);
}
