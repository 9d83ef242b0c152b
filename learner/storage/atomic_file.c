#include "learner/storage/atomic_file.h"

#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status atomic_file_check(const char *path, struct error *error) {
  struct stat info;
  if (file_stat(path, &info) != 0 || S_ISREG(info.st_mode)) return STATUS_OK;
  return error_set(error, STATUS_IO, "%s: is %s; name a file, which is made or replaced", path,
                   file_kind(info.st_mode));
}

enum status atomic_file_begin(const char *path, char *temporary, struct error *error) {
  const enum status status = atomic_file_check(path, error);
  if (status != STATUS_OK) return status;
  if (snprintf(temporary, ATOMIC_FILE_PATH, "%s" ATOMIC_FILE_SUFFIX, path) < ATOMIC_FILE_PATH)
    return atomic_file_check(temporary, error);
  return error_set(error, STATUS_IO, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
}

// Some file systems cannot fsync a directory and fail with EINVAL, which counts as success.
static bool sync_to_disk(const char *path, int flags) {
  const int descriptor = file_open(path, O_RDONLY | flags, 0);
  if (descriptor < 0) return false;
  const bool done = fsync(descriptor) == 0 || (flags & O_DIRECTORY && errno == EINVAL);
  const int reason = errno;
  close(descriptor);
  errno = reason;
  return done;
}

static bool sync_directory_of(const char *path) {
  char directory[ATOMIC_FILE_PATH];
  const char *slash = strrchr(path, '/');
  const int length = slash == path ? 1 : slash ? (int)(slash - path) : 1;
  snprintf(directory, sizeof directory, "%.*s", length, slash ? path : ".");
  return sync_to_disk(directory, O_DIRECTORY);
}

static enum status give_up(const char *temporary, const char *path, struct error *error) {
  error_set(error, STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
  file_unlink(temporary);
  return STATUS_IO;
}

enum status atomic_file_commit(const char *temporary, const char *path, struct error *error) {
  if (sync_to_disk(temporary, 0) && file_rename(temporary, path) == 0) {
    if (sync_directory_of(path)) return STATUS_OK;
    return error_set(error, STATUS_IO, "%s: its directory cannot be synchronised: %s", path, strerror(errno));
  }
  return give_up(temporary, path, error);
}

enum status atomic_file_replace(const char *temporary, const char *path, struct error *error) {
  return file_rename(temporary, path) == 0 ? STATUS_OK : give_up(temporary, path, error);
}

enum status atomic_file_write(const char *path, const void *data, size_t size, bool durable, struct error *error) {
  char temporary[ATOMIC_FILE_PATH];
  const enum status status = atomic_file_begin(path, temporary, error);
  if (status != STATUS_OK) return status;
  const int descriptor = file_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (descriptor < 0) return error_set(error, STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
  ssize_t written = 0;
  for (size_t done = 0; done < size && written >= 0; done += written > 0 ? (size_t)written : 0) {
    written = write(descriptor, (const char *)data + done, size - done);
    if (written < 0 && errno == EINTR) written = 0;
  }
  const int reason = errno;
  if (close(descriptor) == 0 && written >= 0)
    return durable ? atomic_file_commit(temporary, path, error) : atomic_file_replace(temporary, path, error);
  error_set(error, STATUS_IO, "%s: cannot be written: %s", path, strerror(written < 0 ? reason : errno));
  file_unlink(temporary);
  return STATUS_IO;
}
