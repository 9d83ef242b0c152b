#include "common/base/file_tree.h"

#include "common/base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DEPTH = 200, OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

// The walk through a tree, with the path of where it is, for messages.
struct walk {
  char path[FILE_PATH];
  int depth;
  dev_t device;
  struct file_tree_waiting waiting;
  struct error *error;
};

static size_t enter(struct walk *walk, const char *name) {
  const size_t length = strlen(walk->path);
  walk->depth++;
  snprintf(walk->path + length, sizeof walk->path - length, "/%s", name);
  if (walk->waiting.call) walk->waiting.call(walk->waiting.who);
  return length;
}

// length: what enter returned.
static void leave(struct walk *walk, size_t length) {
  walk->path[length] = 0;
  walk->depth--;
}

static bool refuse(struct walk *walk, const char *what) {
  error_set(walk->error, STATUS_IO, "%.700s: cannot be %s: %s", walk->path, what, strerror(errno));
  return false;
}

static bool is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

// -1: errno says why. Each level of the walk holds descriptors, so their number is bounded.
static int open_directory(const struct walk *walk, int parent, const char *name) {
  if (walk->depth <= MOST_DEPTH) return openat(parent, name, OPEN_DIRECTORY);
  errno = ELOOP;
  return -1;
}

// The next entry but . and .., or NULL: there is none, or errno says why it cannot be read.
static const char *next_entry(DIR *directory) {
  errno = 0;
  const struct dirent *entry = readdir(directory);
  while (entry && is_dots(entry->d_name)) entry = readdir(directory);
  return entry ? entry->d_name : NULL;
}

// --- remove ---

static bool remove_entry(struct walk *walk, int parent, const char *name);

// Removes what is in the directory but `last`.
static bool remove_entries(struct walk *walk, int file, const char *last) {
  bool good = true, found = true;
  const int again = dup(file);
  DIR *directory = again >= 0 ? fdopendir(again) : NULL;
  if (!directory) {
    if (again >= 0) close(again);
    return refuse(walk, "read");
  }
  // Some file systems leave entries out while others are removed, so it is read until nothing is found.
  while (good && found) {
    const char *name;
    found = false;
    rewinddir(directory);
    while (good && (name = next_entry(directory))) {
      if (last && strcmp(name, last) == 0) continue;
      found = true;
      good = remove_entry(walk, file, name);
    }
    if (good && errno != 0) good = refuse(walk, "read");
  }
  closedir(directory);
  return good;
}

// Opens the directory with the right to remove what is in it: a program may have taken that away.
static int open_to_empty(const struct walk *walk, int parent, const char *name, const struct stat *status) {
  if (status->st_dev != walk->device) {
    errno = EXDEV;
    return -1;
  }
  if ((status->st_mode & S_IRWXU) != S_IRWXU) (void)fchmodat(parent, name, (status->st_mode & 07777) | S_IRWXU, 0);
  return open_directory(walk, parent, name);
}

static bool remove_entry(struct walk *walk, int parent, const char *name) {
  struct stat status;
  const size_t length = enter(walk, name);
  bool good = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || refuse(walk, "removed");
  if (good && S_ISDIR(status.st_mode)) {
    const int file = open_to_empty(walk, parent, name, &status);
    good = file >= 0 ? remove_entries(walk, file, NULL) : refuse(walk, "removed");
    if (file >= 0) close(file);
    if (good && unlinkat(parent, name, AT_REMOVEDIR) != 0) good = refuse(walk, "removed");
  } else if (good && unlinkat(parent, name, 0) != 0) {
    good = refuse(walk, "removed");
  }
  leave(walk, length);
  return good;
}

enum status file_tree_remove(const char *path, const char *last, struct file_tree_waiting waiting,
                             struct error *error) {
  char buffer[FILE_PATH];
  struct stat status;
  struct walk walk = {.waiting = waiting, .error = error};
  snprintf(walk.path, sizeof walk.path, "%s", path);
  const char *absolute = file_path(path, buffer);
  const int file = open(absolute, OPEN_DIRECTORY);
  bool good = (file >= 0 && fstat(file, &status) == 0) || refuse(&walk, "removed");
  if (good) {
    walk.device = status.st_dev;
    if ((status.st_mode & S_IRWXU) != S_IRWXU) (void)fchmod(file, (status.st_mode & 07777) | S_IRWXU);
    good = remove_entries(&walk, file, last);
    if (good && last && unlinkat(file, last, 0) != 0 && errno != ENOENT) good = refuse(&walk, "emptied");
    if (good && rmdir(absolute) != 0) good = refuse(&walk, "removed");
  }
  if (file >= 0) close(file);
  return good ? STATUS_OK : STATUS_IO;
}

// --- copy ---

static bool copy_bytes(int from, int to) {
  char bytes[65536];
  for (;;) {
    ssize_t length = read(from, bytes, sizeof bytes);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return length == 0;
    for (ssize_t at = 0; at < length;) {
      const ssize_t written = write(to, bytes + at, (size_t)(length - at));
      if (written < 0 && errno != EINTR) return false;
      if (written > 0) at += written;
    }
  }
}

static bool copy_file(struct walk *walk, int from, int to, const char *name, mode_t mode) {
  const int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const int out = in >= 0 ? openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
  bool good = out >= 0 && copy_bytes(in, out) && fchmod(out, mode & 07777) == 0;
  const int why = errno;
  if (in >= 0) close(in);
  if (out >= 0 && close(out) != 0) return refuse(walk, "copied"); // where NFS reports a full disk
  errno = why;
  return good || refuse(walk, "copied");
}

static bool copy_link(struct walk *walk, int from, int to, const char *name) {
  char target[FILE_PATH];
  const ssize_t length = readlinkat(from, name, target, sizeof target - 1);
  if (length < 0) return refuse(walk, "copied");
  target[length] = 0;
  return symlinkat(target, to, name) == 0 || refuse(walk, "copied");
}

static bool copy_entries(struct walk *walk, int from, int to, const char *except);

static bool copy_directory(struct walk *walk, int from, int to, const char *name, mode_t mode) {
  const int in = open_directory(walk, from, name);
  const int out = in >= 0 && mkdirat(to, name, 0700) == 0 ? openat(to, name, OPEN_DIRECTORY) : -1;
  bool good = out >= 0 ? copy_entries(walk, in, out, NULL) : refuse(walk, "copied");
  if (good && fchmod(out, mode & 07777) != 0) good = refuse(walk, "copied");
  if (out >= 0) close(out);
  if (in >= 0) close(in);
  return good;
}

static bool copy_entry(struct walk *walk, int from, int to, const char *name) {
  struct stat status;
  const size_t length = enter(walk, name);
  bool good = fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || refuse(walk, "copied");
  if (!good || S_ISDIR(status.st_mode)) {
    good = good && copy_directory(walk, from, to, name, status.st_mode);
  } else if (S_ISREG(status.st_mode)) {
    good = copy_file(walk, from, to, name, status.st_mode);
  } else if (S_ISLNK(status.st_mode)) {
    good = copy_link(walk, from, to, name);
  } else {
    error_set(walk->error, STATUS_IO, "%.700s: cannot be copied: it is %s", walk->path, file_kind(status.st_mode));
    good = false;
  }
  leave(walk, length);
  return good;
}

static bool copy_entries(struct walk *walk, int from, int to, const char *except) {
  const int again = dup(from);
  DIR *directory = again >= 0 ? fdopendir(again) : NULL;
  if (!directory) {
    if (again >= 0) close(again);
    return refuse(walk, "read");
  }
  bool good = true;
  for (const char *name; good && (name = next_entry(directory));)
    if (!except || strcmp(name, except) != 0) good = copy_entry(walk, from, to, name);
  if (good && errno != 0) good = refuse(walk, "read");
  closedir(directory);
  return good;
}

enum status file_tree_copy(const char *from, const char *to, const char *except, struct error *error) {
  char buffer[FILE_PATH], other[FILE_PATH];
  struct walk walk = {.error = error};
  snprintf(walk.path, sizeof walk.path, "%s", from);
  const int in = open(file_path(from, buffer), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good = in >= 0 || refuse(&walk, "copied");
  const int out = open(file_path(to, other), OPEN_DIRECTORY);
  if (good && out < 0) {
    snprintf(walk.path, sizeof walk.path, "%s", to);
    good = refuse(&walk, "filled");
  }
  good = good && copy_entries(&walk, in, out, except);
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  if (good) return STATUS_OK;
  return error_prefix(error, "copying into %.200s", to);
}

// --- where it may be copied ---

// Whether `path` is `directory` or lies in it; both are real paths.
static bool lies_in(const char *path, const char *directory) {
  const size_t length = strlen(directory);
  if (strcmp(directory, "/") == 0) return true;
  return strncmp(path, directory, length) == 0 && (path[length] == 0 || path[length] == '/');
}

// The real path of the nearest directory above that is there, with the rest behind it. false: no memory.
static bool find_real(const char *path, char real[FILE_PATH]) {
  char buffer[FILE_PATH], part[FILE_PATH];
  snprintf(part, sizeof part, "%s", file_path(path, buffer));
  for (size_t cut = strlen(part);;) {
    char *found = realpath(*part ? part : "/", NULL);
    if (found) {
      snprintf(real, FILE_PATH, "%s%s", strcmp(found, "/") == 0 ? "" : found, file_path(path, buffer) + cut);
      free(found);
      return true;
    }
    while (cut > 0 && part[cut - 1] != '/') cut--;
    if (cut == 0) return false;
    part[--cut] = 0;
  }
}

enum status file_tree_check_source(const char *from, const char *to, struct error *error) {
  struct stat status;
  char source[FILE_PATH], target[FILE_PATH];
  if (file_stat(from, &status) != 0) return error_set(error, STATUS_USAGE, "%.500s: %s", from, strerror(errno));
  if (!S_ISDIR(status.st_mode))
    return error_set(error, STATUS_USAGE, "%.500s: is %s, not a directory", from, file_kind(status.st_mode));
  if (!find_real(from, source) || !find_real(to, target))
    return error_set(error, STATUS_USAGE, "%.500s: %s", from, strerror(errno));
  if (lies_in(target, source))
    return error_set(error, STATUS_USAGE, "%.400s would be copied into itself, since %.400s lies in it", from, to);
  if (lies_in(source, target))
    return error_set(error, STATUS_USAGE, "%.400s lies in %.400s, where its copies would be", from, to);
  return STATUS_OK;
}
