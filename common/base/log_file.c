#include "common/base/log_file.h"

#include "common/base/c_locale.h"
#include "common/base/file.h"
#include "common/base/held_file.h"
#include "common/base/memory.h"
#include "common/base/streams.h"
#include "common/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAITING_SIZE = 65536 };
static const double FLUSH_SECONDS = 4, ROOM_SECONDS = 0.05;

struct log_file {
  struct held_file *file;
  void (*tell)(const char *path, const char *what);
  bool is_lost; // the thread's: the last lines are not in the file
  char path[FILE_PATH];

  pthread_mutex_t mutex; // over all that follows
  pthread_cond_t work, done;
  pthread_t thread;
  bool is_writing, ends, ended;
  bool is_late;      // it did not make room in time
  uint32_t left_out; // lines
  size_t used;
  char *waiting, *written; // whole lines, `used` bytes of them; what the thread writes
  char memory[2][WAITING_SIZE];
};

// --- the thread ---

// Each batch of lines is tried, since a disk may have room again.
static void write_lines(struct log_file *file, const char *lines, size_t size) {
  char what[128];
  const int to = held_file_descriptor(file->file);
  const bool was_lost = file->is_lost;
  // What was cut off ends as a line.
  file->is_lost = (was_lost && !streams_write(to, "\n", 1)) || !streams_write(to, lines, size);
  if (was_lost || !file->is_lost) return;
  snprintf(what, sizeof what, "cannot be written, the log goes on without it: %s", strerror(errno));
  file->tell(file->path, what);
}

static void tell_left_out(const struct log_file *file, uint32_t lines) {
  char what[128];
  snprintf(what, sizeof what, "%u line%s of the log %s not in it, since it was written too slowly", lines,
           lines == 1 ? "" : "s", lines == 1 ? "is" : "are");
  file->tell(file->path, what);
}

// The mutex is held, but not while the file is written.
static void write_waiting(struct log_file *file) {
  char *lines = file->waiting;
  const size_t size = file->used;
  const uint32_t left_out = file->left_out;
  file->waiting = file->written;
  file->written = lines;
  file->used = file->left_out = 0;
  file->is_writing = true;
  pthread_mutex_unlock(&file->mutex);
  write_lines(file, lines, size);
  if (left_out > 0) tell_left_out(file, left_out);
  pthread_mutex_lock(&file->mutex);
  file->is_writing = file->is_late = false;
}

static void *thread_main(void *argument) {
  struct log_file *file = argument;
  locale_enter_c(); // a plugin may have changed the process's locale
  pthread_mutex_lock(&file->mutex);
  while (!file->ends || file->used > 0) {
    if (file->used > 0)
      write_waiting(file);
    else
      pthread_cond_wait(&file->work, &file->mutex);
    pthread_cond_broadcast(&file->done);
  }
  file->ended = true;
  pthread_cond_broadcast(&file->done);
  pthread_mutex_unlock(&file->mutex);
  return NULL;
}

// --- its callers ---

static void release(struct log_file *file) {
  held_file_close(file->file);
  pthread_cond_destroy(&file->work);
  pthread_cond_destroy(&file->done);
  pthread_mutex_destroy(&file->mutex);
  memory_free(file);
}

struct log_file *log_file_open(const char *path, void (*tell)(const char *path, const char *what),
                               struct error *error) {
  struct log_file *file = memory_alloc(1, sizeof *file, "the log", error);
  if (!file) return NULL;
  file->file = held_file_open(path, O_WRONLY | O_CREAT | O_APPEND, error);
  if (!file->file) {
    memory_free(file);
    return NULL;
  }
  file->tell = tell;
  file->waiting = file->memory[0];
  file->written = file->memory[1];
  snprintf(file->path, sizeof file->path, "%s", path);
  pthread_mutex_init(&file->mutex, NULL);
  pthread_cond_init(&file->work, NULL);
  thread_condition_init(&file->done);
  const int failure = thread_start(&file->thread, "log", thread_main, file);
  if (failure == 0) return file;
  error_set(error, STATUS_FAILED, "%s: the thread that writes it cannot be started: %s", path, strerror(failure));
  release(file);
  return NULL;
}

// The mutex is held. The thread may only be slower than a burst of lines. If it hangs, one line waits for it, and the
// next ones do not.
static void wait_for_room(struct log_file *file, size_t size) {
  const struct timespec until = thread_in_seconds(ROOM_SECONDS);
  while (!file->is_late && size > WAITING_SIZE - file->used)
    file->is_late = pthread_cond_timedwait(&file->done, &file->mutex, &until) != 0;
}

void log_file_add(struct log_file *file, const char *line, size_t size) {
  if (!file) return;
  pthread_mutex_lock(&file->mutex);
  if (size > WAITING_SIZE - file->used) wait_for_room(file, size);
  if (size <= WAITING_SIZE - file->used) {
    memcpy(file->waiting + file->used, line, size);
    file->used += size;
  } else {
    file->left_out++;
  }
  pthread_cond_signal(&file->work);
  pthread_mutex_unlock(&file->mutex);
}

// The mutex is held. The thread may tell something while lines are written, which becomes another line.
static void wait_until_written(struct log_file *file) {
  const struct timespec until = thread_in_seconds(FLUSH_SECONDS);
  while (!file->ended && (file->ends || file->used > 0 || file->is_writing))
    if (pthread_cond_timedwait(&file->done, &file->mutex, &until) != 0) return;
}

void log_file_flush(struct log_file *file) {
  if (!file) return;
  pthread_mutex_lock(&file->mutex);
  wait_until_written(file);
  pthread_mutex_unlock(&file->mutex);
}

void log_file_close(struct log_file *file) {
  if (!file) return;
  pthread_mutex_lock(&file->mutex);
  file->ends = true;
  pthread_cond_signal(&file->work);
  wait_until_written(file);
  const bool ended = file->ended;
  pthread_mutex_unlock(&file->mutex);
  if (ended) {
    pthread_join(file->thread, NULL);
    release(file);
  } else {
    pthread_detach(file->thread);
  }
}
