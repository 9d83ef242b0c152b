#include "learner/run/metrics_file.h"
#include "common/base/log.h"
#include "learner/job/metrics.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char *directory, *path; // of this case

static bool holds(const char *rows) { // after the header
  char *text = unit_read_file(path, NULL);
  const size_t header = strlen(metrics_header());
  const bool same = text && strncmp(text, metrics_header(), header) == 0 && text[header] == '\n' &&
                    strcmp(text + header + 1, rows) == 0;
  if (!same) fprintf(stderr, "  is '%s', not '%s'\n", text ? text : "", rows);
  free(text);
  return same;
}

static void append(uint64_t keep, const char *row) {
  struct error error = {0};
  struct metrics_file *file = metrics_file_open(directory, metrics_header(), keep, &error);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  if (row) UNIT_STATUS(metrics_file_append(file, row, &error), STATUS_OK, &error);
  metrics_file_close(file);
}

static void test_rows(void) {
  append(0, "1,a");
  CU_ASSERT(holds("1,a\n"));
  append(1, "2,b");
  append(2, "3,c");
  CU_ASSERT(holds("1,a\n2,b\n3,c\n"));
  append(1, "4,d"); // rows past the checkpoint go
  CU_ASSERT(holds("1,a\n4,d\n"));
  append(7, NULL); // fewer than the checkpoint knows of
  CU_ASSERT(holds("1,a\n4,d\n"));
  append(0, NULL);
  CU_ASSERT(holds(""));
}

static void test_broken_row(void) {
  append(0, "1,a");
  FILE *file = fopen(path, "a");
  fputs("2,half a ro", file);
  fclose(file);
  append(2, "2,b");
  CU_ASSERT(holds("1,a\n2,b\n"));
}

static void test_other_columns(void) {
  struct error error = {0};
  char aside[4096];
  unit_write_file(path, "time_s,env_steps\n1,2\n", 21);
  struct metrics_file *file = metrics_file_open(directory, metrics_header(), 1, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_EQUAL(metrics_file_rows(file), 0);
  metrics_file_close(file);
  CU_ASSERT(holds(""));
  snprintf(aside, sizeof aside, "%s.1", path);
  char *text = unit_read_file(aside, NULL);
  CU_ASSERT_STRING_EQUAL(text, "time_s,env_steps\n1,2\n");
  free(text);
  unlink(aside);
}

static void test_no_room(void) {
  struct error error = {0};
  struct rlimit before;
  struct metrics_file *file = metrics_file_open(directory, metrics_header(), 0, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  UNIT_STATUS(metrics_file_append(file, "1,a", &error), STATUS_OK, &error);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){strlen(metrics_header()) + 1 + 6, before.rlim_max}); // two bytes are left
  UNIT_STATUS(metrics_file_append(file, "2,b", &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, path));
  CU_ASSERT(holds("1,a\n"));
  setrlimit(RLIMIT_FSIZE, &before);
  error_clear(&error);
  UNIT_STATUS(metrics_file_append(file, "3,c", &error), STATUS_OK, &error);
  CU_ASSERT(holds("1,a\n3,c\n"));
  metrics_file_close(file);
}

static void test_no_directory(void) {
  struct error error = {0};
  char *none = unit_path(directory, "none");
  CU_ASSERT_PTR_NULL(metrics_file_open(none, metrics_header(), 0, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_TRUE(error_says(&error, none));
  free(none);
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  path = unit_path(directory, "metrics.csv");
  run();
  free(path);
  unit_tmpdir_remove(directory);
}
static void rows(void) { alone(test_rows); }
static void broken_row(void) { alone(test_broken_row); }
static void other_columns(void) { alone(test_other_columns); }
static void no_room(void) { alone(test_no_room); }
static void no_directory(void) { alone(test_no_directory); }

int main(void) {
  log_init(0, LOG_ERROR);
  static const struct unit_case cases[] = {
      {"rows are appended, and those past a checkpoint are dropped", rows},
      {"half a row that a killed writer left is dropped", broken_row},
      {"a file of other columns is set aside whole, and a new one begins", other_columns},
      {"a row that does not fit leaves nothing of itself", no_room},
      {"the error names a missing directory", no_directory},
  };
  return unit_run("metrics_file", cases, sizeof cases / sizeof *cases);
}
