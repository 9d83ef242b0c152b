#include "common/base/log.h"
#include "tests/support/unit.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// stderr goes to `path` (or the terminal at path) until it is given back.
static int redirect(const char *path) {
  fflush(stderr);
  int saved = dup(STDERR_FILENO);
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOCTTY, 0600);
  dup2(file, STDERR_FILENO);
  close(file);
  return saved;
}

static void give_back(int saved) {
  dup2(saved, STDERR_FILENO);
  close(saved);
}

static unsigned lines_of(const char *text) {
  unsigned lines = 0;
  for (; *text; text++) lines += *text == '\n';
  return lines;
}

static void test_lines(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr");
  int saved = redirect(shown);
  log_init(3, LOG_INFO);
  log_error("one %d", 1);
  log_warn("two");
  log_info("three");
  log_debug("unseen");
  log_init(12, LOG_ERROR);
  log_warn("unseen");
  log_init(12, LOG_DEBUG);
  log_debug("four");
  give_back(saved);
  char *text = unit_read_file(shown, NULL);
  CU_ASSERT_EQUAL(lines_of(text), 4);
  static const char *const expected[] = {" 3 error one 1", " 3 warn  two", " 3 info  three", " 12 debug four"};
  char *rest = text;
  for (int i = 0; i < 4; i++) {
    char *line = strsep(&rest, "\n");
    int hour, minute, second, milli, used = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_EQUAL(sscanf(line, "%2d:%2d:%2d.%3d%n", &hour, &minute, &second, &milli, &used), 4);
    CU_ASSERT_EQUAL_FATAL(used, 12);
    CU_ASSERT_STRING_EQUAL(line + used, expected[i]);
  }
  free(text), free(shown), unit_tmpdir_remove(directory);
}

// As a plugin's error text may be.
static void test_hostile_text(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr"), *path = unit_path(directory, "log.txt");
  int saved = redirect(shown);
  log_init(0, LOG_INFO);
  CU_ASSERT_EQUAL(log_open_file(path, NULL), STATUS_OK);
  log_warn("it says: %s", "\033[31mred\033]0;t\a\n15:00:00.000 0 error forged line\r\xff \xc3\xa9");
  log_close();
  give_back(saved);
  char *text = unit_read_file(path, NULL), *all = unit_read_file(shown, NULL);
  CU_ASSERT_STRING_EQUAL(text, all);
  CU_ASSERT_EQUAL(lines_of(text), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, " 0 warn  it says: \\x1b[31mred\\x1b]0;t\\x07\\n15:00:00.000 0 error forged "
                                      "line\\r\\xff \xc3\xa9\n"));
  free(text), free(all), free(path), free(shown), unit_tmpdir_remove(directory);
}

static void test_file(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr"), *path = unit_path(directory, "log.txt");
  unit_write_file(path, "before\n", 7);
  int saved = redirect(shown);
  log_init(0, LOG_INFO);
  log_info("not in the file");
  struct error error = {0};
  UNIT_STATUS(log_open_file(path, &error), STATUS_OK, &error);
  log_info("in both");
  log_debug("in neither");
  log_status_line("50 %"); // no terminal: nothing happens
  log_close();
  log_info("after");
  give_back(saved);
  char *text = unit_read_file(path, NULL), *all = unit_read_file(shown, NULL);
  CU_ASSERT_NSTRING_EQUAL(text, "before\n", 7);
  CU_ASSERT_EQUAL(lines_of(text), 2);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, " 0 info  in both\n"));
  CU_ASSERT_EQUAL(lines_of(all), 3);
  CU_ASSERT_PTR_NULL(strstr(all, "50 %"));
  CU_ASSERT_PTR_NULL(strchr(all, '\r'));
  free(text), free(all), free(path), free(shown), unit_tmpdir_remove(directory);
}

// What a start says before its directory is there.
static void test_kept(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr"), *path = unit_path(directory, "log.txt");
  int saved = redirect(shown);
  log_init(0, LOG_INFO);
  log_info("too early");
  log_keep();
  log_info("of another start");
  log_keep();
  log_warn("kept");
  log_debug("in neither");
  CU_ASSERT_EQUAL(log_open_file(path, NULL), STATUS_OK);
  log_info("later");
  log_close();
  log_keep();
  for (int i = 0; i < 1000; i++) log_info("%d of very many lines", i); // more than are kept
  CU_ASSERT_EQUAL(log_open_file(path, NULL), STATUS_OK);
  log_close();
  log_info("not kept");
  CU_ASSERT_EQUAL(log_open_file(path, NULL), STATUS_OK);
  log_close();
  give_back(saved);
  char *text = unit_read_file(path, NULL), *second = strstr(text, " later\n");
  CU_ASSERT_EQUAL(strncmp(text + 12, " 0 warn  kept\n", 14), 0);
  CU_ASSERT_PTR_NOT_NULL_FATAL(second);
  CU_ASSERT_PTR_NOT_NULL(strstr(second, " 0 info  0 of very many lines\n"));
  CU_ASSERT(lines_of(text) > 100);
  CU_ASSERT(lines_of(text) < 1000);
  CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
  CU_ASSERT_PTR_NULL(strstr(text, "not kept"));
  free(text), free(path), free(shown), unit_tmpdir_remove(directory);
}

static void test_file_refused(void) {
  struct error error = {0};
  UNIT_STATUS(log_open_file("/nonexistent/log.txt", &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "/nonexistent/log.txt"));
  CU_ASSERT_TRUE(error_says(&error, "No such file"));
}

static void test_full_disk(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr"), *full = unit_path(directory, "full");
  enum { MOST = 65536 }; // bytes of a file, which is as good as a full disk
  char *filling = calloc(MOST, 1);
  unit_write_file(full, filling, MOST);
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  int saved = redirect(shown);
  log_init(0, LOG_INFO);
  CU_ASSERT_EQUAL(log_open_file(full, NULL), STATUS_OK);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){MOST, limit.rlim_max});
  log_info("one");
  log_info("two");
  log_flush();
  setrlimit(RLIMIT_FSIZE, &limit);
  log_info("three");
  log_info("four");
  log_close();
  give_back(saved);
  char *text = unit_read_file(shown, NULL), *file = unit_read_file(full, NULL);
  CU_ASSERT_EQUAL(lines_of(text), 5); // one, the warning, two, three, four
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "/full: cannot be written"));
  CU_ASSERT_EQUAL(file[MOST], '\n'); // ends what was cut off
  CU_ASSERT_EQUAL(lines_of(file + MOST), 3);
  CU_ASSERT_PTR_NOT_NULL(strstr(file + MOST, "three\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(file + MOST, "four\n"));
  free(text), free(file), free(shown), free(full), free(filling), unit_tmpdir_remove(directory);
}

static void test_long_line(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr"), message[10000];
  memset(message, 'x', sizeof message);
  message[sizeof message - 1] = '\0';
  int saved = redirect(shown);
  log_init(0, LOG_INFO);
  log_info("%s", message);
  log_info("next");
  give_back(saved);
  char *text = unit_read_file(shown, NULL);
  CU_ASSERT_EQUAL(lines_of(text), 2);
  CU_ASSERT_TRUE_FATAL(strlen(text) > 4000);
  CU_ASSERT_TRUE(strlen(text) < 4300);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "xxx\n"));
  free(text), free(shown), unit_tmpdir_remove(directory);
}

static void test_status_line(void) {
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || grantpt(terminal) || unlockpt(terminal)) return; // a container without terminals
  setenv("TERM", "xterm", 1);
  int saved = redirect(ptsname(terminal));
  bool seen = log_on_terminal();
  log_init(0, LOG_INFO);
  log_status_line("step 1");
  log_info("passes");
  log_close();
  setenv("TERM", "dumb", 1);
  bool dumb = log_on_terminal();
  log_status_line("unseen");
  log_info("plain");
  char text[1024] = "";
  size_t size = 0;
  struct pollfd readable = {.fd = terminal, .events = POLLIN}; // the output arrives in chunks
  while (!strstr(text, "plain\r\n") && poll(&readable, 1, 2000) > 0) {
    const ssize_t more = read(terminal, text + size, sizeof text - 1 - size);
    if (more <= 0) break;
    size += (size_t)more;
    text[size] = '\0';
  }
  give_back(saved);
  CU_ASSERT(seen);
  CU_ASSERT(!dumb);
  CU_ASSERT_FATAL(size > 0);
  // drawn; cleared for the line; drawn again below it; cleared at the end
  CU_ASSERT_PTR_EQUAL(strstr(text, "\r\033[Kstep 1\r\033[K"), text);
  char *passes = strstr(text, " info  passes\r\n\r\033[Kstep 1\r\033[K");
  CU_ASSERT_PTR_NOT_NULL_FATAL(passes);
  CU_ASSERT_PTR_NOT_NULL(strstr(passes, " info  plain\r\n"));
  CU_ASSERT_PTR_NULL(strstr(text, "unseen"));
  close(terminal);
}

enum { THREADS = 4, LINES = 20 };
static void *log_lines(void *barrier) {
  pthread_barrier_wait(barrier);
  for (int i = 0; i < LINES; i++) log_info("a line of a thread");
  return NULL;
}

// What the log keeps for its file is counted; two threads at once may lose nothing of it.
static void test_threads(void) {
  char *directory = unit_tmpdir(), *shown = unit_path(directory, "stderr"), *path = unit_path(directory, "log");
  const int saved = redirect(shown);
  log_init(0, LOG_INFO);
  for (int round = 0; round < 50; round++) {
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    unlink(path);
    log_keep();
    CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, log_lines, &barrier), 0);
    for (int i = 0; i < THREADS; i++) CU_ASSERT_EQUAL_FATAL(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&barrier);
    CU_ASSERT_EQUAL(log_open_file(path, NULL), STATUS_OK);
    log_close();
    char *text = unit_read_file(path, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(lines_of(text), THREADS * LINES);
    free(text);
  }
  give_back(saved);
  free(shown), free(path), unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a line has time, rank, level and message, and shows by its level", test_lines},
      {"a message stays on its line and moves no cursor, whatever it quotes", test_hostile_text},
      {"a file gets every line from when it is opened until the log is closed", test_file},
      {"what is said before the file is there goes into it", test_kept},
      {"a file that cannot be opened is an error that names it", test_file_refused},
      {"a full disk costs one warning, not the log", test_full_disk},
      {"a long message is cut to one line", test_long_line},
      {"several threads may log at once", test_threads},
      {"the status line stays below the log on a terminal, and only there", test_status_line},
  };
  return unit_run("log", cases, sizeof cases / sizeof *cases);
}
