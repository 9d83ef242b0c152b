#include "common/base/log.h"
#include "common/base/log_file.h"
#include "common/base/printable.h"
#include "common/base/streams.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, STATUS_SIZE = 512, KEPT_SIZE = 8192 };
#define CLEAR_LINE "\r\033[K"

static struct {
  int rank;
  enum log_level level;
  struct log_file *file; // NULL: none
  char status[STATUS_SIZE];
  bool keeps;
  size_t kept_size;
  char kept[KEPT_SIZE]; // whole lines
} log_state = {.level = LOG_INFO};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void log_init(int rank, enum log_level level) {
  log_state.rank = rank;
  log_state.level = level;
}

void log_keep(void) {
  log_state.keeps = true;
  log_state.kept_size = 0;
}

static void keep(const char *line, size_t size) {
  if (!log_state.keeps || size > sizeof log_state.kept - log_state.kept_size) return;
  memcpy(log_state.kept + log_state.kept_size, line, size);
  log_state.kept_size += size;
}

static void tell_lost(const char *path, const char *what) { log_warn("%s: %s", path, what); }

enum status log_open_file(const char *path, struct error *error) {
  struct log_file *file = log_file_open(path, tell_lost, error);
  if (!file) return error ? error->status : STATUS_IO;
  pthread_mutex_lock(&lock);
  struct log_file *before = log_state.file;
  log_state.file = file;
  log_state.keeps = false;
  if (log_state.kept_size > 0) log_file_add(file, log_state.kept, log_state.kept_size);
  log_state.kept_size = 0;
  pthread_mutex_unlock(&lock);
  log_file_close(before);
  return STATUS_OK;
}

// Without the lock, which the file's thread takes where it tells something.
void log_flush(void) { log_file_flush(log_state.file); }

bool log_on_terminal(void) {
  const char *term = getenv("TERM");
  return isatty(streams_error_descriptor()) && term && strcmp(term, "dumb") != 0;
}

unsigned log_terminal_width(void) {
  struct winsize window;
  return ioctl(streams_error_descriptor(), TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1u : 79;
}

// The bytes of UTF-8 text that fill `width` columns. Colour sequences (ESC [ ... m) take no column.
static size_t fitting_length(const char *text, size_t width) {
  size_t at = 0, columns = 0;
  while (text[at]) {
    if (text[at] == '\033') {
      at += strcspn(text + at, "m");
    } else if (((unsigned char)text[at] & 0xc0) != 0x80 && ++columns > width) {
      break;
    }
    at += text[at] != '\0';
  }
  return at;
}

// Cuts the status line at the terminal's width, since a wrapped line could not be cleared again.
static void draw_status(void) {
  const int to = streams_error_descriptor();
  const size_t shown = fitting_length(log_state.status, log_terminal_width());
  (void)streams_write(to, CLEAR_LINE, sizeof CLEAR_LINE - 1);
  (void)streams_write(to, log_state.status, shown);
  if (log_state.status[shown] && strchr(log_state.status, '\033')) (void)streams_write(to, "\033[0m", 4);
}

void log_status_line(const char *text) {
  if (!log_on_terminal()) return;
  pthread_mutex_lock(&lock);
  snprintf(log_state.status, sizeof log_state.status, "%s", text);
  draw_status();
  pthread_mutex_unlock(&lock);
}

void log_close(void) {
  log_status_line("");
  log_flush(); // what the file's thread tells goes into the file, too
  pthread_mutex_lock(&lock);
  struct log_file *file = log_state.file;
  log_state.file = NULL;
  log_state.keeps = false;
  log_state.kept_size = 0;
  pthread_mutex_unlock(&lock);
  log_file_close(file);
}

void log_write(enum log_level level, const char *format, ...) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  if (level > log_state.level) return;
  char line[LINE_SIZE], message[LINE_SIZE];
  size_t used = sizeof CLEAR_LINE - 1, last = sizeof line - 2; // room for the end of the line
  memcpy(line, CLEAR_LINE, used);
  struct timespec now;
  struct tm local = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &local);
  used += (size_t)snprintf(line + used, last - used, "%02d:%02d:%02d.%03d %d %-5s ", local.tm_hour, local.tm_min,
                           local.tm_sec, (int)(now.tv_nsec / 1000000), log_state.rank, names[level]);
  va_list arguments;
  va_start(arguments, format);
  const int wanted = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (wanted > 0) used += printable_copy(line + used, last - used, message);
  line[used++] = '\n';

  // The line in the file is the same without the clearing in front.
  const char *plain = line + sizeof CLEAR_LINE - 1;
  size_t plain_size = used - (sizeof CLEAR_LINE - 1);
  pthread_mutex_lock(&lock);
  // One write, so that lines of several ranks do not mix on a shared descriptor.
  const int to = streams_error_descriptor();
  if (log_state.status[0]) {
    (void)streams_write(to, line, used);
    draw_status();
  } else {
    (void)streams_write(to, plain, plain_size);
  }
  log_file_add(log_state.file, plain, plain_size);
  keep(plain, plain_size);
  pthread_mutex_unlock(&lock);
}
