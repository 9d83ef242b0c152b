#include "learner/run/append.h"

#include "common/base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum status append_whole(struct held_file *file, const char *path, const struct iovec *parts, int count,
                         const char *what, struct error *error) {
  const int descriptor = held_file_descriptor(file);
  const off_t before = lseek(descriptor, 0, SEEK_END);
  size_t size = 0;
  for (int i = 0; i < count; i++) size += parts[i].iov_len;
  ssize_t written;
  do written = writev(descriptor, parts, count);
  while (written < 0 && errno == EINTR);
  if (written == (ssize_t)size) return STATUS_OK;
  error_set(error, STATUS_IO, "%s: cannot be written: %s", path, strerror(written < 0 ? errno : ENOSPC));
  if (written > 0 && ftruncate(descriptor, before) != 0) log_warn("%s: ends in a broken %s", path, what);
  return STATUS_IO;
}
