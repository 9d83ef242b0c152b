#include "launch/runs/run_set.h"
#include "common/base/log.h"
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
  UNIT_STATUS_FATAL(run_set_read("plot", paths, 3, false, &runs, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(runs.count, 2);
  CU_ASSERT_EQUAL(runs.groups, 2);
  CU_ASSERT_STRING_EQUAL(runs.run[1].path, two);
  run_set_release(&runs);
  UNIT_STATUS_FATAL(run_set_read("report", paths, 3, true, &runs, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(runs.count, 3);
  CU_ASSERT_EQUAL(runs.run[1].metrics.rows, 0);
  run_set_release(&runs);
  UNIT_STATUS(run_set_read("plot", paths + 1, 1, false, &runs, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, none));
  CU_ASSERT_TRUE(error_said(&error, "no rows yet"));
  UNIT_STATUS(run_set_read("plot", paths, 0, false, &runs, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_says(&error, "corsac plot RUN..."));
  free(one), free(none), free(two);
  unit_tmpdir_remove(directory);
}

// --- groups ---

enum { RUNS = 5 };

struct scene {
  char *directory;
  struct run_set runs;
};

static void scene_init(struct scene *s) {
  static const char *const yaml[RUNS] = {"seed: 1", "seed: 2\nlog_every: 7\nenv_steps: 9", "seed: 1\nutd: 2",
                                         "seed: 3\nutd: 2\nhidden: 64,64", "seed: 4"};
  const char *paths[RUNS];
  struct error error = {0};
  *s = (struct scene){.directory = unit_tmpdir()};
  for (int i = 0; i < RUNS; i++) {
    const char name[2] = {(char)('a' + i), '\0'};
    free(runs_make(s->directory, name, yaml[i], 4, -100));
    paths[i] = unit_in(s->directory, name);
  }
  UNIT_STATUS_FATAL(run_set_read("plot", paths, RUNS, false, &s->runs, &error), STATUS_OK, &error);
}

static void scene_release(struct scene *s) {
  s->runs.count = RUNS;
  run_set_release(&s->runs);
  unit_tmpdir_remove(s->directory);
}

static const char *label_of(const struct run_set *runs, size_t group) {
  static char label[RUN_LABEL];
  run_set_label(runs, group, label);
  return label;
}

static void test_groups(void) {
  static const size_t groups[RUNS] = {0, 0, 1, 2, 0};
  struct scene s;
  scene_init(&s);
  CU_ASSERT_EQUAL(s.runs.groups, 3);
  for (int i = 0; i < RUNS; i++) CU_ASSERT_EQUAL(s.runs.run[i].group, groups[i]);
  CU_ASSERT_EQUAL(run_set_size(&s.runs, 0), 3);
  CU_ASSERT_EQUAL(run_set_size(&s.runs, 2), 1);
  CU_ASSERT_TRUE(run_set_has_bands(&s.runs));
  CU_ASSERT_STRING_EQUAL(label_of(&s.runs, 0), "hidden 256,256, utd 1");
  CU_ASSERT_STRING_EQUAL(label_of(&s.runs, 2), "hidden 64,64, utd 2");
  s.runs.count = 2;
  run_set_group(&s.runs);
  CU_ASSERT_EQUAL(s.runs.groups, 1);
  CU_ASSERT_STRING_EQUAL(label_of(&s.runs, 0), "Pendulum-v1");
  s.runs.count = 1;
  run_set_group(&s.runs);
  CU_ASSERT_FALSE(run_set_has_bands(&s.runs));
  scene_release(&s);
}

static void test_long_label(void) {
  struct scene s;
  scene_init(&s);
  struct config *other = &s.runs.run[1].config;
  other->utd = 3, other->gamma = 0.5, other->critics = 4, other->batch_size = 9, other->n_step = 2;
  s.runs.count = 2;
  run_set_group(&s.runs);
  CU_ASSERT_EQUAL(s.runs.groups, 2);
  CU_ASSERT_FALSE(run_set_has_bands(&s.runs));
  CU_ASSERT_STRING_EQUAL(label_of(&s.runs, 1), "critics 4, batch_size 9, gamma 0.5, and 2 more");
  scene_release(&s);
}

int main(void) {
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"runs without rows are left out where the command draws rows", test_runs},
      {"runs that differ in seed, length or reports are one group, and a label says what sets it apart", test_groups},
      {"a label names three differences", test_long_label},
  };
  return unit_run("run_set", cases, sizeof cases / sizeof *cases);
}
