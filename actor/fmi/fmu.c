#include "actor/fmi/fmu.h"

#include "actor/fmi/archive.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char PREFIX[] = "corsac-fmu-";
enum { ABANDONED_SECONDS = 60, TREE_FILES = 16 };

// --- directories ---

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where) {
  (void)info, (void)type, (void)where;
  return remove(path), 0; // what cannot be removed stays, and the rest goes
}
static void remove_tree(const char *path) { nftw(path, remove_one, TREE_FILES, FTW_DEPTH | FTW_PHYS); }

// Removes the directory if no process holds its lock. A young one may not be locked yet.
static void remove_abandoned(const char *path) {
  struct stat info;
  const int lock = file_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (lock < 0) return;
  if (fstat(lock, &info) == 0 && info.st_uid == geteuid() && time(NULL) - info.st_mtime > ABANDONED_SECONDS &&
      flock(lock, LOCK_EX | LOCK_NB) == 0)
    remove_tree(path);
  close(lock);
}

static void clean(const char *parent) {
  char path[FILE_PATH];
  DIR *files = file_opendir(parent);
  for (struct dirent *entry; files && (entry = readdir(files));)
    if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0 &&
        file_join(path, parent, entry->d_name, NULL) == STATUS_OK)
      remove_abandoned(path);
  if (files) closedir(files);
}

static enum status make_directory(struct fmu *fmu, struct error *error) {
  char parent[FILE_PATH];
  const char *given = getenv("TMPDIR"), *absolute = file_path(given && *given ? given : "/tmp", parent);
  clean(absolute);
  const int length = snprintf(fmu->directory, sizeof fmu->directory, "%s/%sXXXXXX", absolute, PREFIX);
  if (length < 0 || (size_t)length >= sizeof fmu->directory || !mkdtemp(fmu->directory))
    return error_set(error, STATUS_IO, "%s: cannot make a directory in %s to unpack it: %s", fmu->name, absolute,
                     strerror(errno));
  fmu->owner = getpid();
  fmu->lock = file_open(fmu->directory, O_RDONLY | O_DIRECTORY, 0);
  if (fmu->lock < 0 || flock(fmu->lock, LOCK_EX | LOCK_NB) != 0)
    return error_set(error, STATUS_IO, "%s: cannot lock %s: %s", fmu->name, fmu->directory, strerror(errno));
  return STATUS_OK;
}

// --- open ---

enum status fmu_unpack(struct fmu *fmu, const char *path, struct error *error) {
  struct stat info;
  char absolute[FILE_PATH];
  *fmu = (struct fmu){.lock = -1};
  snprintf(fmu->name, sizeof fmu->name, "%s", path);
  if (file_stat(path, &info) != 0) return error_set(error, STATUS_IO, "%s: %s", path, strerror(errno));
  enum status status = STATUS_OK;
  if (S_ISDIR(info.st_mode)) {
    if (!realpath(file_path(path, absolute), fmu->directory))
      status = error_set(error, STATUS_IO, "%s: %s", path, strerror(errno));
  } else {
    status = make_directory(fmu, error);
    if (status == STATUS_OK) status = archive_unpack(path, fmu->directory, error);
  }
  return status == STATUS_OK ? description_read(&fmu->description, path, fmu->directory, error) : status;
}

enum status fmu_open(struct fmu *fmu, const char *path, const char *task, struct error *error) {
  const enum status status = fmu_unpack(fmu, path, error);
  if (status != STATUS_OK) return status;
  snprintf(fmu->task_path, sizeof fmu->task_path, "%s", task);
  return task_read(&fmu->task, *task ? task : NULL, path, &fmu->description, error);
}

void fmu_close(struct fmu *fmu) {
  task_release(&fmu->task);
  description_release(&fmu->description);
  if (fmu->owner && fmu->owner == getpid()) remove_tree(fmu->directory);
  if (fmu->lock >= 0) close(fmu->lock);
  *fmu = (struct fmu){.lock = -1};
}
