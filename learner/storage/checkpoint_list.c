#include "learner/storage/checkpoint_list.h"

#include "common/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum status run_path(char *buffer, const char *directory, const char *name, struct error *error) {
  const int wanted = snprintf(buffer, RUN_PATH, "%s/%s", directory, name);
  if (wanted < RUN_PATH) return STATUS_OK;
  return error_set(error, STATUS_IO, "%.100s.../%s: a path of %d bytes is too long", directory, name, wanted);
}

// ckpt-<steps>.h5, as run_checkpoint_path spells it.
static bool parse_checkpoint(const char *name, uint64_t *steps) {
  char spelt[64];
  if (sscanf(name, "ckpt-%" SCNu64, steps) != 1) return false;
  snprintf(spelt, sizeof spelt, "ckpt-%" PRIu64 ".h5", *steps);
  return strcmp(name, spelt) == 0;
}

enum status run_checkpoint_path(char *buffer, const char *directory, uint64_t steps, struct error *error) {
  char name[64];
  snprintf(name, sizeof name, "ckpt-%" PRIu64 ".h5", steps);
  return run_path(buffer, directory, name, error);
}

int run_checkpoints(const char *directory, uint64_t *steps, int limit, struct error *error) {
  DIR *open = file_opendir(directory);
  if (!open) {
    error_set(error, STATUS_IO, "%s: cannot be read: %s", directory, strerror(errno));
    return -1;
  }
  int count = 0, held = 0;
  const struct dirent *entry;
  while ((entry = readdir(open))) {
    uint64_t found;
    if (!parse_checkpoint(entry->d_name, &found)) continue;
    count++;
    int place = held; // insertion into the newest that were seen so far
    while (place > 0 && steps[place - 1] < found) place--;
    if (place >= limit) continue;
    if (held < limit) held++;
    memmove(steps + place + 1, steps + place, (size_t)(held - place - 1) * sizeof *steps);
    steps[place] = found;
  }
  closedir(open);
  return count;
}
