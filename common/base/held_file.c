#include "common/base/held_file.h"

#include "common/base/file.h"
#include "common/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HELD_FILES = 32, HIGH = 16384 };

struct held_file {
  bool used;
  int descriptor; // -1: lost
  int flags;      // for opening it again
  dev_t device;   // device and inode identify the file
  ino_t inode;
  const char *what;     // NULL: a file with a path
  char path[FILE_PATH]; // absolute
};

static struct held_file table[HELD_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// Moves the descriptor above the numbers that the process may open, where the hard limit allows that. The limit is
// raised only for this moment, so that children inherit the usual one.
static int move_high(int descriptor) {
  struct rlimit limit, raised;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return descriptor;
  raised = limit;
  const rlim_t wanted = HIGH + HELD_FILES;
  if (limit.rlim_cur < wanted) raised.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  const bool changed = raised.rlim_cur != limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0;
  const rlim_t most = changed ? raised.rlim_cur : limit.rlim_cur, top = most < wanted ? most : wanted;
  descriptor = file_move_up(descriptor, top > 2 * HELD_FILES ? (int)top - HELD_FILES : (int)top / 2);
  if (changed) (void)setrlimit(RLIMIT_NOFILE, &limit);
  return descriptor;
}

static bool is_ours(const struct held_file *file) {
  struct stat info;
  return file->descriptor >= 0 && fstat(file->descriptor, &info) == 0 && info.st_dev == file->device &&
         info.st_ino == file->inode;
}

// Makes this descriptor the entry's.
static bool adopt(struct held_file *file, int descriptor) {
  struct stat info;
  file->descriptor = move_high(descriptor);
  if (fstat(file->descriptor, &info) != 0) return false;
  file->device = info.st_dev;
  file->inode = info.st_ino;
  return true;
}

static struct held_file *find_room(void) {
  for (size_t i = 0; i < HELD_FILES; i++)
    if (!table[i].used) return &table[i];
  return NULL;
}

// Makes the descriptor that of a new entry. NULL: the table is full, and the descriptor stays the caller's.
static struct held_file *hold(int descriptor, int flags, const char *path, const char *what) {
  pthread_mutex_lock(&lock);
  struct held_file *file = find_room();
  if (file) {
    *file = (struct held_file){.used = true, .flags = flags, .what = what};
    snprintf(file->path, sizeof file->path, "%s", path);
    adopt(file, descriptor);
  }
  pthread_mutex_unlock(&lock);
  return file;
}

// Opening may take long, where a file system hangs, and holds up no other file.
struct held_file *held_file_open(const char *path, int flags, struct error *error) {
  char buffer[FILE_PATH];
  const int descriptor = file_open_plain(path, flags, error);
  if (descriptor < 0) return NULL;
  struct held_file *file = hold(descriptor, flags, file_path(path, buffer), NULL);
  if (file) return file;
  close(descriptor);
  error_set(error, STATUS_IO, "%s: cannot be opened: %s", path, strerror(EMFILE));
  return NULL;
}

struct held_file *held_file_take(int descriptor, const char *what) {
  return descriptor >= 0 ? hold(descriptor, 0, "", what) : NULL;
}

static bool open_again(struct held_file *file) {
  struct stat info;
  file->descriptor = -1; // its number belongs to another file by now
  if (file->what) return false;
  const bool append = file->flags & O_APPEND;
  if (!append && (stat(file->path, &info) != 0 || info.st_dev != file->device || info.st_ino != file->inode))
    return false;
  struct error ignored = {0};
  const int kept = file->flags & ~(O_EXCL | O_TRUNC | O_CREAT);
  const int descriptor = file_open_plain(file->path, append ? kept | O_CREAT : kept, &ignored);
  if (descriptor < 0) return false;
  return adopt(file, descriptor);
}

int held_file_descriptor(struct held_file *file) {
  pthread_mutex_lock(&lock);
  if (file && !is_ours(file)) (void)open_again(file);
  const int descriptor = file ? file->descriptor : -1;
  pthread_mutex_unlock(&lock);
  if (descriptor < 0) errno = EBADF;
  return descriptor;
}

// So may closing, since a network file system writes then.
bool held_file_close(struct held_file *file) {
  if (!file) return true;
  pthread_mutex_lock(&lock);
  const int descriptor = is_ours(file) ? file->descriptor : -1;
  file->used = false;
  file->descriptor = -1;
  pthread_mutex_unlock(&lock);
  if (descriptor >= 0) return close(descriptor) == 0;
  errno = EBADF;
  return false;
}

static void add_name(char *text, size_t size, const struct held_file *file) {
  const char *slash = strrchr(file->path, '/');
  const char *name = file->what ? file->what : slash ? slash + 1 : file->path;
  (void)text_append(text, size, strlen(text), "%s%s", *text ? ", " : "", name);
}

void held_files_check(char *mended, char *lost, size_t size) {
  pthread_mutex_lock(&lock);
  for (struct held_file *file = table; file < table + HELD_FILES; file++)
    if (file->used && !is_ours(file)) add_name(open_again(file) ? mended : lost, size, file);
  pthread_mutex_unlock(&lock);
}

struct held_file *held_file_of(int descriptor) {
  struct held_file *found = NULL;
  pthread_mutex_lock(&lock);
  for (struct held_file *file = table; file < table + HELD_FILES && descriptor >= 0; file++)
    if (file->used && file->descriptor == descriptor && is_ours(file)) found = file;
  pthread_mutex_unlock(&lock);
  return found;
}
