#include "common/base/log.h"
#include "launch/runs/run_set.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static void test_runs(void) {
  char *directory = unit_tmpdir(), *one = runs_make(directory, "one", "seed: 1", 3, 0),
       *none = runs_make(directory, "none", "seed: 2", 0, 0), *two = runs_make(directory, "two", "utd: 2", 3, 0);
  const char *paths[] = {one, none, two};
  struct run_set runs = {0};
  struct error error = {0};
  log_init(0, LOG_ERROR);
  UNIT_STATUS_FATAL(run_set_read("plot", paths, 3, false, &runs, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(runs.count, 2);
  CU_ASSERT_EQUAL(runs.groups, 2);
  CU_ASSERT_STRING_EQUAL(runs.record[1].path, two);
  run_set_release(&runs);
  UNIT_STATUS_FATAL(run_set_read("report", paths, 3, true, &runs, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(runs.count, 3);
  CU_ASSERT_EQUAL(runs.record[1].metrics.rows, 0);
  run_set_release(&runs);
  UNIT_STATUS(run_set_read("plot", paths + 1, 1, false, &runs, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, none));
  CU_ASSERT_TRUE(error_says(&error, "no rows yet"));
  error = (struct error){0};
  UNIT_STATUS(run_set_read("plot", paths, 0, false, &runs, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "corsac plot RUN..."));
  free(one), free(none), free(two);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {{"runs without rows are left out where that is wanted", test_runs}};
  return unit_run("run_records", cases, sizeof cases / sizeof *cases);
}
