#include "actor/envs/scratch.h"

#include "common/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ATTEMPTS = 5 };

static enum status refuse(struct error *error, const char *path, const char *what) {
  return error_set(error, STATUS_IO, "the scratch directory %.700s cannot be %s: %s", path, what, strerror(errno));
}

// "PATH/.corsac"; false: too long.
static bool mark_path(const char *path, char mark[FILE_PATH]) {
  const int length = snprintf(mark, FILE_PATH, "%s/" SCRATCH_MARK, path);
  return length > 0 && length < FILE_PATH;
}

// --- a directory of its own ---

// Marks the directory that was just made. *made: it is ours. It is not where another job took it for one that was left
// behind, before the lock was there. Where a file system has no locks, mkdir alone keeps two jobs apart.
static enum status mark(struct scratch *scratch, bool *made, struct error *error) {
  char path[FILE_PATH], text[320], host[200] = "";
  if (!mark_path(scratch->path, path)) return error_set(error, STATUS_USAGE, "the path of scratch is too long");
  gethostname(host, sizeof host - 1);
  const int length = snprintf(text, sizeof text, "corsac made this directory; process %d on %s\n", (int)getpid(), host);
  scratch->lock = file_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
  if (scratch->lock >= 0 && write(scratch->lock, text, (size_t)length) == length) {
    *made = flock(scratch->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (!*made) close(scratch->lock);
    return STATUS_OK;
  }
  const enum status status = refuse(error, scratch->path, "made");
  if (scratch->lock >= 0) close(scratch->lock);
  file_unlink(path);
  file_rmdir(scratch->path);
  return status;
}

// --- one that is there already ---

static enum status say_used(const char *path, int file, struct error *error) {
  char who[256] = "";
  const ssize_t length = pread(file, who, sizeof who - 1, 0);
  who[length > 0 ? strcspn(who, "\n") : 0] = 0;
  const char *maker = strchr(who, ';');
  return error_set(error, STATUS_IO,
                   "the scratch directory %.600s is in use by another job%s%s; wait for that, or give one of them "
                   "another --scratch",
                   path, maker ? ":" : "", maker ? maker + 1 : "");
}

// Opens and locks the mark of the directory that is there. STATUS_OK with *file -1: it is gone meanwhile.
static enum status claim(const char *path, int *file, struct error *error) {
  char own[FILE_PATH];
  struct stat status, now;
  *file = -1;
  char buffer[FILE_PATH];
  if (lstat(file_path(path, buffer), &status) != 0) return errno == ENOENT ? STATUS_OK : refuse(error, path, "used");
  if (!mark_path(path, own)) return error_set(error, STATUS_USAGE, "the path of scratch is too long");
  const bool is_directory = S_ISDIR(status.st_mode);
  const int mark = is_directory ? file_open(own, O_RDWR | O_NOFOLLOW, 0) : -1;
  if (mark < 0 && is_directory && errno != ENOENT && errno != ELOOP)
    return refuse(error, path, "taken over: its " SCRATCH_MARK " cannot be opened");
  if (mark < 0)
    return error_set(error, STATUS_IO,
                     "%.700s is there, and corsac did not make it (there is no file " SCRATCH_MARK
                     " in it): move it away, or give another --scratch",
                     path);
  if (flock(mark, LOCK_EX | LOCK_NB) != 0) {
    const enum status used = errno == EWOULDBLOCK ? say_used(path, mark, error) : refuse(error, path, "locked");
    close(mark);
    return used;
  }
  // Another job may have removed it and made it anew since it was opened.
  if (fstat(mark, &status) == 0 && file_stat(own, &now) == 0 && status.st_ino == now.st_ino &&
      status.st_dev == now.st_dev)
    *file = mark;
  else
    close(mark);
  return STATUS_OK;
}

// --- its end ---

static bool is_ours(const char *path) {
  char own[FILE_PATH], buffer[FILE_PATH];
  struct stat status;
  return lstat(file_path(path, buffer), &status) == 0 && S_ISDIR(status.st_mode) && mark_path(path, own) &&
         file_stat(own, &status) == 0;
}

static void warn(const struct error *error) { log_warn("a scratch directory stays: %s", error->text); }

static bool remove_ours(const char *path, struct file_tree_waiting waiting) {
  struct error error = {0};
  if (file_tree_remove(path, SCRATCH_MARK, waiting, &error) == STATUS_OK) return true;
  warn(&error);
  return false;
}

// Where the directory is kept. Of failed ones only the last is.
static bool find_name(struct scratch *scratch, enum scratch_keep keep, struct file_tree_waiting waiting,
                      char name[FILE_PATH]) {
  char buffer[FILE_PATH];
  struct stat status;
  if (keep == SCRATCH_FAILED) {
    if (snprintf(name, FILE_PATH, "%s.failed", scratch->path) >= FILE_PATH) return false;
    if (is_ours(name)) remove_ours(name, waiting);
    return lstat(file_path(name, buffer), &status) != 0 && errno == ENOENT;
  }
  do {
    if (++scratch->kept == 0 || snprintf(name, FILE_PATH, "%s.%u", scratch->path, scratch->kept) >= FILE_PATH)
      return false;
  } while (lstat(file_path(name, buffer), &status) == 0);
  return errno == ENOENT;
}

void scratch_end(struct scratch *scratch, enum scratch_keep keep, bool failed, struct file_tree_waiting waiting) {
  char name[FILE_PATH];
  if (!*scratch->path) return;
  const bool is_kept = keep == SCRATCH_ALWAYS || (keep == SCRATCH_FAILED && failed);
  if (!is_kept) {
    remove_ours(scratch->path, waiting);
  } else if (!find_name(scratch, keep, waiting, name) || file_rename(scratch->path, name) != 0) {
    struct error error = {0};
    refuse(&error, scratch->path, "renamed");
    warn(&error);
  }
  if (scratch->lock >= 0) close(scratch->lock);
  if (scratch->made_parent && !is_kept) {
    *strrchr(scratch->path, '/') = 0;
    file_rmdir(scratch->path); // fails where another environment still has its directory there
  }
  *scratch->path = 0;
  scratch->lock = -1;
}

// --- making it ---

// Makes the directory, unless another process has it: then *made is false.
static enum status try_to_make(struct scratch *scratch, const char *directory, enum scratch_keep keep,
                               struct file_tree_waiting waiting, bool *made, struct error *error) {
  *made = false;
  if (file_mkdir(directory, 0777) == 0)
    scratch->made_parent = true;
  else if (errno != EEXIST)
    return refuse(error, directory, "made");
  if (file_mkdir(scratch->path, 0777) == 0) return mark(scratch, made, error);
  if (errno == ENOENT) return STATUS_OK; // another environment has removed `directory` just now
  if (errno != EEXIST) return refuse(error, scratch->path, "made");

  struct scratch left = {.kept = scratch->kept};
  const enum status status = claim(scratch->path, &left.lock, error);
  if (status != STATUS_OK || left.lock < 0) return status;
  snprintf(left.path, sizeof left.path, "%s", scratch->path);
  scratch_end(&left, keep, true, waiting);
  scratch->kept = left.kept;
  return STATUS_OK;
}

enum status scratch_make(struct scratch *scratch, const char *directory, const char *name, enum scratch_keep keep,
                         struct file_tree_waiting waiting, struct error *error) {
  const struct timespec pause = {.tv_nsec = 20000000};
  struct scratch made = {.lock = -1, .made_parent = scratch->made_parent, .kept = scratch->kept};
  bool is_made = false;
  enum status status = file_join(made.path, directory, name, error);
  for (int attempt = 0; attempt < MOST_ATTEMPTS && status == STATUS_OK && !is_made; attempt++) {
    if (attempt > 0) nanosleep(&pause, NULL);
    status = try_to_make(&made, directory, keep, waiting, &is_made, error);
  }
  if (status == STATUS_OK && !is_made)
    status =
        error_set(error, STATUS_IO, "the scratch directory %.700s is in the way, and could not be removed", made.path);
  if (status == STATUS_OK) *scratch = made;
  return status;
}
