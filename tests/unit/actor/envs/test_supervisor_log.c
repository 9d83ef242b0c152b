#include "actor/envs/supervisor_log.h"
#include "tests/support/unit.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_tail(void) {
  char text[64];
  struct supervisor_log log = {.path = "", .file = -1}; // writes nowhere
  supervisor_log_tail(&log, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(text, "");
  supervisor_log_write(&log, "one\n", 4);
  supervisor_log_tail(&log, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(text, "one");
  supervisor_log_write(&log, "two\nth\tree\nfo\377ur\n\n", 18);
  supervisor_log_tail(&log, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(text, "two | th\tree | fo\377ur");
  for (int i = 0; i < 5000; i++) supervisor_log_write(&log, "x", 1); // a line without an end
  supervisor_log_tail(&log, text, sizeof text);
  CU_ASSERT_TRUE_FATAL(strlen(text) > 40);
  CU_ASSERT_EQUAL(strspn(text, "x"), strlen(text));
  char much[3000];
  memset(much, 'y', sizeof much);
  memcpy(much + sizeof much - 5, "\nlast", 5);
  supervisor_log_write(&log, much, sizeof much);
  supervisor_log_tail(&log, text, sizeof text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "y | last"));
}

static void test_file(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "log"), *older = unit_path(directory, "log.1");
  char *argv[] = {"exec", "./solver", NULL};
  struct supervisor_log log;
  for (int i = 0; i < 2; i++) { // appends
    supervisor_log_open(&log, path, argv);
    supervisor_log_write(&log, "words\n", 6);
    supervisor_log_close(&log, i ? SIGSEGV : 3 << 8);
  }
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  const char *first = strstr(text, "started: exec ./solver\nwords\n"),
             *end = strstr(text, "it ended with exit status 3");
  const char *second = first ? strstr(first + 1, "started: exec ./solver\nwords\n") : NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL(first);
  CU_ASSERT_TRUE(end > first);
  CU_ASSERT_TRUE(second > end);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "ended by signal 11 ("));
  free(text);

  supervisor_log_open(&log, path, argv);
  char line[100];
  memset(line, 'a', sizeof line);
  for (int i = 0; i < 3 * SUPERVISOR_LOG_MOST / (int)sizeof line; i++) supervisor_log_write(&log, line, sizeof line);
  supervisor_log_close(&log, 0);
  size_t size = 0, older_size = 0;
  free(unit_read_file(path, &size));
  free(unit_read_file(older, &older_size));
  CU_ASSERT_TRUE(size > 0);
  CU_ASSERT_TRUE(size <= SUPERVISOR_LOG_MOST);
  CU_ASSERT_TRUE(older_size > SUPERVISOR_LOG_MOST / 2);
  CU_ASSERT_TRUE(older_size <= SUPERVISOR_LOG_MOST);
  free(path);
  free(older);
  unit_tmpdir_remove(directory);
}

static void says(int status, const char *expected) {
  char text[128];
  supervisor_describe(status, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(text, expected);
}

static void test_describe(void) {
  says(0, "ended with exit status 0");
  says(7 << 8, "ended with exit status 7");
  says(SIGKILL, "ended by signal 9 (Killed)");
  says((128 + SIGSEGV) << 8, "ended with exit status 139 (as after signal 11, Segmentation fault)");
  says(255 << 8, "ended with exit status 255");
}

int main(void) {
  static const struct unit_case cases[] = {{"the last lines are kept, readable", test_tail},
                                           {"the file is appended to, and bounded", test_file},
                                           {"the end of a process is put in words", test_describe}};
  return unit_run("supervisor_log", cases, sizeof cases / sizeof *cases);
}
