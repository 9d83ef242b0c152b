#include "launch/runs/run.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static void test_run(void) {
  char *directory = unit_tmpdir(), *path = runs_make(directory, "a", "seed: 7\nutd: 2", 4, -100);
  struct run run;
  struct error error = {0};
  UNIT_STATUS_FATAL(run_read(unit_in(path, "/"), &run, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(run.path, path); // without the slashes at its end
  CU_ASSERT_EQUAL(run.config.seed, 7);
  CU_ASSERT_EQUAL(run.config.utd, 2);
  CU_ASSERT_EQUAL(run.metrics.rows, 4);
  run_release(&run);
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_no_run(void) {
  char *directory = unit_tmpdir();
  unit_write_file(unit_in(directory, "file"), "x", 1);
  const char *paths[] = {directory, unit_in(directory, "file"), unit_in(directory, "gone")},
             *says[] = {"holds no config.yaml", "is no directory", "cannot be read"};
  for (int i = 0; i < 3; i++) {
    struct run run;
    struct error error = {0};
    UNIT_STATUS(run_read(paths[i], &run, &error), i == 2 ? STATUS_IO : STATUS_USAGE, &error);
    CU_ASSERT_TRUE(error_says(&error, paths[i]));
    CU_ASSERT_TRUE(error_says(&error, says[i]));
  }
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a run has its directory's configuration and metrics", test_run},
      {"the error names a directory that is no run's", test_no_run},
  };
  return unit_run("run", cases, sizeof cases / sizeof *cases);
}
