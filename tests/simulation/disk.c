#include "tests/simulation/disk.h"

#include "common/base/held_file.h"
#include "common/base/streams.h"
#include "tests/simulation/seams.h"
#include "tests/simulation/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DIRTY = 64, MOST_RENAMED = 64, MOST_HELD = 64, PATH = 512 };
static const double SLOWER = 1000;    // times, while the disk is slow
static const double WELL_SECONDS = 5; // for which it passes for ill after a fault

struct renaming { // whose directory has not been synchronised
  char path[PATH];
  char before[64]; // another name of the file that was there; "": none was
};

struct disk {
  char directory[256];
  ino_t dirty[MOST_DIRTY]; // files whose content is not durable
  size_t dirty_count;
  struct renaming renamed[MOST_RENAMED];
  size_t renamed_count;
  struct held_file *held[MOST_HELD]; // open files of the running process
  size_t held_count;
  uint64_t names;
  uint32_t active[FAULT_KINDS];
  bool lied;
  double well; // s: until then it passes for ill
};

int BEHIND(fsync)(int file);
ssize_t BEHIND(write)(int file, const void *bytes, size_t size);
ssize_t BEHIND(pwrite)(int file, const void *bytes, size_t size, off_t begin);
int BEHIND(rename)(const char *from, const char *to);
struct held_file *BEHIND(held_file_open)(const char *path, int flags, struct error *error);
bool BEHIND(held_file_close)(struct held_file *file);

struct disk *disk_create(const char *directory) {
  struct disk *disk = calloc(1, sizeof *disk);
  if (!disk) abort();
  snprintf(disk->directory, sizeof disk->directory, "%s", directory);
  return disk;
}

void disk_destroy(struct disk *disk) { free(disk); }

void disk_fault(struct disk *disk, enum fault_kind kind, bool begins) {
  if (begins)
    disk->active[kind]++;
  else
    disk->active[kind]--;
  const double last =
      kind == FAULT_DISK_SLOW ? SLOWER * (world->plan.fsync + 1e5 / world->plan.disk) : world->plan.fsync;
  const double well = world->now + WELL_SECONDS + 10 * last; // calls that began before go on
  if (well > disk->well) disk->well = well;
  disk->lied |= kind == FAULT_DISK_LIES;
}

bool disk_has_lied(const struct disk *disk) { return disk->lied; }

bool disk_is_ill(const struct disk *disk) {
  return world->now < disk->well || disk->active[FAULT_DISK_FULL] || disk->active[FAULT_DISK_ERROR] ||
         disk->active[FAULT_FSYNC_ERROR] || disk->active[FAULT_DISK_SLOW];
}

// --- what is durable ---

// Whether the file is on the disk.
static bool is_here(int file, struct stat *info) {
  char link[64], path[PATH];
  if (!world || !world->current || fstat(file, info) != 0) return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  const char *directory = world->disk->directory;
  return strncmp(path, directory, strlen(directory)) == 0;
}

static void set_dirty(struct disk *disk, ino_t file, bool dirty) {
  for (size_t i = 0; i < disk->dirty_count; i++)
    if (disk->dirty[i] == file) disk->dirty[i--] = disk->dirty[--disk->dirty_count];
  if (!dirty) return;
  if (disk->dirty_count == MOST_DIRTY) memmove(disk->dirty, disk->dirty + 1, --disk->dirty_count * sizeof *disk->dirty);
  disk->dirty[disk->dirty_count++] = file;
}

static void forget_renaming(struct disk *disk, size_t i) {
  if (*disk->renamed[i].before) unlink(disk->renamed[i].before);
  disk->renamed_count--;
  memmove(disk->renamed + i, disk->renamed + i + 1, (disk->renamed_count - i) * sizeof *disk->renamed);
}

// A toss that the seed decides.
static double toss(struct disk *disk) { return plan_uniform(&world->plan, 7, disk->names++, 0); }

static void lose_content(struct disk *disk, const char *path) {
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return;
  for (size_t i = 0; i < disk->dirty_count; i++) {
    if (disk->dirty[i] != info.st_ino) continue;
    const off_t left = (off_t)((double)info.st_size * toss(disk));
    const struct timespec times[] = {info.st_atim, info.st_mtim};
    if (truncate(path, left) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0)
      world_trace("%s: %ld of %ld bytes are left", strrchr(path, '/') + 1, (long)left, (long)info.st_size);
  }
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

void disk_lose_power(struct disk *disk) {
  world_trace("the disk loses power");
  while (disk->renamed_count > 0) {
    struct renaming *last = &disk->renamed[disk->renamed_count - 1];
    if (toss(disk) < 0.5) {
      world_trace("%s: the renaming is lost", strrchr(last->path, '/') + 1);
      if (*last->before)
        BEHIND(rename)(last->before, last->path);
      else
        unlink(last->path);
      *last->before = 0;
    }
    forget_renaming(disk, disk->renamed_count - 1);
  }
  struct dirent **entry = NULL;
  const int count = scandir(RUN_DIRECTORY, &entry, NULL, by_name);
  for (int i = 0; i < count; i++) {
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", RUN_DIRECTORY, entry[i]->d_name);
    lose_content(disk, path);
    free(entry[i]);
  }
  free(entry);
  disk->dirty_count = 0;
}

// --- calls ---

// Returns an errno, or 0.
static int failure_of_writing(const struct disk *disk) {
  return disk->active[FAULT_DISK_ERROR] ? EIO : disk->active[FAULT_DISK_FULL] ? ENOSPC : 0;
}

static void take_time(const struct disk *disk, double seconds) {
  world_sleep(disk->active[FAULT_DISK_SLOW] ? SLOWER * seconds : seconds);
}

// The time of a lock's file is that of the world.
static void stamp(int file) {
  const struct timespec now = {.tv_sec = (time_t)world->now,
                               .tv_nsec = (long)(1e9 * (world->now - (double)(time_t)world->now))};
  futimens(file, (const struct timespec[]){now, now});
}

ssize_t SEAM(write)(int file, const void *bytes, size_t size);
ssize_t SEAM(write)(int file, const void *bytes, size_t size) {
  struct stat info;
  if (world && world->current && file == streams_error_descriptor()) {
    world_trace("says %.*s", (int)size - 1, (const char *)bytes);
    return (ssize_t)size;
  }
  if (!is_here(file, &info)) return BEHIND(write)(file, bytes, size);
  errno = failure_of_writing(world->disk);
  if (errno != 0) return -1;
  set_dirty(world->disk, info.st_ino, true);
  const ssize_t written = BEHIND(write)(file, bytes, size);
  stamp(file);
  return written;
}

ssize_t SEAM(pwrite)(int file, const void *bytes, size_t size, off_t begin);
ssize_t SEAM(pwrite)(int file, const void *bytes, size_t size, off_t begin) {
  struct stat info;
  if (!is_here(file, &info)) return BEHIND(pwrite)(file, bytes, size, begin);
  take_time(world->disk, (double)size / world->plan.disk);
  errno = failure_of_writing(world->disk);
  if (errno != 0) return -1;
  set_dirty(world->disk, info.st_ino, true);
  return BEHIND(pwrite)(file, bytes, size, begin);
}

int SEAM(fsync)(int file);
int SEAM(fsync)(int file) {
  struct stat info;
  if (!is_here(file, &info)) return BEHIND(fsync)(file);
  struct disk *disk = world->disk;
  take_time(disk, world->plan.fsync);
  if (disk->active[FAULT_FSYNC_ERROR] || disk->active[FAULT_DISK_ERROR]) {
    errno = EIO;
    return -1;
  }
  if (disk->active[FAULT_DISK_LIES]) return 0;
  if (S_ISDIR(info.st_mode))
    while (disk->renamed_count > 0) forget_renaming(disk, 0);
  else
    set_dirty(disk, info.st_ino, false);
  return 0;
}

int SEAM(rename)(const char *from, const char *to);
int SEAM(rename)(const char *from, const char *to) {
  if (!world || !world->current) return BEHIND(rename)(from, to);
  struct disk *disk = world->disk;
  if (disk->renamed_count == MOST_RENAMED) forget_renaming(disk, 0);
  struct renaming *renaming = &disk->renamed[disk->renamed_count++];
  snprintf(renaming->path, sizeof renaming->path, "%s", to);
  snprintf(renaming->before, sizeof renaming->before, "before-%llu", (unsigned long long)disk->names++);
  if (link(to, renaming->before) != 0) *renaming->before = 0;
  const int result = BEHIND(rename)(from, to);
  const int why = errno;
  if (result != 0) forget_renaming(disk, disk->renamed_count - 1);
  errno = why;
  return result;
}

// --- what a process has open ---

struct held_file *SEAM(held_file_open)(const char *path, int flags, struct error *error);
struct held_file *SEAM(held_file_open)(const char *path, int flags, struct error *error) {
  struct held_file *file = BEHIND(held_file_open)(path, flags, error);
  if (world && file && world->disk->held_count < MOST_HELD) world->disk->held[world->disk->held_count++] = file;
  return file;
}

bool SEAM(held_file_close)(struct held_file *file);
bool SEAM(held_file_close)(struct held_file *file) {
  for (size_t i = 0; world && i < world->disk->held_count; i++)
    if (world->disk->held[i] == file) world->disk->held[i--] = world->disk->held[--world->disk->held_count];
  return BEHIND(held_file_close)(file);
}

void disk_process_killed(struct disk *disk) {
  while (disk->held_count > 0) BEHIND(held_file_close)(disk->held[--disk->held_count]);
  DIR *open = opendir("/proc/self/fd");
  int file[256], count = 0;
  for (const struct dirent *entry; open && (entry = readdir(open));) {
    char path[PATH];
    const ssize_t length = readlinkat(dirfd(open), entry->d_name, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (count < 256 && strncmp(path, disk->directory, strlen(disk->directory)) == 0)
      file[count++] = atoi(entry->d_name);
  }
  if (open) closedir(open);
  for (int i = 0; i < count; i++) close(file[i]);
}
