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
