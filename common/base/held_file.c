#include "common/base/held_file.h"

#include "common/base/file.h"
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
  int flags;      // to open it again with
  dev_t device;   // which file it is
  ino_t inode;
  const char *what;     // NULL: a file with a path
  char path[FILE_PATH]; // absolute
};

static struct held_file table[HELD_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// Above what the process may open, where the hard limit allows: the limit is raised for this moment only, so that
// children inherit what they would have.
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

// The entry's descriptor is this one from now on.
static bool settle(struct held_file *file, int descriptor) {
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

struct held_file *held_file_open(const char *path, int flags, struct error *error) {
  pthread_mutex_lock(&lock);
  struct held_file *file = find_room();
  if (!file) error_set(error, STATUS_IO, "%s: cannot be opened: %s", path, strerror(EMFILE));
  const int descriptor = file ? file_open_plain(path, flags, error) : -1;
  if (descriptor >= 0) {
    char buffer[FILE_PATH];
    *file = (struct held_file){.used = true, .flags = flags};
    snprintf(file->path, sizeof file->path, "%s", file_path(path, buffer));
    settle(file, descriptor);
  }
  pthread_mutex_unlock(&lock);
  return descriptor >= 0 ? file : NULL;
}

struct held_file *held_file_take(int descriptor, const char *what) {
  pthread_mutex_lock(&lock);
  struct held_file *file = descriptor >= 0 ? find_room() : NULL;
  if (file) {
    *file = (struct held_file){.used = true, .what = what};
    settle(file, descriptor);
  }
  pthread_mutex_unlock(&lock);
  return file;
}

static bool open_again(struct held_file *file) {
  struct stat info;
  file->descriptor = -1; // the number is somebody else's, who closes it
  if (file->what) return false;
  const bool append = file->flags & O_APPEND;
  if (!append && (stat(file->path, &info) != 0 || info.st_dev != file->device || info.st_ino != file->inode))
    return false;
  struct error unsaid = {0};
  const int kept = file->flags & ~(O_EXCL | O_TRUNC | O_CREAT);
  const int descriptor = file_open_plain(file->path, append ? kept | O_CREAT : kept, &unsaid);
  if (descriptor < 0) return false;
  return settle(file, descriptor);
}

int held_file_descriptor(struct held_file *file) {
  pthread_mutex_lock(&lock);
  if (file && !is_ours(file)) (void)open_again(file);
  const int descriptor = file ? file->descriptor : -1;
  pthread_mutex_unlock(&lock);
  if (descriptor < 0) errno = EBADF;
  return descriptor;
}

bool held_file_close(struct held_file *file) {
  if (!file) return true;
  pthread_mutex_lock(&lock);
  const bool ours = is_ours(file);
  if (!ours) errno = EBADF;
  const bool closed = ours && close(file->descriptor) == 0;
  file->used = false;
  file->descriptor = -1;
  pthread_mutex_unlock(&lock);
  return closed;
}

static void add_name(char *text, size_t size, const struct held_file *file) {
  const size_t used = strlen(text);
  const char *slash = file->what ? NULL : strrchr(file->path, '/');
  snprintf(text + used, size - used, "%s%s", used ? ", " : "",
           file->what ? file->what
           : slash    ? slash + 1
                      : file->path);
}

void held_files_look(char *mended, char *lost, size_t size) {
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
