#include "learner/sac/learning_rate.h"
#include "tests/support/unit.h"
#include <math.h>

static double share(const char *form, double last, double progress) {
  struct config config = {.lr_final = last};
  snprintf(config.lr_schedule, sizeof config.lr_schedule, "%s", form);
  const struct learning_rate_schedule schedule = learning_rate_schedule_of(&config);
  return learning_rate_share(&schedule, progress);
}

static void test_constant(void) {
  for (double p = 0; p <= 1; p += 0.125) CU_ASSERT_EQUAL(share("constant", 0.1, p), 1);
  CU_ASSERT_EQUAL(share("", 0, 1), 1);
}

static void test_linear(void) {
  for (double p = 0; p <= 1; p += 0.01) CU_ASSERT_DOUBLE_EQUAL(share("linear", 0.1, p), 1 - 0.9 * p, 1e-15);
}

static void test_cosine(void) {
  const double pi = acos(-1);
  for (double p = 0; p <= 1; p += 0.001)
    CU_ASSERT_DOUBLE_EQUAL(share("cosine", 0.3, p), 0.3 + 0.7 * (1 + cos(pi * p)) / 2, 4e-16);
  CU_ASSERT_EQUAL(share("cosine", 0, 0), 1);
  CU_ASSERT_DOUBLE_EQUAL(share("cosine", 0, 1), 0, 1e-16);
}

static void test_ends(void) {
  static const char *const forms[] = {"linear", "cosine"};
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(share(forms[i], 0.5, 7), share(forms[i], 0.5, 1));
    CU_ASSERT_EQUAL(share(forms[i], 0.5, -1), share(forms[i], 0.5, 0));
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a constant rate stays", test_constant},
      {"a linear one falls to its share", test_linear},
      {"a cosine is the C library's", test_cosine},
      {"progress beyond the ends stays at them", test_ends},
  };
  return unit_run("learning_rate", cases, sizeof cases / sizeof *cases);
}
