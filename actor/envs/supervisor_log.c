#include "actor/envs/supervisor_log.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/printable.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TAIL_LINES = 3 };

static void open_file(struct supervisor_log *log) {
  struct stat status;
  struct error error = {0};
  log->file = *log->path ? file_open_plain(log->path, O_WRONLY | O_APPEND | O_CREAT, &error) : -1;
  if (*error.text) dprintf(STDERR_FILENO, "corsac: %s\n", error.text);
  log->size = log->file >= 0 && fstat(log->file, &status) == 0 ? (size_t)status.st_size : 0;
  if (log->file < 0) log->file = STDERR_FILENO;
}

static void put(struct supervisor_log *log, const char *bytes, size_t size) {
  if (log->file != STDERR_FILENO && log->size > 0 && log->size + size > SUPERVISOR_LOG_MOST) {
    char other[4096];
    if ((size_t)snprintf(other, sizeof other, "%s.1", log->path) < sizeof other && file_rename(log->path, other) == 0) {
      close(log->file);
      open_file(log);
    }
  }
  while (size > 0) { // a full disk costs the output, not the run
    const ssize_t written = write(log->file, bytes, size);
    if (written <= 0) return;
    bytes += written;
    size -= (size_t)written;
    log->size += (size_t)written;
  }
}

// A line of the supervisor's own, in a file only: stderr belongs to others, too.
static void note(struct supervisor_log *log, const char *what, const char *more) {
  char date[40], shown[180], line[256];
  if (log->file == STDERR_FILENO) return;
  clock_format(date, sizeof date);
  printable_copy(shown, sizeof shown, more);
  const int length = snprintf(line, sizeof line, "--- %s %s %s\n", date, what, shown);
  if (length > 0) put(log, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

void supervisor_log_open(struct supervisor_log *log, const char *path, char **argv) {
  *log = (struct supervisor_log){.path = path};
  char command[200] = "";
  for (size_t used = 0; *argv && used < sizeof command - 1; used = strlen(command), argv++)
    snprintf(command + used, sizeof command - used, "%s%s", used ? " " : "", *argv);
  open_file(log);
  note(log, "started:", command);
}

void supervisor_log_write(struct supervisor_log *log, const char *bytes, size_t size) {
  put(log, bytes, size);
  if (size > sizeof log->kept) {
    bytes += size - sizeof log->kept;
    size = sizeof log->kept;
  }
  const size_t keep = log->length < sizeof log->kept - size ? log->length : sizeof log->kept - size;
  memmove(log->kept, log->kept + log->length - keep, keep);
  memcpy(log->kept + keep, bytes, size);
  log->length = keep + size;
}

bool supervisor_log_says(const struct supervisor_log *log, const char *text) {
  return memmem(log->kept, log->length, text, strlen(text)) != NULL;
}

void supervisor_log_tail(const struct supervisor_log *log, char *text, size_t size) {
  size_t end = log->length;
  while (end > 0 && log->kept[end - 1] == '\n') end--;
  size_t first = end;
  for (int lines = 0; first > 0 && end - first + (size_t)(2 * lines) + 6 < size; first--)
    if (log->kept[first - 1] == '\n' && ++lines == TAIL_LINES) break;
  size_t used = 0;
  for (size_t i = first; i < end && used + 4 < size; i++) {
    if (log->kept[i] == '\n') {
      memcpy(text + used, " | ", 3);
      used += 3;
    } else {
      text[used++] = log->kept[i] ? log->kept[i] : ' ';
    }
  }
  text[used] = 0;
}

void supervisor_log_close(struct supervisor_log *log, int status) {
  char how[128];
  supervisor_describe(status, how, sizeof how);
  note(log, "it", how);
  if (log->file != STDERR_FILENO) close(log->file);
}

void supervisor_describe(int status, char *text, size_t size) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  if (WIFSIGNALED(status))
    snprintf(text, size, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (code > 128 && code <= 128 + 31) // a shell gives 128 + the signal of its child
    snprintf(text, size, "ended with exit status %d (as after signal %d, %s)", code, code - 128, strsignal(code - 128));
  else
    snprintf(text, size, "ended with exit status %d", code);
}
