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
#include <sys/sysmacros.h>
#include <unistd.h>

enum { HELD_FILES = 32, HIGH = 16384 };

// A descriptor, and the file that it belongs to.
struct opened {
  int descriptor; // -1: lost
  dev_t device;
  ino_t inode;
};

struct held_file {
  bool used;
  int flags; // for opening it again
  struct opened opened;
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

// Finds out which file the descriptor belongs to. With fstat a network file system first writes what is not written
// yet, and hangs where it cannot. statx does without, where kernel and sandbox have it.
static bool identify(struct opened *opened) {
#ifdef AT_STATX_DONT_SYNC
  struct statx now;
  if (statx(opened->descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &now) == 0) {
    opened->device = makedev(now.stx_dev_major, now.stx_dev_minor);
    opened->inode = now.stx_ino;
    return true;
  }
#endif
  struct stat info;
  if (fstat(opened->descriptor, &info) != 0) return false;
  opened->device = info.st_dev;
  opened->inode = info.st_ino;
  return true;
}

// Without the lock, since the file system may hang all the same, and other files must not wait for it.
static bool is_ours(const struct opened *opened) {
  struct opened now = {.descriptor = opened->descriptor};
  return now.descriptor >= 0 && identify(&now) && now.device == opened->device && now.inode == opened->inode;
}

// Returns false where the entry is not used, now or any more.
static bool is_held(const struct held_file *file, struct opened *opened) {
  pthread_mutex_lock(&lock);
  const bool used = file->used;
  *opened = file->opened;
  pthread_mutex_unlock(&lock);
  return used;
}

static struct opened opened_of(const struct held_file *file) {
  struct opened opened;
  (void)is_held(file, &opened);
  return opened;
}

// Makes this descriptor the entry's.
static bool adopt(struct held_file *file, int descriptor) {
  file->opened = (struct opened){.descriptor = move_high(descriptor)};
  return identify(&file->opened);
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
  const struct opened before = file->opened;
  file->opened.descriptor = -1; // its number belongs to another file by now
  if (file->what) return false;
  const bool append = file->flags & O_APPEND;
  if (!append && (stat(file->path, &info) != 0 || info.st_dev != before.device || info.st_ino != before.inode))
    return false;
  struct error ignored = {0};
  const int kept = file->flags & ~(O_EXCL | O_TRUNC | O_CREAT);
  const int descriptor = file_open_plain(file->path, append ? kept | O_CREAT : kept, &ignored);
  return descriptor >= 0 && adopt(file, descriptor);
}

// The descriptor was found not to be the file's, which is rare. Returns whether it is open now: again, or by another
// thread.
static bool mend(struct held_file *file) {
  pthread_mutex_lock(&lock);
  const bool open = !file->used || is_ours(&file->opened) || open_again(file);
  pthread_mutex_unlock(&lock);
  return open;
}

int held_file_descriptor(struct held_file *file) {
  struct opened opened = {.descriptor = -1};
  if (file) opened = opened_of(file);
  if (file && !is_ours(&opened)) {
    (void)mend(file);
    opened = opened_of(file);
  }
  if (opened.descriptor < 0) errno = EBADF;
  return opened.descriptor;
}

// Closing may take long, too, since a network file system writes then.
bool held_file_close(struct held_file *file) {
  if (!file) return true;
  const struct opened opened = opened_of(file);
  const bool ours = is_ours(&opened);
  pthread_mutex_lock(&lock);
  file->used = false;
  file->opened.descriptor = -1;
  pthread_mutex_unlock(&lock);
  if (ours) return close(opened.descriptor) == 0;
  errno = EBADF;
  return false;
}

static void add_name(char *text, size_t size, const struct held_file *file) {
  const char *slash = strrchr(file->path, '/');
  const char *name = file->what ? file->what : slash ? slash + 1 : file->path;
  (void)text_append(text, size, strlen(text), "%s%s", *text ? ", " : "", name);
}

void held_files_check(char *mended, char *lost, size_t size) {
  struct opened opened;
  for (struct held_file *file = table; file < table + HELD_FILES; file++)
    if (is_held(file, &opened) && !is_ours(&opened) && is_held(file, &opened))
      add_name(mend(file) ? mended : lost, size, file);
}

struct held_file *held_file_of(int descriptor) {
  struct opened opened;
  for (struct held_file *file = table; file < table + HELD_FILES && descriptor >= 0; file++)
    if (is_held(file, &opened) && opened.descriptor == descriptor && is_ours(&opened)) return file;
  return NULL;
}
