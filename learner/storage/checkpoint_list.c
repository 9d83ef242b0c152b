#include "learner/storage/checkpoint_list.h"

#include "common/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void checkpoint_list_name(uint64_t steps, char name[CHECKPOINT_NAME]) {
  snprintf(name, CHECKPOINT_NAME, "ckpt-%" PRIu64 ".h5", steps);
}

// Accepts only the spelling of checkpoint_list_name.
static bool parse_name(const char *name, uint64_t *steps) {
  char spelt[CHECKPOINT_NAME];
  if (sscanf(name, "ckpt-%" SCNu64, steps) != 1) return false;
  checkpoint_list_name(*steps, spelt);
  return strcmp(name, spelt) == 0;
}

enum status checkpoint_list_path(char *buffer, const char *directory, uint64_t steps, struct error *error) {
  char name[CHECKPOINT_NAME];
  checkpoint_list_name(steps, name);
  return file_join(buffer, directory, name, error);
}

int checkpoint_list(const char *directory, uint64_t *steps, int limit, struct error *error) {
  DIR *open = file_opendir(directory);
  if (!open) {
    error_set(error, STATUS_IO, "%s: cannot be read: %s", directory, strerror(errno));
    return -1;
  }
  int count = 0, held = 0;
  const struct dirent *entry;
  while ((entry = readdir(open))) {
    uint64_t found;
    if (!parse_name(entry->d_name, &found)) continue;
    count++;

    // Inserts it among the newest that were found so far.
    int index = held;
    while (index > 0 && steps[index - 1] < found) index--;
    if (index >= limit) continue;
    if (held < limit) held++;
    memmove(steps + index + 1, steps + index, (size_t)(held - index - 1) * sizeof *steps);
    steps[index] = found;
  }
  closedir(open);
  return count;
}
