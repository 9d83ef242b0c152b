#include "launch/runs/run_summary.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(const char *run, const char *name, const char *text) {
  unit_write_file(unit_in(run, name), text, strlen(text));
}

static void test_summary(void) {
  char *directory = unit_tmpdir(), *path = runs_make(directory, "run", "seed: 1", 6, -100);
  put(path, "status.json",
      "{\"state\": \"stopped\", \"reason\": \"signal 10\\u001b[2J\", \"actors_lost\": 2, \"host\": \"n1\", "
      "\"dropped\": "
      "{\"surplus\": 3, \"unsent\": 16, \"lost_at_most\": 32}}");
  put(path, "log.txt",
      "07:00:00.000 0 info  corsac 0.1.0: Pendulum-v1 (obs 3, act 1), ...\n07:00:01.000 0 warn  one\n"
      "07:00:02.000 0 info  resumed from run/ckpt-300.h5 at 300 steps\n07:00:03.000 0 error two\xff\nhalf a li");
  put(path, "ckpt-300.h5", "no HDF5");
  struct run run;
  struct run_summary summary;
  CU_ASSERT_EQUAL_FATAL(run_read(path, &run, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(run_summary_read(&run, &summary, NULL), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(summary.state, "stopped");
  CU_ASSERT_STRING_EQUAL(summary.reason, "signal 10\\x1b[2J");
  CU_ASSERT_EQUAL(summary.actors_lost, 2);
  CU_ASSERT_EQUAL(summary.surplus, 3);
  CU_ASSERT_EQUAL(summary.unsent, 16);
  CU_ASSERT_EQUAL(summary.lost_at_most, 32);
  CU_ASSERT_EQUAL(summary.resumes, 1);
  CU_ASSERT_EQUAL(summary.warnings, 1);
  CU_ASSERT_EQUAL(summary.errors, 1);
  CU_ASSERT_EQUAL(summary.notes, 2);
  CU_ASSERT_EQUAL(summary.starts, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(summary.note[1], "error two\\xff"));
  CU_ASSERT_PTR_NOT_NULL(strstr(summary.start, "corsac 0.1.0: Pendulum-v1"));
  CU_ASSERT_EQUAL(summary.checkpoints, 1);
  CU_ASSERT_EQUAL(summary.files, 1);
  CU_ASSERT_EQUAL(summary.file[0].bytes, 7);
  CU_ASSERT_PTR_NOT_NULL(strstr(summary.file[0].problem, "ckpt-300.h5"));
  CU_ASSERT_EQUAL(summary.env_failures, 2);
  CU_ASSERT_EQUAL(summary.last_evaluation, -49);
  CU_ASSERT_EQUAL(summary.best_steps, 600);
  run_release(&run);
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_nothing(void) {
  char *directory = unit_tmpdir(), *path = runs_make(directory, "run", "seed: 1", 0, 0);
  struct run run;
  struct run_summary summary;
  put(path, "status.json", "{\"state\": \"runn"); // never written so by us
  CU_ASSERT_EQUAL_FATAL(run_read(path, &run, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(run_summary_read(&run, &summary, NULL), STATUS_OK);
  CU_ASSERT_FALSE_FATAL(summary.state[0]);
  CU_ASSERT_EQUAL(summary.files, 0);
  CU_ASSERT_EQUAL(summary.notes, 0);
  CU_ASSERT_TRUE(isnan(summary.last_evaluation));
  run_release(&run);
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_many_notes(void) {
  char *directory = unit_tmpdir(), *path = runs_make(directory, "run", "seed: 1", 0, 0), text[4000];
  size_t used = 0;
  for (int i = 0; i < 50; i++) used += (size_t)sprintf(text + used, "07:00:00.000 0 warn  number %d\n", i);
  put(path, "log.txt", text);
  struct run run;
  struct run_summary summary;
  CU_ASSERT_EQUAL_FATAL(run_read(path, &run, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(run_summary_read(&run, &summary, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(summary.warnings, 50);
  CU_ASSERT_EQUAL(summary.notes, RUN_SUMMARY_NOTES);
  CU_ASSERT_PTR_NOT_NULL(strstr(summary.note[0], "number 30"));
  CU_ASSERT_PTR_NOT_NULL(strstr(summary.note[RUN_SUMMARY_NOTES - 1], "number 49"));
  run_release(&run);
  free(path);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a summary has status, log, checkpoints and metrics", test_summary},
      {"what the directory lacks is left out", test_nothing},
      {"the last of many warnings are kept", test_many_notes},
  };
  return unit_run("run_summary", cases, sizeof cases / sizeof *cases);
}
