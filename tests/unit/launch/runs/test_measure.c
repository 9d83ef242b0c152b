#include "launch/runs/measure.h"
#include "learner/job/metrics.h"
#include "tests/support/unit.h"

#include <string.h>

// Every column that a picture shows is one that training writes.
static void test_columns(void) {
  static const char *const columns[] = {"return_mean",     "eval_return_mean", "critic_loss",  "policy_loss",
                                        "q_mean",          "entropy",          "alpha",        "policy_lag_mean",
                                        "env_steps_per_s", "updates_per_s",    "learner_wait", "actor_wait"};
  char header[METRICS_HEADER + 2];
  snprintf(header, sizeof header, ",%s,", metrics_header());
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    const struct measure *measure = measure_of(columns[i]);
    char cell[64];
    snprintf(cell, sizeof cell, ",%s,", columns[i]);
    CU_ASSERT_STRING_EQUAL(measure->column, columns[i]);
    CU_ASSERT_PTR_NOT_NULL(measure->title);
    CU_ASSERT_PTR_NOT_NULL(strstr(header, cell));
  }
}

static void test_shares(void) {
  CU_ASSERT_STRING_EQUAL(measure_of("actor_wait")->title, "actors wait, share of their time");
  CU_ASSERT_STRING_EQUAL(measure_of("actor_wait")->percent_title, "actors wait, % of their time");
  CU_ASSERT_PTR_NULL(measure_of("q_mean")->percent_title);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every measure is a column of metrics.csv and has a title", test_columns},
      {"a share has a title in percent too", test_shares},
  };
  return unit_run("measure", cases, sizeof cases / sizeof *cases);
}
