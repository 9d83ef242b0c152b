#include "common/base/log_file.h"
#include "tests/support/unit.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

// What the file tells. While it hangs, its thread stays in the telling, as it would in a write.
static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool hangs;
  int told;
  char last[256];
} teller = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void tell(const char *path, const char *what) {
  pthread_mutex_lock(&teller.mutex);
  teller.told++;
  snprintf(teller.last, sizeof teller.last, "%s: %s", strrchr(path, '/') + 1, what);
  pthread_cond_broadcast(&teller.changed);
  while (teller.hangs) pthread_cond_wait(&teller.changed, &teller.mutex);
  pthread_mutex_unlock(&teller.mutex);
}

static void add(struct log_file *file, const char *line) { log_file_add(file, line, strlen(line)); }

static void test_lines(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "log");
  unit_write_file(path, "before\n", 7);
  struct error error = {0};
  struct log_file *file = log_file_open(path, tell, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  add(file, "one\n");
  add(file, "two\n");
  log_file_flush(file);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_STRING_EQUAL(text, "before\none\ntwo\n");
  free(text);
  for (int i = 0; i < 200; i++) add(file, "more\n");
  log_file_close(file); // what waits is written first
  size_t size;
  text = unit_read_file(path, &size);
  CU_ASSERT_EQUAL(size, 15 + 200 * 5);
  CU_ASSERT_EQUAL(teller.told, 0);
  log_file_add(NULL, "x\n", 2);
  log_file_flush(NULL);
  log_file_close(NULL);
  free(text), free(path), unit_tmpdir_remove(directory);
}

// The disk is full and its thread hangs: lines wait, the rest is left out and counted, and nobody who adds waits.
static void test_hanging(void) {
  enum { MOST = 65536, LINE = 100, LINES = 1000 };
  char *directory = unit_tmpdir(), *path = unit_path(directory, "log"), *filling = calloc(MOST, 1), line[LINE + 1];
  unit_write_file(path, filling, MOST);
  memset(line, 'x', LINE - 1);
  strcpy(line + LINE - 1, "\n");
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  struct log_file *file = log_file_open(path, tell, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  teller.hangs = true;
  teller.told = 0;
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){MOST, limit.rlim_max});
  add(file, "lost\n");
  pthread_mutex_lock(&teller.mutex);
  while (teller.told == 0) pthread_cond_wait(&teller.changed, &teller.mutex);
  CU_ASSERT_PTR_EQUAL(strstr(teller.last, "log: cannot be written, the log goes on without it: "), teller.last);
  pthread_mutex_unlock(&teller.mutex);
  setrlimit(RLIMIT_FSIZE, &limit);
  for (int i = 0; i < LINES; i++) add(file, line);

  pthread_mutex_lock(&teller.mutex);
  teller.hangs = false;
  pthread_cond_broadcast(&teller.changed);
  pthread_mutex_unlock(&teller.mutex);
  log_file_close(file);
  size_t size;
  char *text = unit_read_file(path, &size);
  CU_ASSERT_EQUAL(text[MOST], '\n'); // ends what was cut off
  const size_t lines = (size - MOST - 1) / LINE;
  CU_ASSERT_EQUAL(size, MOST + 1 + lines * LINE);
  CU_ASSERT(lines > 500);
  CU_ASSERT(lines < LINES);
  CU_ASSERT_EQUAL(teller.told, 2);
  CU_ASSERT_EQUAL(LINES - lines, strtoul(teller.last + strlen("log: "), NULL, 10));
  CU_ASSERT_PTR_NOT_NULL(strstr(teller.last, " lines of the log are not in it"));
  free(text), free(filling), free(path), unit_tmpdir_remove(directory);
}

static void test_refused(void) {
  struct error error = {0};
  CU_ASSERT_PTR_NULL(log_file_open("/nonexistent/log", tell, &error));
  CU_ASSERT_TRUE(error_says(&error, "/nonexistent/log"));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"lines are appended, and are there after a flush and after the end", test_lines},
      {"a file that hangs holds up nobody, and what had no room is counted", test_hanging},
      {"a file that cannot be opened is an error that names it", test_refused},
  };
  return unit_run("log_file", cases, sizeof cases / sizeof *cases);
}
