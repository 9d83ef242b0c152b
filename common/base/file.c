#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The directory and the umask at the start of the process.
static struct {
  bool begun;
  mode_t mask;
  char directory[FILE_PATH]; // "": not known
} start;

void file_begin(void) {
  start.mask = umask(0);
  umask(start.mask);
  if (!getcwd(start.directory, sizeof start.directory) || start.directory[0] != '/') start.directory[0] = 0;
  start.begun = true;
}

const char *file_directory(void) { return start.directory[0] ? start.directory : NULL; }

const char *file_path(const char *path, char *buffer) {
  if (path[0] == '/' || !path[0] || !start.directory[0]) return path;
  const char *slash = start.directory[1] ? "/" : "";
  const int length = snprintf(buffer, FILE_PATH, "%s%s%s", start.directory, slash, path);
  return length > 0 && length < FILE_PATH ? buffer : path; // too long to be absolute; the relative path may still work
}

enum status file_join(char *buffer, const char *directory, const char *name, struct error *error) {
  const int wanted = snprintf(buffer, FILE_PATH, "%s/%s", directory, name);
  if (wanted < FILE_PATH) return STATUS_OK;
  return error_set(error, STATUS_IO, "%.100s.../%s: a path of %d bytes is too long", directory, name, wanted);
}

// --- modes ---

// The process's umask. umask(2) would have to change it for a moment, which other threads would see.
static mode_t current_mask(void) {
  char line[256];
  unsigned mask = start.mask;
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Umask: %o", &mask) == 1) break;
  if (file) fclose(file);
  return (mode_t)mask;
}

// Computes the mode that a new file should have, and returns whether that differs from the one it has. A difference
// comes from an environment that set another umask, or from an ACL of the directory, which is kept.
static bool needs_mode(const struct stat *info, mode_t mode, mode_t *wanted) {
  const mode_t bits = 07000;
  *wanted = (info->st_mode & bits) | (mode & ~start.mask & ~bits);
  return start.begun && (info->st_mode & 07777) != *wanted && current_mask() != start.mask;
}

int file_mkdir(const char *path, mode_t mode) {
  char buffer[FILE_PATH];
  struct stat info;
  mode_t wanted;
  path = file_path(path, buffer);
  if (mkdir(path, mode) != 0) return -1;
  if (stat(path, &info) == 0 && needs_mode(&info, mode, &wanted)) return chmod(path, wanted);
  return 0;
}

// --- descriptors ---

int file_move_up(int descriptor, int lowest) {
  if (descriptor < 0 || descriptor >= lowest) return descriptor;
  const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
  if (moved < 0) return descriptor;
  close(descriptor);
  return moved;
}

// 0 to 2 may be closed. If a file of ours took such a number, printed text would end up in it.
static int keep_off_standard(int descriptor) {
  const int moved = file_move_up(descriptor, STDERR_FILENO + 1);
  if (moved < 0 || moved > STDERR_FILENO) return moved;
  close(moved);
  errno = EMFILE;
  return -1;
}

int file_open(const char *path, int flags, mode_t mode) {
  char buffer[FILE_PATH];
  path = file_path(path, buffer);
  flags |= O_CLOEXEC | O_NOCTTY;
  if (!(flags & O_CREAT) || !start.begun) return keep_off_standard(open(path, flags, mode));
  // An existing file keeps its mode, so these calls find out whether the file is new.
  for (int attempt = 0; attempt < 8; attempt++) {
    int descriptor = flags & O_EXCL ? -1 : keep_off_standard(open(path, flags & ~O_CREAT));
    if (descriptor >= 0 || (!(flags & O_EXCL) && errno != ENOENT)) return descriptor;
    descriptor = keep_off_standard(open(path, flags | O_EXCL, mode));
    struct stat info;
    mode_t wanted;
    if (descriptor >= 0 && fstat(descriptor, &info) == 0 && needs_mode(&info, mode, &wanted))
      (void)fchmod(descriptor, wanted); // fails on a file system without modes
    if (descriptor >= 0 || errno != EEXIST || flags & O_EXCL) return descriptor;
  }
  return keep_off_standard(open(path, flags, mode)); // a dangling link
}

void file_close_from(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0) return;
#endif
  DIR *directory = opendir("/proc/self/fd");
  const struct dirent *entry;
  while (directory && (entry = readdir(directory))) {
    const int file = atoi(entry->d_name);
    if (file >= first && file != dirfd(directory)) close(file);
  }
  if (directory) closedir(directory);
}

// --- plain files ---

const char *file_kind(mode_t mode) {
  return S_ISDIR(mode)                    ? "a directory"
         : S_ISFIFO(mode)                 ? "a pipe"
         : S_ISSOCK(mode)                 ? "a socket"
         : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                          : "a file";
}

static enum status refuse(const char *path, const struct stat *info, struct error *error) {
  errno = EINVAL;
  return error_set(error, STATUS_IO, "%s: is %s, not a file", path, file_kind(info->st_mode));
}

enum status file_check_plain(const char *path, struct error *error) {
  struct stat info;
  if (file_stat(path, &info) != 0) {
    const int reason = errno;
    error_set(error, STATUS_IO, "%s: cannot be opened: %s", path, strerror(reason));
    errno = reason;
    return STATUS_IO;
  }
  return S_ISREG(info.st_mode) ? STATUS_OK : refuse(path, &info, error);
}

int file_open_plain(const char *path, int flags, struct error *error) {
  struct stat info;
  // This check comes before open, since opening some devices has an effect and a socket cannot be opened.
  if (file_stat(path, &info) == 0 && !S_ISREG(info.st_mode)) return refuse(path, &info, error), -1;
  const int descriptor = file_open(path, flags | O_NONBLOCK, 0666);
  if (descriptor >= 0 && fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode)) return descriptor;
  const int reason = errno;
  if (descriptor >= 0) {
    close(descriptor);
    return refuse(path, &info, error), -1;
  }
  error_set(error, STATUS_IO, "%s: cannot be opened: %s", path, strerror(reason));
  errno = reason;
  return -1;
}

FILE *file_read_plain(const char *path, struct error *error) {
  const int descriptor = file_open_plain(path, O_RDONLY, error);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
  if (file || descriptor < 0) return file;
  error_set(error, STATUS_MEMORY, "%s: cannot be opened: %s", path, strerror(errno));
  close(descriptor);
  return NULL;
}

// --- by name ---

int file_stat(const char *path, struct stat *info) {
  char buffer[FILE_PATH];
  return stat(file_path(path, buffer), info);
}

bool file_allows(const char *path, int mode) {
  char buffer[FILE_PATH];
  return access(file_path(path, buffer), mode) == 0;
}

int file_rmdir(const char *path) {
  char buffer[FILE_PATH];
  return rmdir(file_path(path, buffer));
}

int file_unlink(const char *path) {
  char buffer[FILE_PATH];
  return unlink(file_path(path, buffer));
}

int file_rename(const char *from, const char *to) {
  char old[FILE_PATH], new[FILE_PATH];
  return rename(file_path(from, old), file_path(to, new));
}

int file_link(const char *from, const char *to) {
  char old[FILE_PATH], new[FILE_PATH];
  return link(file_path(from, old), file_path(to, new));
}

DIR *file_opendir(const char *path) {
  const int descriptor = file_open(path, O_RDONLY | O_DIRECTORY, 0);
  DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
  if (!directory && descriptor >= 0) close(descriptor);
  return directory;
}
