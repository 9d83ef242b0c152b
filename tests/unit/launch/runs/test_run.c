#include "launch/runs/run.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 5 };

struct scene {
  char *directory, *path[RUNS];
  struct run record[RUNS];
};

static void scene_init(struct scene *s) {
  static const char *const yaml[RUNS] = {"seed: 1", "seed: 2\nlog_every: 7\nenv_steps: 9", "seed: 1\nutd: 2",
                                         "seed: 3\nutd: 2\nhidden: 64,64", "seed: 4"};
  s->directory = unit_tmpdir();
  for (int i = 0; i < RUNS; i++) {
    const char name[2] = {(char)('a' + i), '\0'};
    s->path[i] = runs_make(s->directory, name, yaml[i], 4, -100);
    CU_ASSERT_EQUAL_FATAL(run_read(s->path[i], &s->record[i], NULL), STATUS_OK);
  }
}

static void scene_release(struct scene *s) {
  for (int i = 0; i < RUNS; i++) {
    run_release(&s->record[i]);
    free(s->path[i]);
  }
  unit_tmpdir_remove(s->directory);
}

static void test_groups(void) {
  struct scene s;
  char label[RUN_LABEL];
  scene_init(&s);
  CU_ASSERT_EQUAL(run_group(s.record, RUNS), 3);
  static const size_t groups[RUNS] = {0, 0, 1, 2, 0};
  for (int i = 0; i < RUNS; i++) CU_ASSERT_EQUAL(s.record[i].group, groups[i]);
  run_label(s.record, RUNS, 0, label);
  CU_ASSERT_STRING_EQUAL(label, "hidden 256,256, utd 1");
  run_label(s.record, RUNS, 2, label);
  CU_ASSERT_STRING_EQUAL(label, "hidden 64,64, utd 2");
  CU_ASSERT_EQUAL(run_group(s.record, 2), 1);
  run_label(s.record, 2, 0, label);
  CU_ASSERT_STRING_EQUAL(label, "Pendulum-v1");
  scene_release(&s);
}

static void test_long_label(void) {
  struct scene s;
  char label[RUN_LABEL];
  scene_init(&s);
  struct config *other = &s.record[1].config;
  other->utd = 3, other->gamma = 0.5, other->critics = 4, other->batch_size = 9, other->n_step = 2;
  CU_ASSERT_EQUAL(run_group(s.record, 2), 2);
  run_label(s.record, 2, 1, label);
  CU_ASSERT_STRING_EQUAL(label, "critics 4, batch_size 9, gamma 0.5, and 2 more");
  scene_release(&s);
}

static void test_no_run(void) {
  char *directory = unit_tmpdir(), *file = unit_path(directory, "file"), *gone = unit_path(directory, "gone");
  unit_write_file(file, "x", 1);
  const char *paths[] = {directory, file, gone},
             *says[] = {"holds no config.yaml", "is no directory", "cannot be read"};
  for (int i = 0; i < 3; i++) {
    struct run record;
    struct error error = {0};
    UNIT_STATUS(run_read(paths[i], &record, &error), STATUS_USAGE, &error);
    CU_ASSERT_TRUE_FATAL(error_says(&error, paths[i]));
    CU_ASSERT_TRUE(error_says(&error, says[i]));
  }
  free(file), free(gone);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"seeds, lengths and reports make no group; a label says what does", test_groups},
      {"a label names three differences", test_long_label},
      {"what is no run's directory is named", test_no_run},
  };
  return unit_run("run_record", cases, sizeof cases / sizeof *cases);
}
