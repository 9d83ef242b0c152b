#include "learner/run/run_directory.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/file_tree.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "learner/run/run_lock.h"
#include "learner/storage/atomic_file.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/checkpoint_verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double STATUS_SECONDS = 5; // how old status.json becomes while a run has nothing new to say

struct run_directory {
  char path[FILE_PATH];
  struct run_lock lock;
  struct run_last_status before;
  struct run_failures failures;
  struct run_status said; // what the running job said last
  char checkpoint[64];    // said.checkpoint
  double said_at;         // clock_now(); 0: it has said nothing, or that it ends
};

// What a start writes before it has results.
static const char *const OWN_FILES[] = {"config.yaml", "log.txt", "status.json", "metrics.csv"};

// --- making and opening ---

static bool is_directory(const char *path) {
  struct stat info;
  return file_stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum status make_with_parents(const char *path, struct error *error) {
  char part[FILE_PATH];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = part; slash;) {
    slash = strchr(slash + 1, '/');
    if (slash) *slash = 0;
    if (file_mkdir(part, 0777) != 0 && !is_directory(part))
      return error_set(error, STATUS_IO, "%s: the directory cannot be made: %s", part,
                       errno == EEXIST ? "there is a file of this name" : strerror(errno));
    if (slash) *slash = '/';
  }
  return STATUS_OK;
}

// Whether it is a file that a killed writer of ours left behind.
static bool is_leftover(const char *name) {
  const size_t length = strlen(name), suffix = strlen(ATOMIC_FILE_SUFFIX);
  if (length <= suffix || strcmp(name + length - suffix, ATOMIC_FILE_SUFFIX) != 0) return false;
  for (size_t i = 0; i < sizeof OWN_FILES / sizeof *OWN_FILES; i++)
    if (strncmp(name, OWN_FILES[i], length - suffix) == 0 && !OWN_FILES[i][length - suffix]) return true;
  return false;
}

// Whether it is a directory that a start made for a child process (actor/envs/scratch.h).
static bool is_scratch(const char *path) {
  char mark[FILE_PATH];
  struct stat info;
  return file_join(mark, path, SCRATCH_MARK, NULL) == STATUS_OK && file_stat(mark, &info) == 0 && S_ISREG(info.st_mode);
}

// Whether it is such a directory, or holds nothing else.
static bool holds_scratch(const char *path) {
  char part[FILE_PATH];
  if (is_scratch(path)) return true;
  DIR *directory = file_opendir(path);
  if (!directory) return false;
  const struct dirent *entry;
  uint32_t others = 0, ours = 0;
  while ((entry = readdir(directory))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (file_join(part, path, entry->d_name, NULL) == STATUS_OK && is_scratch(part))
      ours++;
    else
      others++;
  }
  closedir(directory);
  return ours > 0 && others == 0;
}

// Whether a start that failed or was killed as it began has left it. A lock file counts, too: acquire() decides who
// gets it.
static bool is_left(const char *path, const char *name) {
  char part[FILE_PATH];
  return strncmp(name, "lock", 4) == 0 || is_leftover(name) ||
         (file_join(part, path, name, NULL) == STATUS_OK && holds_scratch(part));
}

static enum status check_empty(const char *path, struct error *error) {
  DIR *directory = file_opendir(path);
  if (!directory) return error_set(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
  const struct dirent *entry;
  enum status status = STATUS_OK;
  while (status == STATUS_OK && (entry = readdir(directory))) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_left(path, name)) continue;
    const bool goes_on = checkpoint_list(path, NULL, 0, NULL) > 0;
    status = error_set(
        error, STATUS_USAGE, "%s is not empty (it holds %s): %s%s%sfor a new run choose another --run-dir", path, name,
        goes_on ? "to go on with the run in it, --resume " : "", goes_on ? path : "", goes_on ? "; " : "");
  }
  closedir(directory);
  return status;
}

// Removes what a killed writer left behind. The caller holds the lock, so nobody writes now.
static enum status remove_leftovers(const char *path, struct error *error) {
  DIR *directory = file_opendir(path);
  if (!directory) return error_set(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
  const struct dirent *entry;
  while ((entry = readdir(directory))) {
    const size_t length = strlen(entry->d_name), suffix = strlen(ATOMIC_FILE_SUFFIX);
    if (length > suffix && strcmp(entry->d_name + length - suffix, ATOMIC_FILE_SUFFIX) == 0)
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
  // The check is repeated under the lock: another run may have begun and ended here meanwhile.
  if ((must_be_empty ? check_empty(path, error) : remove_leftovers(path, error)) == STATUS_OK) {
    run_last_status_read(path, &run->before);
    if (run->before.says_running) run->before.state = RUN_DIED; // a living process would hold the lock
    run->failures = run->before.failures;
    return run;
  }
  run_lock_release(&run->lock);
fail:
  memory_free(run);
  return NULL;
}

struct run_directory *run_directory_create(const char *path, struct error *error) {
  if (!path[0] || strlen(path) >= FILE_PATH) {
    error_set(error, STATUS_USAGE, "--run-dir: a path of %zu bytes, it must have 1 to %d", strlen(path), FILE_PATH - 1);
    return NULL;
  }
  if (make_with_parents(path, error) != STATUS_OK) return NULL;
  if (check_empty(path, error) != STATUS_OK) return NULL;
  return acquire(path, true, error);
}

struct run_directory *run_directory_create_unique(char *path, size_t size, struct error *error) {
  enum { MOST = 10000 };
  const size_t length = strlen(path);
  char parent[FILE_PATH];
  if (length + 8 > size || length >= sizeof parent) {
    error_set(error, STATUS_USAGE, "%.100s...: the name of the run is too long; give --run-dir", path);
    return NULL;
  }
  memcpy(parent, path, length + 1);
  char *slash = strrchr(parent, '/');
  if (slash) *slash = 0;
  if (slash && parent[0] && make_with_parents(parent, error) != STATUS_OK) return NULL;
  for (int number = 1; number < MOST; number++) {
    if (number > 1) snprintf(path + length, size - length, "-%d", number);
    if (file_mkdir(path, 0777) == 0) return acquire(path, true, error); // only one process makes it
    if (errno != EEXIST) break;
  }
  error_set(error, STATUS_IO, "%s: the directory cannot be made: %s", path, strerror(errno));
  return NULL;
}

struct run_directory *run_directory_open(const char *path, struct error *error) {
  if (strlen(path) < FILE_PATH && is_directory(path)) return acquire(path, false, error);
  error_set(error, STATUS_IO, "%.1000s: is no directory of a run", path);
  return NULL;
}

void run_directory_close(struct run_directory *run) {
  if (!run) return;
  run_lock_release(&run->lock);
  memory_free(run);
}

// Removes the logs of environments that ran as child processes (actor/envs/process.c).
static void discard_logs(const char *run) {
  char path[FILE_PATH + 16];
  snprintf(path, sizeof path, "%s/environments", run);
  DIR *directory = file_opendir(path);
  if (!directory) return;
  const struct dirent *entry;
  while ((entry = readdir(directory)))
    if (strstr(entry->d_name, ".log")) (void)unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  file_rmdir(path);
}

void run_directory_discard(struct run_directory *run) {
  char path[FILE_PATH + 16];
  if (!run) return;
  if (run_lock_is_lost(&run->lock)) { // the files are another job's
    run_directory_close(run);
    return;
  }
  for (size_t i = 0; i < sizeof OWN_FILES / sizeof *OWN_FILES; i++) {
    snprintf(path, sizeof path, "%s/%s", run->path, OWN_FILES[i]);
    file_unlink(path);
  }
  discard_logs(run->path);
  snprintf(path, sizeof path, "%s", run->path);
  run_directory_close(run);
  file_rmdir(path); // fails where it holds something else, and the directory stays
}

const char *run_directory_path(const struct run_directory *run) { return run->path; }

const struct run_last_status *run_directory_before(const struct run_directory *run) { return &run->before; }

// --- the lock ---

void run_directory_refresh_lock(struct run_directory *run) { run_lock_refresh(&run->lock); }

bool run_directory_is_lost(const struct run_directory *run) { return run_lock_is_lost(&run->lock); }

enum status run_directory_check(const struct run_directory *run, struct error *error) {
  if (!run_lock_is_lost(&run->lock)) return STATUS_OK;
  return error_set(error, run->lock.loss.status, "%s", run->lock.loss.text);
}

enum status run_directory_check_now(const struct run_directory *run, struct error *error) {
  return run_lock_check(&run->lock, error);
}

// --- status.json ---

// Keeps what the run said last, so that run_directory_refresh can say it again.
static void remember(struct run_directory *run, const struct run_status *status) {
  snprintf(run->checkpoint, sizeof run->checkpoint, "%s", status->checkpoint);
  run->said = *status;
  run->said.state = "running";
  run->said.reason = "";
  run->said.checkpoint = run->checkpoint;
  run->said_at = status->exit_code < 0 ? clock_now() : 0;
}

enum status run_directory_write_status(struct run_directory *run, const struct run_status *status,
                                       struct error *error) {
  char path[FILE_PATH];
  if (run_directory_check(run, error) != STATUS_OK) return STATUS_FAILED;
  const enum status joined = file_join(path, run->path, "status.json", error);
  if (joined != STATUS_OK) return joined;
  if (status->checkpoint != run->checkpoint) remember(run, status);
  return run_status_write(path, status, &run->failures, run->lock.host, error);
}

void run_directory_refresh(struct run_directory *run) {
  struct error error = {0};
  run_directory_refresh_lock(run);
  if (run->said_at == 0 || clock_now() - run->said_at < STATUS_SECONDS) return;
  run->said_at = clock_now();
  const struct run_status said = run->said;
  (void)run_directory_write_status(run, &said, &error); // the next write that has news reports a failure
}

// --- starts that fail ---

uint32_t run_directory_count_failure(struct run_directory *run, const char *cause, uint64_t env_steps,
                                     uint64_t updates) {
  struct run_failures *failures = &run->failures;
  if (strcmp(failures->cause, cause) != 0 || failures->at_steps != env_steps || failures->at_updates != updates)
    *failures = (struct run_failures){.at_steps = env_steps, .at_updates = updates};
  snprintf(failures->cause, sizeof failures->cause, "%s", cause);
  return ++failures->count;
}

void run_directory_forget_failures(struct run_directory *run) { run->failures = (struct run_failures){0}; }

// Returns how many steps the start before had made when it died, at least `env_steps`, where it began. The second
// column of metrics.csv tells, in the last whole row: status.json is written by the clock, rows by the steps.
static uint64_t died_at(const struct run_directory *run, uint64_t env_steps) {
  char path[FILE_PATH], end[4097];
  struct stat info;
  uint64_t steps = 0;
  if (file_join(path, run->path, "metrics.csv", NULL) != STATUS_OK) return env_steps;
  const int descriptor = file_open_plain(path, O_RDONLY, NULL);
  if (descriptor < 0) return env_steps;
  ssize_t size = 0;
  if (fstat(descriptor, &info) == 0)
    size = pread(descriptor, end, sizeof end - 1, info.st_size > 4096 ? info.st_size - 4096 : 0);
  close(descriptor);
  end[size > 0 ? size : 0] = 0;
  char *last = strrchr(end, '\n');
  if (last) *last = 0;
  const char *line = last ? strrchr(end, '\n') : NULL;
  if (line) (void)sscanf(line, "\n%*[^,],%" SCNu64, &steps);
  return steps > env_steps ? steps : env_steps;
}

enum status run_directory_begin(struct run_directory *run, uint64_t env_steps, uint64_t updates, const char *checkpoint,
                                struct error *error) {
  const uint64_t at = run->before.state == RUN_DIED ? died_at(run, env_steps) : 0;
  const uint32_t deaths = run->before.state == RUN_DIED ? run_directory_count_failure(run, "died", at, 0) : 0;
  if (deaths >= RUN_FAILURES) {
    run_directory_forget_failures(run); // only this start refuses; the next one tries again
    return error_set(
        error, STATUS_FAILED,
        "%s: the last %u starts died without a word at the same step, %llu (killed, or crashed: no memory? "
        "a fault of the environment?); log.txt has what came before. Started again, it tries again",
        run->path, deaths, (unsigned long long)at);
  }
  const struct run_status running = {.state = "running",
                                     .exit_code = -1,
                                     .reason = "",
                                     .env_steps = env_steps,
                                     .updates = updates,
                                     .checkpoint = checkpoint};
  return run_directory_write_status(run, &running, error);
}

// --- checkpoints ---

// Lists all checkpoints of a directory, newest first. The caller frees *steps. Returns -1 on failure.
static int all_checkpoints(const char *directory, uint64_t **steps, struct error *error) {
  *steps = NULL;
  const int count = checkpoint_list(directory, NULL, 0, error);
  if (count <= 0) return count;
  *steps = memory_alloc((size_t)count, sizeof **steps, "the list of checkpoints", error);
  if (!*steps) return -1;
  const int now = checkpoint_list(directory, *steps, count, error);
  return now < count ? now : count;
}

enum status run_directory_set_aside(struct run_directory *run, uint64_t steps, struct error *error) {
  uint64_t *found;
  const int count = all_checkpoints(run->path, &found, error);
  enum status status = count < 0 ? error_set(error, STATUS_IO, "%s: cannot be read", run->path) : STATUS_OK;
  for (int i = 0; i < count && status == STATUS_OK; i++) {
    char path[FILE_PATH], aside[FILE_PATH + 8];
    if (found[i] <= steps) continue;
    status = checkpoint_list_path(path, run->path, found[i], error);
    if (status != STATUS_OK) break;
    snprintf(aside, sizeof aside, "%s.bad", path);
    if (file_rename(path, aside) != 0)
      status = error_set(error, STATUS_IO, "%s: cannot be renamed: %s", path, strerror(errno));
    else
      log_warn("%s is set aside as %s.bad: the run goes on from %llu step%s", path, strrchr(path, '/') + 1,
               (unsigned long long)steps, plural(steps));
  }
  memory_free(found);
  return status;
}

enum status run_directory_prune(struct run_directory *run, uint64_t keep, struct error *error) {
  uint64_t *steps;
  if (run_directory_check_now(run, error) != STATUS_OK) return STATUS_FAILED;
  const int count = all_checkpoints(run->path, &steps, error);
  enum status status = count < 0 ? error_set(error, STATUS_IO, "%s: cannot be read", run->path) : STATUS_OK;
  for (int i = 0; i < count && keep > 0 && status == STATUS_OK; i++) {
    char path[FILE_PATH];
    if ((uint64_t)i < keep) continue;
    status = checkpoint_list_path(path, run->path, steps[i], error);
    if (status == STATUS_OK && file_unlink(path) != 0 && errno != ENOENT)
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

static void warn_of(const struct error *why, bool another) {
  log_warn("%s%s", why->text, another ? "; trying the one before it" : "");
}

static enum status newest_of(const char *directory, bool whole_job, char *checkpoint, struct error *error) {
  const enum status status = checkpoint_newest(directory, whole_job, warn_of, checkpoint, error);
  if (status == STATUS_OK) return status;
  if (!whole_job)
    return error_set(error, status, "%s: holds no checkpoint yet (ckpt-*.h5), so no policy; give another run or a file",
                     directory);
  return error_set(error, status, "%s: holds no checkpoint yet (ckpt-*.h5): --resume auto --run-dir %s begins there",
                   directory, directory);
}

enum status run_newest_checkpoint(const char *path, bool require_resumable, char *checkpoint, struct error *error) {
  if (is_directory(path)) return newest_of(path, require_resumable, checkpoint, error);
  if (snprintf(checkpoint, FILE_PATH, "%s", path) >= FILE_PATH)
    return error_set(error, STATUS_IO, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
  enum status status = require_resumable ? check_resumable(path, error) : STATUS_OK;
  return status == STATUS_OK ? checkpoint_verify(path, error) : status;
}
