#include "launch/runs/gnuplot.h"

#include "common/base/clock.h"
#include "common/base/printable.h"
#include "learner/storage/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const double GNUPLOT_SECONDS = 60;

void gnuplot_quote(FILE *script, const char *text) {
  char shown[PRINTABLE_CHARACTER];
  fputc('\'', script);
  for (size_t length; (length = printable_next(&text, shown)) > 0;) {
    if (*shown == '\'') fputc('\'', script);
    fwrite(shown, 1, length, script);
  }
  fputc('\'', script);
}

static enum status start(int in, int out, int complaints, pid_t *pid, struct error *error) {
  posix_spawn_file_actions_t actions;
  char *const words[] = {"gnuplot", "-d", "-", NULL}; // -d: without the user's own settings
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
  const int failed = posix_spawnp(pid, words[0], &actions, NULL, words, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT)
    return error_set(error, STATUS_FAILED,
                     "gnuplot is not installed, and it draws the pictures: apt-get install gnuplot-nox, or the package "
                     "of that name on your system (`corsac report` needs none)");
  return failed ? error_set(error, STATUS_FAILED, "gnuplot cannot be started: %s", strerror(failed)) : STATUS_OK;
}

// Feeds the script, and waits until `end` at most. A gnuplot that has gone is no failure here: it says why itself.
static bool feed(int descriptor, const char *script, size_t size, double end) {
  while (size > 0) {
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    const double left = end - clock_now();
    if (left <= 0) return false;
    if (poll(&ready, 1, (int)(1000 * left) + 1) <= 0) continue;
    const ssize_t written = write(descriptor, script, size);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) return true;
    script += written;
    size -= (size_t)written;
  }
  return true;
}

// Waits for the process to end. Returns 0, or -1 where it took too long and was killed.
static int await(pid_t pid, double end) {
  struct backoff backoff = {0};
  for (int code; waitpid(pid, &code, WNOHANG) == 0;) {
    if (clock_now() > end) {
      kill(pid, SIGKILL);
      waitpid(pid, &code, 0);
      return -1;
    }
    backoff_wait(&backoff);
  }
  return 0;
}

// Makes the error from what gnuplot complained of: its last line that holds words.
static enum status complain(FILE *complaints, struct error *error) {
  char line[512], last[512] = "without a word";
  rewind(complaints);
  while (fgets(line, sizeof line, complaints)) {
    line[strcspn(line, "\n")] = '\0';
    if (line[strspn(line, " ^")]) snprintf(last, sizeof last, "%s", line);
  }
  return error_set(error, STATUS_FAILED, "gnuplot failed: %s", last);
}

static enum status run_gnuplot(const char *script, size_t size, int out, FILE *complaints, struct error *error) {
  int ends[2];
  pid_t pid;
  const double end = clock_now() + GNUPLOT_SECONDS;
  if (pipe2(ends, O_CLOEXEC) != 0) return error_set(error, STATUS_IO, "a pipe to gnuplot: %s", strerror(errno));
  void (*before)(int) = signal(SIGPIPE, SIG_IGN);
  enum status status = start(ends[0], out, fileno(complaints), &pid, error);
  close(ends[0]);
  (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
  if (status == STATUS_OK) (void)feed(ends[1], script, size, end);
  close(ends[1]);
  signal(SIGPIPE, before);
  if (status != STATUS_OK) return status;
  if (await(pid, end) != 0)
    return error_set(error, STATUS_FAILED, "gnuplot took longer than %.0f s and was ended", GNUPLOT_SECONDS);
  return STATUS_OK;
}

// Whether the picture has its end, by the mark that ends each format: gnuplot does not report a failed write.
static bool is_whole(int file) {
  static const char *const ends[] = {"IEND", "</svg>", "%%EOF"};
  char tail[65] = "";
  const off_t size = lseek(file, 0, SEEK_END);
  const ssize_t got = pread(file, tail, 64, size > 64 ? size - 64 : 0);
  for (int i = 0; got > 0 && i < 3; i++)
    if (memmem(tail, (size_t)got, ends[i], strlen(ends[i]))) return true;
  return false;
}

enum status gnuplot_draw(const char *script, size_t size, const char *output, struct error *error) {
  char temporary[ATOMIC_FILE_PATH];
  enum status status = atomic_file_begin(output, temporary, error);
  if (status != STATUS_OK) return status;
  FILE *complaints = tmpfile();
  const int out = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (out < 0 || !complaints)
    status = error_set(error, STATUS_IO, "%s: cannot be written: %s", temporary, strerror(errno));
  if (status == STATUS_OK) status = run_gnuplot(script, size, out, complaints, error);
  // gnuplot goes on after an error in a script that comes through a pipe; the picture is then empty.
  if (status == STATUS_OK && lseek(out, 0, SEEK_END) <= 0) status = complain(complaints, error);
  if (status == STATUS_OK && !is_whole(out))
    status = error_set(error, STATUS_IO, "%s: the picture is cut short: is the disk full?", output);
  if (out >= 0) close(out);
  if (complaints) fclose(complaints);
  if (status == STATUS_OK) return atomic_file_replace(temporary, output, error);
  if (out >= 0) unlink(temporary);
  return status;
}
