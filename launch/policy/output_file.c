#include "launch/policy/output_file.h"

#include "common/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool output_file_is(const char *path, const char *end) {
  const size_t length = strlen(path), size = strlen(end);
  return length > size && strcmp(path + length - size, end) == 0;
}

enum status output_file_check(const char *option, const char *path, const char *const ends[2], struct error *error) {
  if (!output_file_is(path, ends[0]) && !output_file_is(path, ends[1]))
    return error_set(error, STATUS_USAGE, "%s %s: the name must end in %s or %s, which says the format", option, path,
                     ends[0], ends[1]);
  const char *slash = strrchr(path, '/');
  char directory[FILE_PATH];
  snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  if (file_allows(directory, W_OK)) return STATUS_OK;
  return error_set(error, STATUS_IO, "%s %s: no file can be made in %s: %s", option, path, directory, strerror(errno));
}
