#include "common/base/streams.h"

#include "common/base/held_file.h"
#include "common/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { FULL_MILLISECONDS = 2000 }; // that a full pipe is waited for

static struct {
  struct held_file *given[3]; // 0 to 2 as the program got them
  int shown[3];               // which of them an environment sees as 0 to 2
  FILE *output, *error;
} streams = {.shown = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}};

static int given(int number) {
  const int descriptor = streams.given[number] ? held_file_descriptor(streams.given[number]) : number;
  return descriptor >= 0 ? descriptor : number;
}

bool streams_write(int descriptor, const char *text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(descriptor, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) { // an environment has made the shared descriptor non-blocking
      if (poll(&(struct pollfd){.fd = descriptor, .events = POLLOUT}, 1, FULL_MILLISECONDS) > 0) continue;
      errno = EAGAIN;
    }
    if (written <= 0) return false;
    text += written;
    size -= (size_t)written;
  }
  return true;
}

static ssize_t put_output(void *none, const char *text, size_t size) {
  (void)none;
  return streams_write(given(STDOUT_FILENO), text, size) ? (ssize_t)size : 0;
}

static ssize_t put_error(void *none, const char *text, size_t size) {
  (void)none;
  return streams_write(given(STDERR_FILENO), text, size) ? (ssize_t)size : 0;
}

// Makes a stream that looks up its descriptor at each write.
static FILE *make(ssize_t (*put)(void *, const char *, size_t), bool by_lines) {
  FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){.write = put});
  if (file) setvbuf(file, NULL, by_lines ? _IOLBF : _IOFBF, BUFSIZ);
  return file;
}

static void fill_with_nothing(int number) {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  (void)dup2(nothing, number); // dup2 clears O_CLOEXEC, unless both are the same
  if (nothing != number)
    close(nothing);
  else
    (void)fcntl(number, F_SETFD, 0);
}

void streams_begin(void) {
  static const char *const names[] = {"standard input", "standard output", "standard error"};
  for (int number = 0; number < 3; number++) {
    if (fcntl(number, F_GETFD) < 0) fill_with_nothing(number);
    const int copy = fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    streams.given[number] = held_file_take(copy, names[number]);
    if (copy >= 0 && !streams.given[number]) close(copy);
  }
  streams.output = make(put_output, isatty(STDOUT_FILENO));
  streams.error = make(put_error, true);
}

void streams_keep_output(void) {
  fflush(stdout);
  if (!streams.given[STDOUT_FILENO] || dup2(given(STDERR_FILENO), STDOUT_FILENO) < 0) return;
  streams.shown[STDOUT_FILENO] = STDERR_FILENO;
}

FILE *streams_output(void) { return streams.output ? streams.output : stdout; }
FILE *streams_error(void) { return streams.error ? streams.error : stderr; }
int streams_error_descriptor(void) { return given(STDERR_FILENO); }

void streams_mend(char *mended, size_t size) {
  for (int number = 0; number < 3; number++) {
    if (!streams.given[number] || fcntl(number, F_GETFD) >= 0) continue;
    const int copy = held_file_descriptor(streams.given[streams.shown[number]]);
    if (copy < 0 || dup2(copy, number) < 0) fill_with_nothing(number);
    (void)text_append(mended, size, strlen(mended), "%s%d", *mended ? ", " : "", number);
  }
}
