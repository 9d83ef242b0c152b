#include "learner/run/metrics_file.h"

#include "common/base/file.h"
#include "common/base/held_file.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "learner/job/metrics.h"
#include "learner/run/append.h"
#include "learner/storage/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct metrics_file {
  char path[FILE_PATH];
  uint64_t rows; // kept
  struct held_file *held;
};

// Returns the file's text, NUL-terminated. NULL: there is no file (error stays clear), or it cannot be read.
static char *read_text(const char *path, size_t *size, struct error *error) {
  char *text = NULL;
  struct error unread = {0};
  const int descriptor = file_open_plain(path, O_RDONLY, &unread);
  if (descriptor < 0 && errno == ENOENT) return NULL;
  if (descriptor < 0) return error_set(error, unread.status, "%s", unread.text), NULL;
  struct stat info;
  if (fstat(descriptor, &info) != 0) goto fail;
  text = memory_alloc((size_t)info.st_size + 1, 1, path, error);
  if (!text) goto close;
  for (*size = 0; *size < (size_t)info.st_size;) {
    const ssize_t got = read(descriptor, text + *size, (size_t)info.st_size - *size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) goto fail;
    if (got == 0) break;
    *size += (size_t)got;
  }
  close(descriptor);
  return text;
fail:
  error_set(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
close:
  memory_free(text);
  close(descriptor);
  return NULL;
}

// Returns the length of the header and of the first `rows` complete rows. *found: how many of these there are.
static size_t kept_length(const char *text, size_t size, uint64_t rows, uint64_t *found) {
  size_t kept = 0;
  uint64_t lines = 0;
  for (const char *end; lines <= rows && (end = memchr(text + kept, '\n', size - kept)); lines++)
    kept = (size_t)(end - text) + 1;
  *found = lines ? lines - 1 : 0;
  return kept;
}

// Renames a file that has other columns, since the simulator names other info values, or the program is a later one.
static enum status set_aside(const char *path, struct error *error) {
  char aside[FILE_PATH + 32];
  for (int n = 1; n < 1000; n++) {
    snprintf(aside, sizeof aside, "%s.%d", path, n);
    if (file_allows(aside, F_OK)) continue;
    if (file_rename(path, aside) != 0) break;
    log_warn("%s has other columns than this start writes: it is renamed to %s, and a new file begins", path,
             strrchr(aside, '/') + 1);
    return STATUS_OK;
  }
  return error_set(error, STATUS_IO, "%s: has other columns, and cannot be renamed: %s", path, strerror(errno));
}

// Leaves the header and the rows to keep in the file. *kept_rows: how many these are.
static enum status prepare(const char *path, const char *columns, uint64_t keep_rows, uint64_t *kept_rows,
                           struct error *error) {
  char header[METRICS_HEADER + 1];
  const size_t header_size = (size_t)snprintf(header, sizeof header, "%s\n", columns);
  struct error unread = {0};
  size_t size = 0;
  char *text = read_text(path, &size, &unread);
  enum status status = unread.status;
  uint64_t rows = 0;
  if (status != STATUS_OK) {
    error_set(error, status, "%s", unread.text);
  } else if (size == 0) {
    status = atomic_file_write(path, header, header_size, true, error);
  } else if (size < header_size || memcmp(text, header, header_size) != 0) {
    status = set_aside(path, error);
    if (status == STATUS_OK) status = atomic_file_write(path, header, header_size, true, error);
    keep_rows = 0;
  } else {
    const size_t kept = kept_length(text, size, keep_rows, &rows);
    if (kept < size) status = atomic_file_write(path, text, kept, true, error);
  }
  memory_free(text);
  *kept_rows = rows < keep_rows ? rows : keep_rows;
  if (status == STATUS_OK && rows < keep_rows)
    log_warn("%s: has %llu row%s, but the checkpoint was written after %llu", path, (unsigned long long)rows,
             plural(rows), (unsigned long long)keep_rows);
  return status;
}

struct metrics_file *metrics_file_open(const char *directory, const char *header, uint64_t keep_rows,
                                       struct error *error) {
  struct metrics_file *file = memory_alloc(1, sizeof *file, "metrics.csv", error);
  if (!file) return NULL;
  if (file_join(file->path, directory, "metrics.csv", error) != STATUS_OK) goto fail;
  if (prepare(file->path, header, keep_rows, &file->rows, error) != STATUS_OK) goto fail;
  file->held = held_file_open(file->path, O_WRONLY | O_APPEND, error);
  if (file->held) return file;
fail:
  memory_free(file);
  return NULL;
}

uint64_t metrics_file_rows(const struct metrics_file *file) { return file->rows; }

enum status metrics_file_append(struct metrics_file *file, const char *line, struct error *error) {
  const struct iovec parts[] = {{(void *)(uintptr_t)line, strlen(line)}, {"\n", 1}};
  return append_whole(file->held, file->path, parts, 2, "row", error);
}

void metrics_file_close(struct metrics_file *file) {
  if (!file) return;
  held_file_close(file->held);
  memory_free(file);
}
