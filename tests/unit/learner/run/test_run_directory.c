#include "common/base/file.h"
#include "common/base/file_tree.h"
#include "learner/run/run_directory.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/storage/checkpoint_list.h"
#include "tests/support/small_job.h"
#include "tests/support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory; // of this case

static void touch(const char *name) { unit_write_file(unit_in(directory, name), "x", 1); }

static void test_create(void) {
  struct error error = {0};
  const char *path = unit_in(directory, "deep/er/run");
  struct run_directory *run = run_directory_create(path, &error), *second;
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  CU_ASSERT_STRING_EQUAL(run_directory_path(run), path);
  CU_ASSERT_TRUE(unit_exists_in(directory, "deep/er/run/lock"));
  CU_ASSERT_PTR_NULL(run_directory_create(path, &error)); // locked
  CU_ASSERT(error_says(&error, "in use by process"));
  run_directory_close(run);
  CU_ASSERT_FALSE(unit_exists_in(directory, "deep/er/run/lock"));

  error_clear(&error);
  run = run_directory_create(path, &error); // it is there and empty
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  touch("deep/er/run/ckpt-5.h5");
  run_directory_close(run);
  CU_ASSERT_PTR_NULL(run_directory_create(path, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "--resume"));
  CU_ASSERT_TRUE(error_says(&error, "--run-dir"));
  CU_ASSERT_FALSE(unit_exists_in(directory, "deep/er/run/lock"));

  error_clear(&error);
  run = run_directory_open(path, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  second = run_directory_open(path, &error);
  CU_ASSERT_PTR_NULL_FATAL(second);
  CU_ASSERT_EQUAL(error.status, STATUS_USAGE);
  run_directory_refresh(run);
  run_directory_close(run);
}

static void test_bad_paths(void) {
  struct error error = {0};
  char longer[2 * FILE_PATH], buffer[FILE_PATH];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  touch("file");
  CU_ASSERT_PTR_NULL(run_directory_create(unit_in(directory, "file/run"), &error));
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_TRUE(error_says(&error, "/file"));
  error_clear(&error);
  CU_ASSERT_PTR_NULL(run_directory_open(unit_in(directory, "none"), &error));
  CU_ASSERT(error_says(&error, "/none: is no directory"));
  error_clear(&error);
  CU_ASSERT_PTR_NULL(run_directory_create(longer, &error));
  CU_ASSERT_PTR_NULL(run_directory_create("", NULL));
  CU_ASSERT_PTR_NULL(run_directory_open(longer, NULL));
  CU_ASSERT_EQUAL(file_join(buffer, longer, "x", NULL), STATUS_IO);
}

static void test_discard(void) {
  struct run_directory *run = run_directory_create(unit_in(directory, "run"), NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  touch("run/config.yaml");
  touch("run/log.txt");
  touch("run/status.json");
  run_directory_discard(run);
  CU_ASSERT_FALSE(unit_exists_in(directory, "run"));
  run = run_directory_create(unit_in(directory, "run"), NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  touch("run/log.txt");
  touch("run/somebody's");
  run_directory_discard(run);
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "run/somebody's"));
  CU_ASSERT_FALSE_FATAL(unit_exists_in(directory, "run/log.txt"));
  CU_ASSERT_FALSE(unit_exists_in(directory, "run/lock"));
  run_directory_discard(NULL);
  run_directory_close(NULL);
}

// Another job takes the lock over, while this process stands still.
static void take_over(const char *name) {
  static const char text[] = "elsewhere 12345 1 2026-01-31T12:00:00+0100 1\n";
  unit_write_file(unit_in(directory, name), text, strlen(text));
}

static void test_lost(void) {
  static const struct run_status status = {.state = "failed", .exit_code = 1, .reason = "", .checkpoint = ""};
  struct error error = {0};
  struct run_directory *run = run_directory_create(unit_in(directory, "run"), NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  touch("run/ckpt-1.h5");
  touch("run/ckpt-2.h5");
  touch("run/config.yaml");
  touch("run/status.json");
  UNIT_STATUS(run_directory_check_now(run, &error), STATUS_OK, &error);
  take_over("run/lock");
  UNIT_STATUS(run_directory_prune(run, 1, &error), STATUS_FAILED, &error); // before anybody has noticed
  error_clear(&error);
  CU_ASSERT_FALSE(run_directory_is_lost(run));
  run_directory_refresh_lock(run);
  CU_ASSERT_TRUE(run_directory_is_lost(run));
  UNIT_STATUS(run_directory_write_status(run, &status, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "process 12345 on elsewhere has taken over this run directory"));
  run_directory_discard(run);
  CU_ASSERT_TRUE(unit_exists_in(directory, "run/ckpt-1.h5"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "run/config.yaml"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "run/lock"));
  char *text = unit_read_file(unit_in(directory, "run/status.json"), NULL);
  CU_ASSERT_STRING_EQUAL(text, "x");
  free(text);
}

static void make(const char *name) { CU_ASSERT_EQUAL_FATAL(file_mkdir(unit_in(directory, name), 0777), 0); }

static void expect_new(bool can_begin) {
  struct error error = {0};
  struct run_directory *run = run_directory_create(unit_in(directory, "run"), &error);
  CU_ASSERT_EQUAL(run != NULL, can_begin);
  CU_ASSERT(can_begin || error_says(&error, "is not empty"));
  run_directory_close(run);
}

static void test_scratch_left(void) {
  make("run");
  make("run/work");
  expect_new(false); // it may be anybody's
  make("run/work/0.failed");
  touch("run/work/0.failed/" SCRATCH_MARK);
  expect_new(true);
  make("run/1.failed"); // of --scratch .
  expect_new(false);
  touch("run/1.failed/" SCRATCH_MARK);
  expect_new(true);
  CU_ASSERT_TRUE(unit_exists_in(directory, "run/work/0.failed/" SCRATCH_MARK));
  touch("run/work/notes");
  expect_new(false);
}

static void test_list_and_prune(void) {
  static const char *const names[] = {"ckpt-5.h5",     "ckpt-1000.h5",    "ckpt-20.h5", "ckpt-300.h5", "ckpt-05.h5",
                                      "ckpt-7.h5.tmp", "ckpt-x.h5",       "ckpt-8.h5x", "best.h5",     "ckpt--3.h5",
                                      "ckpt- 4.h5",    "status.json.tmp", "xckpt-9.h5"};
  struct error error = {0};
  uint64_t steps[3] = {0};
  char path[FILE_PATH];
  CU_ASSERT_EQUAL(checkpoint_list(directory, steps, 3, &error), 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) touch(names[i]);
  CU_ASSERT_EQUAL(checkpoint_list(directory, steps, 3, &error), 4);
  CU_ASSERT_EQUAL(steps[0], 1000);
  CU_ASSERT_EQUAL(steps[1], 300);
  CU_ASSERT_EQUAL(steps[2], 20);
  CU_ASSERT_EQUAL(checkpoint_list(directory, NULL, 0, &error), 4);
  UNIT_STATUS(checkpoint_list_path(path, directory, 300, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(path, unit_in(directory, "ckpt-300.h5"));

  struct run_directory *run = run_directory_open(directory, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  CU_ASSERT_FALSE_FATAL(unit_exists_in(directory, "ckpt-7.h5.tmp"));
  CU_ASSERT_FALSE(unit_exists_in(directory, "status.json.tmp"));
  touch("ckpt-8.h5.tmp");
  UNIT_STATUS(run_directory_prune(run, 0, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "ckpt-5.h5"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "ckpt-8.h5.tmp")); // another process may be writing it
  UNIT_STATUS(run_directory_prune(run, 2, &error), STATUS_OK, &error);
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "ckpt-1000.h5"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "ckpt-300.h5"));
  CU_ASSERT_FALSE_FATAL(unit_exists_in(directory, "ckpt-20.h5"));
  CU_ASSERT_FALSE(unit_exists_in(directory, "ckpt-5.h5"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "ckpt-05.h5"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "best.h5"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "ckpt-8.h5x"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "lock"));
  UNIT_STATUS(run_directory_prune(run, 7, &error), STATUS_OK, &error);
  run_directory_close(run);
  CU_ASSERT_EQUAL(checkpoint_list(unit_in(directory, "none"), steps, 3, &error), -1);
  CU_ASSERT(error_says(&error, "/none"));
}

static int64_t failures(const char *key) {
  json_t *object = json_load_file(unit_in(directory, "status.json"), 0, NULL);
  const json_t *value = json_object_get(json_object_get(object, "failures"), key);
  const int64_t count = json_is_integer(value) ? json_integer_value(value) : -1;
  json_decref(object);
  return count;
}

// Opens the directory anew for each start, as a new process does.
static struct run_directory *start(uint64_t steps, enum status expected) {
  struct error error = {0};
  struct run_directory *run = run_directory_open(directory, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  CU_ASSERT_EQUAL(run_directory_begin(run, steps, 5, "ckpt-8.h5", &error), expected);
  CU_ASSERT(expected == STATUS_OK || error_says(&error, "3 starts died without a word at the same step, 8"));
  return run;
}

static void end(struct run_directory *run, uint32_t count) {
  const struct run_status status = {"stopped", 75, "why", 8, 5, "ckpt-8.h5", 0, 0, 0, 0, 0, {0}};
  CU_ASSERT_EQUAL(run_directory_write_status(run, &status, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(failures("count"), count);
  run_directory_close(run);
}

static void test_failures(void) {
  for (uint32_t i = 1; i <= 3; i++) { // in the same way at the same step
    struct run_directory *run = start(8, STATUS_OK);
    CU_ASSERT_EQUAL(run_directory_count_failure(run, "actors", 8, 5), i);
    end(run, i);
  }
  struct run_directory *run = start(8, STATUS_OK); // a signal neither counts nor resets the count
  end(run, 3);
  run = start(8, STATUS_OK);
  CU_ASSERT_EQUAL(run_directory_count_failure(run, "actors", 8, 6), 1); // an update further
  CU_ASSERT_EQUAL(run_directory_count_failure(run, "actors", 9, 6), 1); // a step
  CU_ASSERT_EQUAL(run_directory_count_failure(run, "max_hours", 9, 6), 1);
  CU_ASSERT_EQUAL(run_directory_count_failure(run, "max_hours", 9, 6), 2);
  run_directory_forget_failures(run);
  end(run, 0);
}

static void test_deaths(void) {
  static const char rows[] = "time_s,env_steps,updates\n1.5,500,2\n2.5,600,3\n3.5,70"; // the last row is not complete
  for (int i = 0; i < 3; i++) run_directory_close(start(8, STATUS_OK));                // they do not say how they end
  CU_ASSERT_EQUAL(failures("count"), 2);
  run_directory_close(start(8, STATUS_FAILED));
  run_directory_close(start(8, STATUS_FAILED)); // status.json is still the old one
  end(start(8, STATUS_FAILED), 0);
  run_directory_close(start(8, STATUS_OK));
  unit_write_file(unit_in(directory, "metrics.csv"), rows, sizeof rows - 1);
  run_directory_close(start(8, STATUS_OK)); // the start that died had come further
  CU_ASSERT_EQUAL_FATAL(failures("count"), 1);
  CU_ASSERT_EQUAL(failures("at_steps"), 600);
  run_directory_close(start(700, STATUS_OK));
  CU_ASSERT_EQUAL_FATAL(failures("count"), 1);
  CU_ASSERT_EQUAL(failures("at_steps"), 700);
}

static void test_before(void) {
  run_directory_close(start(8, STATUS_OK));
  struct run_last_status last;
  run_last_status_read(directory, &last); // this very process is alive
  CU_ASSERT_EQUAL(last.state, RUN_RUNNING);
  struct run_directory *run = run_directory_open(directory, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(run);
  CU_ASSERT_EQUAL(run_directory_before(run)->state, RUN_DIED); // but it has not kept the lock
  CU_ASSERT_STRING_EQUAL(run_directory_before(run)->checkpoint, "ckpt-8.h5");
  run_directory_close(run);
}

static void test_unique(void) {
  char path[3][FILE_PATH];
  struct run_directory *run[3];
  for (int i = 0; i < 3; i++) {
    snprintf(path[i], FILE_PATH, "%s", unit_in(directory, "deep/er/run"));
    run[i] = run_directory_create_unique(path[i], FILE_PATH, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(run[i]);
    CU_ASSERT_STRING_EQUAL(run_directory_path(run[i]), path[i]);
  }
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "deep/er/run/lock"));
  CU_ASSERT_TRUE_FATAL(unit_exists_in(directory, "deep/er/run-2/lock"));
  CU_ASSERT_TRUE(unit_exists_in(directory, "deep/er/run-3/lock"));
  for (int i = 0; i < 3; i++) run_directory_close(run[i]);
  struct error error = {0};
  touch("file");
  snprintf(path[0], FILE_PATH, "%s", unit_in(directory, "file/run"));
  CU_ASSERT_PTR_NULL(run_directory_create_unique(path[0], FILE_PATH, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_TRUE(error_says(&error, "/file"));
  CU_ASSERT_PTR_NULL(run_directory_create_unique(path[1], strlen(path[1]) + 3, NULL));
}

static void write_checkpoint(const char *name, bool policy_only) {
  const struct config config = small_config();
  struct job job;
  struct policy_weights weights;
  struct error error = {0};
  small_job_init(&job, &config);
  small_job_fill(&job, 1, 5);
  CU_ASSERT_EQUAL(policy_weights_init(&weights, SMALL_OBS, mlp_dense_size(&job.sac.policy_net), NULL), STATUS_OK);
  job_export_policy(&job, &weights);
  const enum status status =
      policy_only
          ? checkpoint_write_policy(
                unit_in(directory, name), &job,
                &(struct checkpoint_policy){.weights = &weights, .normalizer = &job.normalizer, .env_steps = 5}, &error)
          : checkpoint_write(unit_in(directory, name), &job, CHECKPOINT_ALL, &error);
  CU_ASSERT_EQUAL(status, STATUS_OK);
  policy_weights_release(&weights);
  job_release(&job);
}

static void test_newest(void) {
  struct error error = {0};
  char found[FILE_PATH];
  UNIT_STATUS(run_newest_checkpoint(directory, true, found, &error), STATUS_IO, &error);
  CU_ASSERT(error_says(&error, "no checkpoint yet"));
  write_checkpoint("ckpt-90.h5", false);
  write_checkpoint("ckpt-100.h5", false);
  write_checkpoint("best.h5", true);
  error_clear(&error);
  UNIT_STATUS(run_newest_checkpoint(directory, true, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, unit_in(directory, "ckpt-100.h5"));

  CU_ASSERT_EQUAL(truncate(unit_in(directory, "ckpt-100.h5"), 5000), 0);
  UNIT_STATUS(run_newest_checkpoint(directory, true, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, unit_in(directory, "ckpt-90.h5"));
  CU_ASSERT_STRING_EQUAL(error.text, "");

  touch("ckpt-90.h5");
  UNIT_STATUS(run_newest_checkpoint(directory, true, found, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_says(&error, "none of its 2 checkpoints"));
}

static void test_newest_of_file(void) {
  struct error error = {0};
  char found[FILE_PATH];
  write_checkpoint("ckpt-90.h5", false);
  write_checkpoint("best.h5", true);
  UNIT_STATUS(run_newest_checkpoint(unit_in(directory, "ckpt-90.h5"), true, found, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(found, unit_in(directory, "ckpt-90.h5"));
  UNIT_STATUS(run_newest_checkpoint(unit_in(directory, "best.h5"), false, found, &error), STATUS_OK, &error);
  UNIT_STATUS(run_newest_checkpoint(unit_in(directory, "best.h5"), true, found, &error), STATUS_USAGE, &error);
  CU_ASSERT(error_says(&error, "best.h5 holds a policy without the rest of its job"));
  error_clear(&error);
  CU_ASSERT_EQUAL(truncate(unit_in(directory, "ckpt-90.h5"), 5000), 0);
  UNIT_STATUS(run_newest_checkpoint(unit_in(directory, "ckpt-90.h5"), false, found, &error), STATUS_FORMAT, &error);
  error_clear(&error);
  UNIT_STATUS(run_newest_checkpoint(unit_in(directory, "none.h5"), true, found, &error), STATUS_IO, &error);
  CU_ASSERT(error_says(&error, "none.h5"));
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  run();
  unit_tmpdir_remove(directory);
}
static void create(void) { alone(test_create); }
static void bad_paths(void) { alone(test_bad_paths); }
static void discard(void) { alone(test_discard); }
static void lost(void) { alone(test_lost); }
static void scratch_left(void) { alone(test_scratch_left); }
static void list_and_prune(void) { alone(test_list_and_prune); }
static void failing(void) { alone(test_failures); }
static void dying(void) { alone(test_deaths); }
static void before(void) { alone(test_before); }
static void unique(void) { alone(test_unique); }
static void newest(void) { alone(test_newest); }
static void newest_of_file(void) { alone(test_newest_of_file); }

int main(void) {
  linalg_init();
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"a new directory is made with its parents, and one that holds something is refused", create},
      {"the error names a path that cannot be a directory", bad_paths},
      {"a job that never began leaves nothing of its own", discard},
      {"a job that lost the directory writes and removes nothing in it", lost},
      {"the scratch directories that it left do not keep the next start out", scratch_left},
      {"checkpoints are listed newest first, and all but the newest are pruned", list_and_prune},
      {"starts that fail in the same way at the same step are counted", failing},
      {"starts that died are counted too, and after three the next one fails, once", dying},
      {"an opened directory tells how the start before it ended", before},
      {"of several starts that want the same new name each gets a name of its own", unique},
      {"the newest checkpoint that verifies is found", newest},
      {"a file given by name is taken as it is, and a policy alone is not resumed", newest_of_file},
  };
  return unit_run("run_directory", cases, sizeof cases / sizeof *cases);
}
