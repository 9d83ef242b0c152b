#include "tests/simulation/place.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void place_make(char path[PLACE_PATH]) {
  const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(path, PLACE_PATH, "%s/corsac-simulation-XXXXXX", parent);
  if (mkdtemp(path)) return;
  perror(path);
  exit(1);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where) {
  (void)info, (void)kind;
  return where->level > 0 ? remove(path) : 0;
}

void place_clear(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

void place_remove(const char *path) {
  place_clear(path);
  rmdir(path);
}
