#include "learner/run_directory.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "learner/checkpoint.h"
#include "learner/run_lock.h"
#include "learner/whole_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct run_directory {
  char path[RUN_PATH];
  struct run_lock lock;
};

// --- making and opening ---

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum status make_with_parents(const char *path, struct error *error) {
  char part[RUN_PATH];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = part; slash;) {
    slash = strchr(slash + 1, '/');
    if (slash) *slash = 0;
    if (mkdir(part, 0777) != 0 && !is_directory(part))
      return error_set(error, STATUS_IO, "%s: the directory cannot be made: %s", part,
                       errno == EEXIST ? "there is a file of this name" : strerror(errno));
    if (slash) *slash = '/';
  }
  return STATUS_OK;
}

// Locks are left to those who compete for them.
static enum status check_empty(const char *path, struct error *error) {
  DIR *directory = opendir(path);
  if (!directory) return error_set(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
  const struct dirent *entry;
  enum status status = STATUS_OK;
  while (status == STATUS_OK && (entry = readdir(directory))) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strncmp(name, "lock", 4) == 0) continue;
    status = error_set(error, STATUS_USAGE,
                       "%s is not empty (it holds %s): to go on with the run in it, --resume %s; for a new run choose "
                       "another --run-dir",
                       path, name, path);
  }
  closedir(directory);
  return status;
}

// What a killed writer left behind, removed while nobody writes.
static enum status remove_leftovers(const char *path, struct error *error) {
  DIR *directory = opendir(path);
  if (!directory) return error_set(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
  const struct dirent *entry;
  while ((entry = readdir(directory))) {
    const size_t length = strlen(entry->d_name), suffix = strlen(WHOLE_FILE_SUFFIX);
    if (length > suffix && strcmp(entry->d_name + length - suffix, WHOLE_FILE_SUFFIX) == 0)
      (void)unlinkat(dirfd(directory), entry->d_name, 0);
  }
  closedir(directory);
  return STATUS_OK;
}

static struct run_directory *acquire(const char *path, bool must_be_empty, struct error *error) {
  struct run_directory *run = memory_alloc(1, sizeof *run, "the run directory", error);
  if (!run) return NULL;
  snprintf(run->path, sizeof run->path, "%s", path);
  if (run_lock_acquire(&run->lock, path, error) != STATUS_OK) goto fail;
  // Again under the lock: another run may have begun and ended here meanwhile.
  if ((must_be_empty ? check_empty(path, error) : remove_leftovers(path, error)) == STATUS_OK) return run;
  run_lock_release(&run->lock);
fail:
  memory_free(run);
  return NULL;
}

struct run_directory *run_directory_create(const char *path, struct error *error) {
  if (!path[0] || strlen(path) >= RUN_PATH) {
    error_set(error, STATUS_USAGE, "--run-dir: a path of %zu bytes, it must have 1 to %d", strlen(path), RUN_PATH - 1);
    return NULL;
  }
  if (make_with_parents(path, error) != STATUS_OK) return NULL;
  if (check_empty(path, error) != STATUS_OK) return NULL;
  return acquire(path, true, error);
}

struct run_directory *run_directory_open(const char *path, struct error *error) {
  if (strlen(path) < RUN_PATH && is_directory(path)) return acquire(path, false, error);
  error_set(error, STATUS_IO, "%.1000s: is no directory of a run", path);
  return NULL;
}

void run_directory_close(struct run_directory *run) {
  if (!run) return;
  run_lock_release(&run->lock);
  memory_free(run);
}

// What child processes of environments wrote before the run came about (actor/envs/process.c).
static void discard_logs(const char *run) {
  char path[RUN_PATH + 16];
  snprintf(path, sizeof path, "%s/environments", run);
  DIR *directory = opendir(path);
  if (!directory) return;
  const struct dirent *entry;
  while ((entry = readdir(directory)))
    if (strstr(entry->d_name, ".log")) (void)unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  rmdir(path);
}

void run_directory_discard(struct run_directory *run) {
  static const char *const names[] = {"config.yaml", "log.txt", "status.json", "metrics.csv"};
  char path[RUN_PATH + 16];
  if (!run) return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", run->path, names[i]);
    unlink(path);
  }
  discard_logs(run->path);
  snprintf(path, sizeof path, "%s", run->path);
  run_directory_close(run);
  rmdir(path); // fails where something else is in it, which is then kept
}

const char *run_directory_path(const struct run_directory *run) { return run->path; }

void run_directory_refresh(struct run_directory *run) { run_lock_refresh(&run->lock); }

// --- files ---

// commit: whole_file_commit or whole_file_replace.
static enum status write_file(const char *path, const char *text, size_t size,
                              enum status (*commit)(const char *, const char *, struct error *), struct error *error) {
  char temporary[WHOLE_FILE_PATH];
  const enum status status = whole_file_begin(path, temporary, error);
  if (status != STATUS_OK) return status;
  const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return error_set(error, STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
  ssize_t written = 0;
  for (size_t done = 0; done < size && written >= 0; done += written > 0 ? (size_t)written : 0) {
    written = write(descriptor, text + done, size - done);
    if (written < 0 && errno == EINTR) written = 0;
  }
  const int reason = errno;
  if (close(descriptor) == 0 && written >= 0) return commit(temporary, path, error);
  error_set(error, STATUS_IO, "%s: cannot be written: %s", path, strerror(written < 0 ? reason : errno));
  unlink(temporary);
  return STATUS_IO;
}

enum status run_write_file(const char *path, const char *text, size_t size, struct error *error) {
  return write_file(path, text, size, whole_file_commit, error);
}

enum status run_write_status(struct run_directory *run, const struct run_status *status, struct error *error) {
  char path[RUN_PATH], updated[64];
  enum status written = run_path(path, run->path, "status.json", error);
  if (written != STATUS_OK) return written;
  clock_format(updated, sizeof updated);
  // A reason may quote anything; what is no UTF-8 is left out rather than the file.
  json_t *reason = json_string(status->reason);
  json_t *code = status->exit_code < 0 ? json_null() : json_integer(status->exit_code);
  json_t *object =
      json_pack("{s:s, s:o, s:o, s:I, s:I, s:s, s:i, s:i, s:{s:I, s:I, s:I}, s:s, s:i, s:s}", "state", status->state,
                "exit_code", code, "reason", reason ? reason : json_string("(not readable as UTF-8)"), "env_steps",
                (json_int_t)status->env_steps, "updates", (json_int_t)status->updates, "checkpoint", status->checkpoint,
                "actors_lost", (int)status->actors_lost, "eval_cut", (int)status->eval_cut, "dropped", "surplus",
                (json_int_t)status->surplus, "unsent", (json_int_t)status->unsent, "lost_at_most",
                (json_int_t)status->lost_at_most, "host", run->lock.host, "pid", (int)getpid(), "updated", updated);
  char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
  if (text) {
    const size_t length = strlen(text);
    text[length] = '\n'; // in the place of its terminator
    // While the job runs, the next one comes soon: training does not wait for a disk that is busy with a checkpoint.
    written = write_file(path, text, length + 1, status->exit_code < 0 ? whole_file_replace : whole_file_commit, error);
  } else {
    written = error_set(error, STATUS_MEMORY, "%s: no memory to write it", path);
  }
  free(text);
  json_decref(object);
  return written;
}

// --- checkpoints ---

// All of a directory, newest first; *steps is the caller's to free.
static int all_checkpoints(const char *directory, uint64_t **steps, struct error *error) {
  *steps = NULL;
  const int count = run_checkpoints(directory, NULL, 0, error);
  if (count <= 0) return count;
  *steps = memory_alloc((size_t)count, sizeof **steps, "the list of checkpoints", error);
  if (!*steps) return -1;
  const int now = run_checkpoints(directory, *steps, count, error);
  return now < count ? now : count;
}

enum status run_directory_set_aside(struct run_directory *run, uint64_t steps, struct error *error) {
  uint64_t *found;
  const int count = all_checkpoints(run->path, &found, error);
  enum status status = count < 0 ? error_set(error, STATUS_IO, "%s: cannot be read", run->path) : STATUS_OK;
  for (int i = 0; i < count && status == STATUS_OK; i++) {
    char path[RUN_PATH], aside[RUN_PATH + 8];
    if (found[i] <= steps) continue;
    status = run_checkpoint_path(path, run->path, found[i], error);
    if (status != STATUS_OK) break;
    snprintf(aside, sizeof aside, "%s.bad", path);
    if (rename(path, aside) != 0)
      status = error_set(error, STATUS_IO, "%s: cannot be renamed: %s", path, strerror(errno));
    else
      log_warn("%s is set aside as %s.bad: the run goes on from %llu steps", path, strrchr(path, '/') + 1,
               (unsigned long long)steps);
  }
  memory_free(found);
  return status;
}

enum status run_directory_prune(struct run_directory *run, uint64_t keep, struct error *error) {
  uint64_t *steps;
  const int count = all_checkpoints(run->path, &steps, error);
  enum status status = count < 0 ? error_set(error, STATUS_IO, "%s: cannot be read", run->path) : STATUS_OK;
  for (int i = 0; i < count && keep > 0 && status == STATUS_OK; i++) {
    char path[RUN_PATH];
    if ((uint64_t)i < keep) continue;
    status = run_checkpoint_path(path, run->path, steps[i], error);
    if (status == STATUS_OK && unlink(path) != 0 && errno != ENOENT)
      status = error_set(error, STATUS_IO, "%s: cannot be removed: %s", path, strerror(errno));
  }
  memory_free(steps);
  return status;
}

static enum status check_resumable(const char *path, struct error *error) {
  struct checkpoint_info info = {0};
  enum status status = checkpoint_read_info(path, &info, error);
  if (status == STATUS_OK && !info.resumable)
    status = error_set(error, STATUS_USAGE,
                       "%s holds a policy without the rest of its job: `corsac eval` takes it, --resume needs a "
                       "ckpt-*.h5 or the run directory",
                       path);
  checkpoint_info_release(&info);
  return status;
}

static enum status newest_that_verifies(const char *directory, char *checkpoint, struct error *error) {
  uint64_t *steps;
  const int count = all_checkpoints(directory, &steps, error);
  enum status status = STATUS_IO;
  for (int i = 0; i < count; i++) {
    struct error skipped = {0};
    status = run_checkpoint_path(checkpoint, directory, steps[i], error);
    if (status != STATUS_OK || (status = checkpoint_verify(checkpoint, &skipped)) == STATUS_OK) break;
    log_warn("%s%s", skipped.text, i + 1 < count ? "; trying the one before it" : "");
  }
  memory_free(steps);
  if (count == 0)
    error_set(error, STATUS_IO, "%s: holds no checkpoint yet (ckpt-*.h5): --resume auto --run-dir %s begins there",
              directory, directory);
  else if (status != STATUS_OK)
    error_set(error, STATUS_FORMAT, "%s: none of its %d checkpoints can be read", directory, count);
  return status == STATUS_OK ? STATUS_OK : count > 0 ? STATUS_FORMAT : STATUS_IO;
}

enum status run_newest_checkpoint(const char *path, bool require_resumable, char *checkpoint, struct error *error) {
  if (is_directory(path)) return newest_that_verifies(path, checkpoint, error);
  if (snprintf(checkpoint, RUN_PATH, "%s", path) >= RUN_PATH)
    return error_set(error, STATUS_IO, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
  enum status status = require_resumable ? check_resumable(path, error) : STATUS_OK;
  return status == STATUS_OK ? checkpoint_verify(path, error) : status;
}
