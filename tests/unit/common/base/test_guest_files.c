// common/base/guest_files, held_file and streams together: what an environment may do to the descriptors of its
// process.
#include "common/base/guest_files.h"
#include "common/base/held_file.h"
#include "common/base/streams.h"
#include "tests/support/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// In a child, whose exit status is the number of the line that was not so, modulo 256.
#define NEED(condition)                                                                                                \
  do {                                                                                                                 \
    if (!(condition)) _exit(__LINE__ & 255);                                                                           \
  } while (0)

static char mended[GUEST_FILES_TEXT];

// The child's 0 to 2 are files of the directory.
static void check_in_child(void (*run)(void), const char *out, const char *err) {
  char *directory = unit_tmpdir();
  int status = 0;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    if (chdir(directory) != 0) _exit(255);
    dup2(open("out", O_RDWR | O_CREAT | O_APPEND, 0600), 1);
    dup2(open("err", O_RDWR | O_CREAT | O_APPEND, 0600), 2);
    for (int i = 3; i < 64; i++) close(i);
    guest_files_begin();
    run();
    fflush(NULL);
    _exit(0);
  }
  waitpid(child, &status, 0);
  CU_ASSERT_TRUE(WIFEXITED(status));
  CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
  char *path = unit_path(directory, "out"), *text = unit_read_file(path, NULL);
  if (out) CU_ASSERT_STRING_EQUAL(text, out);
  free(path), free(text);
  path = unit_path(directory, "err"), text = unit_read_file(path, NULL);
  if (err) CU_ASSERT_STRING_EQUAL(text, err);
  free(path), free(text), unit_tmpdir_remove(directory);
}

static enum status check(void) {
  struct error error = {0};
  return guest_files_check(mended, &error);
}

static bool append(struct held_file *file, const char *text) {
  return write(held_file_descriptor(file), text, strlen(text)) == (ssize_t)strlen(text);
}

static bool holds(const char *path, const char *wanted) {
  char text[64] = "";
  const int file = open(path, O_RDONLY);
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  return size >= 0 && strcmp(text, wanted) == 0;
}

// Of all descriptors the numbers are free; the guest's next files take them.
static void close_all(void) {
  struct held_file *log = held_file_open("log", O_WRONLY | O_CREAT | O_APPEND, NULL);
  struct held_file *checkpoint = held_file_open("checkpoint", O_RDWR | O_CREAT | O_TRUNC, NULL);
  NEED(log && checkpoint && append(log, "one ") && append(checkpoint, "first "));
  NEED(check() == STATUS_OK && !mended[0]);
  const int number = held_file_descriptor(log), other = held_file_descriptor(checkpoint);
  close(number), close(other);
  const int theirs = open("theirs", O_WRONLY | O_CREAT, 0600);
  NEED(dup2(theirs, number) == number && dup2(theirs, other) == other);
  NEED(chdir("/") == 0);
  NEED(append(log, "two ") && pwrite(held_file_descriptor(checkpoint), "second", 6, 6) == 6);
  close(held_file_descriptor(log));
  NEED(check() == STATUS_OK && strcmp(mended, "closed log (opened again)") == 0);
  NEED(check() == STATUS_OK && !mended[0]);
  NEED(append(log, "three") && held_file_close(log) && held_file_close(checkpoint));
  NEED(fcntl(number, F_GETFD) >= 0); // the guest's
  NEED(fchdir(theirs) != 0);
}

static void close_all_and_look(void) {
  const int here = open(".", O_RDONLY);
  close_all();
  NEED(fchdir(here) == 0);
  NEED(holds("log", "one two three") && holds("checkpoint", "first second") && holds("theirs", ""));
}

static void test_held(void) { check_in_child(close_all_and_look, "", ""); }

static void lose_files(void) {
  struct held_file *log = held_file_open("log", O_WRONLY | O_CREAT | O_APPEND, NULL);
  struct held_file *whole = held_file_open("whole", O_RDWR | O_CREAT | O_TRUNC, NULL);
  int ends[2];
  NEED(pipe(ends) == 0);
  struct held_file *watch = held_file_take(ends[1], "the watch");
  close(held_file_descriptor(log)), close(held_file_descriptor(whole)), close(held_file_descriptor(watch));
  NEED(unlink("log") == 0 && rename("whole", "moved") == 0); // it stays, so its inode is not given to the next file
  close(open("whole", O_WRONLY | O_CREAT, 0600));            // another one
  struct error error = {0};
  NEED(guest_files_check(mended, &error) == STATUS_FAILED && strcmp(mended, "closed log (opened again)") == 0);
  NEED(strcmp(error.text, "closed whole, the watch, which cannot be opened again") == 0);
  NEED(held_file_descriptor(whole) < 0 && errno == EBADF && !held_file_close(whole));
  NEED(append(log, "again") && holds("log", "again"));
}

static void test_lost(void) { check_in_child(lose_files, "", ""); }

static void close_standard(void) {
  fclose(stdin), fclose(stdout), fclose(stderr);
  fprintf(streams_error(), "a word\n");
  NEED(check() == STATUS_OK && strcmp(mended, "closed descriptor 0, 1, 2 (put back)") == 0);
  NEED(write(1, "theirs", 6) == 6);
  NEED(check() == STATUS_OK && !mended[0]);
  fprintf(streams_output(), " ours");
}

static void test_standard(void) { check_in_child(close_standard, "theirs ours", "a word\n"); }

static void close_up_to_1024(void) {
  for (int i = 0; i < 1024; i++) close(i);
  NEED(check() == STATUS_OK);
  fprintf(streams_output(), "result");
}

static void test_loop(void) { check_in_child(close_up_to_1024, "result", ""); }

static void keep_output(void) {
  streams_keep_output();
  printf("flood\n"), fflush(stdout);
  fprintf(streams_output(), "{}\n"), fflush(streams_output());
  fclose(stdout);
  NEED(check() == STATUS_OK && strcmp(mended, "closed descriptor 1 (put back)") == 0);
  NEED(write(1, "more\n", 5) == 5);
}

static void test_output(void) { check_in_child(keep_output, "{}\n", "flood\nmore\n"); }

// A simulator may redirect standard error to a log of its own.
static void take_standard_error(void) {
  NEED(dup2(open("theirs", O_WRONLY | O_CREAT, 0600), 2) == 2);
  NEED(check() == STATUS_OK && !mended[0]);
  NEED(write(2, "solver", 6) == 6);
  fprintf(streams_error(), "ours\n");
  NEED(holds("theirs", "solver"));
}

static void test_redirected(void) { check_in_child(take_standard_error, "", "ours\n"); }

static void lower_limits(void) {
  struct rlimit before, now;
  NEED(getrlimit(RLIMIT_FSIZE, &before) == 0);
  NEED(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, before.rlim_max}) == 0);
  NEED(check() == STATUS_OK && strcmp(mended, "lowered the limit of file size (set back)") == 0);
  NEED(getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_cur == before.rlim_cur);
  NEED(check() == STATUS_OK && !mended[0]);
}

static void test_limits(void) { check_in_child(lower_limits, "", ""); }

static void lower_hard_limits(void) {
  if (geteuid() == 0 && setuid(65534) != 0) return;
  NEED(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000}) == 0);
  struct error error = {0};
  NEED(guest_files_check(mended, &error) == STATUS_FAILED);
  NEED(strcmp(error.text, "lowered the hard limit of file size to 1000, which cannot be set back") == 0);
}

static void test_hard_limits(void) { check_in_child(lower_hard_limits, "", ""); }

static void close_libraries(void) {
  int ends[2];
  NEED(pipe(ends) == 0);
  guest_files_begin_mpi();
  guest_files_note_libraries();
  NEED(check() == STATUS_OK && guest_files_have_libraries());
  guest_files_note_libraries();
  close(ends[1]);
  struct error error = {0};
  char wanted[128];
  snprintf(wanted, sizeof wanted, "closed descriptors of MPI: %d, which cannot be opened again", ends[1]);
  NEED(guest_files_check(mended, &error) == STATUS_FAILED && strcmp(error.text, wanted) == 0);
  NEED(!guest_files_have_libraries());
  NEED(check() == STATUS_OK); // libraries may close their own between two calls
  guest_files_note_libraries();
  NEED(dup2(open("out", O_RDONLY), ends[0]) == ends[0] && check() == STATUS_FAILED);
}

static void test_libraries(void) { check_in_child(close_libraries, "", ""); }

static void start_closed(void) {
  close(0), close(1), close(2);
  guest_files_begin();
  NEED(open("/dev/null", O_RDONLY) > 2);
  fprintf(streams_output(), "nowhere"), fprintf(streams_error(), "nowhere\n");
}

static void test_start_closed(void) { check_in_child(start_closed, "", ""); }

static void keep_limit(void) {
  struct rlimit before = {256, 256}, after;
  NEED(getrlimit(RLIMIT_NOFILE, &before) == 0);
  before.rlim_cur = 256;
  NEED(setrlimit(RLIMIT_NOFILE, &before) == 0);
  struct held_file *file = held_file_open("log", O_WRONLY | O_CREAT | O_APPEND, NULL);
  NEED(file && getrlimit(RLIMIT_NOFILE, &after) == 0 && after.rlim_cur == 256);
  NEED(before.rlim_max < 1024 || held_file_descriptor(file) >= 512);
}

static void test_limit(void) { check_in_child(keep_limit, "", ""); }

int main(void) {
  static const struct unit_case cases[] = {
      {"a held file whose descriptor is closed, or another file's, loses nothing and spoils nothing", test_held},
      {"what cannot be opened again is named", test_lost},
      {"closed standard streams are put back, and our words come out", test_standard},
      {"a loop that closes 0 to 1023 does not reach held files", test_loop},
      {"a command's output holds nothing of what a guest prints", test_output},
      {"a guest's own file as standard error stays, and gets none of our output", test_redirected},
      {"a lowered limit is set back", test_limits},
      {"a lowered hard limit is named", test_hard_limits},
      {"closed descriptors of libraries are named", test_libraries},
      {"a program started without standard streams opens no file as one", test_start_closed},
      {"children inherit the limit of open files as it was", test_limit},
  };
  return unit_run("guest_files", cases, sizeof cases / sizeof *cases);
}
