#include "learner/run/run_lock.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double STALE_SECONDS = 60, REFRESH_SECONDS = 10, LOOK_SECONDS = 1;
static const double AWAIT_MORE = 0.5; // s: by which a wait for a stale lock goes beyond that

// Who holds the lock, as its file says.
struct holder {
  char host[RUN_LOCK_HOST];
  long pid;                   // 0: the file cannot be read
  unsigned long long pid_set; // process_pid_namespace; an older version's is the namespace alone, and equals none
  unsigned long long start;   // process_start; 0: the file has none
  struct stat file;
};

// What this host can tell of a holder.
enum sight { UNSEEN, GONE, LIVES };

static double file_time(const struct stat *file) {
  return (double)file->st_mtim.tv_sec + 1e-9 * (double)file->st_mtim.tv_nsec;
}

static enum status write_draft(struct run_lock *lock, struct error *error) {
  char text[RUN_LOCK_HOST + 128], when[64];
  clock_format(when, sizeof when);
  const int size = snprintf(text, sizeof text, "%s %ld %llu %s %llu\n", lock->host, (long)getpid(),
                            (unsigned long long)lock->pid_set, when, (unsigned long long)lock->start);
  const int descriptor = file_open_plain(lock->draft, O_WRONLY | O_CREAT | O_TRUNC, error);
  const ssize_t written = descriptor >= 0 ? write(descriptor, text, (size_t)size) : -1;
  if (written >= 0 && written < size) errno = ENOSPC; // the disk took a part
  bool done = written == size;
  if (descriptor >= 0) done = close(descriptor) == 0 && done;
  if (done) return STATUS_OK;
  error_set(error, STATUS_IO, "%s: cannot be written: %s", lock->draft, strerror(errno));
  file_unlink(lock->draft);
  return STATUS_IO;
}

// Returns false where there is no lock.
static bool read_holder(const char *path, struct holder *holder) {
  *holder = (struct holder){.host = "?"};
  const int descriptor = file_open_plain(path, O_RDONLY, NULL);
  if (descriptor < 0) return errno != ENOENT && file_stat(path, &holder->file) == 0;
  char text[RUN_LOCK_HOST + 128];
  const ssize_t size = read(descriptor, text, sizeof text - 1);
  const bool there = fstat(descriptor, &holder->file) == 0;
  close(descriptor);
  text[size > 0 ? size : 0] = 0;
  const int found =
      sscanf(text, "%255s %ld %llu %*s %llu", holder->host, &holder->pid, &holder->pid_set, &holder->start);
  if (found < 3 || holder->pid <= 0 || holder->pid > INT32_MAX) holder->pid = 0;
  return there;
}

static bool is_ours(const struct run_lock *lock, const struct holder *holder) {
  return holder->pid == (long)getpid() && strcmp(holder->host, lock->host) == 0 && holder->pid_set == lock->pid_set &&
         holder->start == lock->start;
}

// A number names a process only where the kernel and the namespace of the numbers are the holder's.
static enum sight look_for(const struct run_lock *lock, const struct holder *holder) {
  if (is_ours(lock, holder)) return LIVES;
  if (holder->pid <= 0 || lock->pid_set == 0 || holder->pid_set != lock->pid_set) return UNSEEN;
  if (strcmp(holder->host, lock->host) != 0) return UNSEEN;
  if (process_has_ended((uint32_t)holder->pid)) return GONE;
  const uint64_t start = process_start((uint32_t)holder->pid);
  if (start == 0 || holder->start == 0) return UNSEEN;
  return start == holder->start ? LIVES : GONE; // another process may have got the number
}

// Returns the lock's age in seconds. Both times are the file system's, so the clocks of two hosts do not matter.
static double age_of(const struct run_lock *lock, const struct holder *holder) {
  struct stat now;
  return file_stat(lock->draft, &now) == 0 ? file_time(&now) - file_time(&holder->file) : 0;
}

// Returns 0, or errno. EEXIST: somebody holds the lock.
static int put_in_place(const struct run_lock *lock) {
  struct stat draft;
  if (file_link(lock->draft, lock->path) == 0) return 0;
  const int reason = errno;
  // A network file system may answer a repeated request: if the draft has two names, the first one was done.
  if (file_stat(lock->draft, &draft) == 0 && draft.st_nlink == 2) return 0;
  if (reason != EPERM && reason != EOPNOTSUPP && reason != ENOSYS) return reason;
  // Without hard links the name is taken first and then filled.
  const int descriptor = file_open(lock->path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (descriptor < 0) return errno;
  close(descriptor);
  return file_rename(lock->draft, lock->path) == 0 ? 0 : errno;
}

// Moves a stale lock away. Of several processes that find it only one succeeds. A process that moved another lock than
// the one it judged puts it back.
static void take_away(const struct run_lock *lock, const struct holder *holder) {
  char aside[sizeof lock->draft + 8];
  struct stat moved;
  snprintf(aside, sizeof aside, "%s.old", lock->draft);
  if (file_rename(lock->path, aside) != 0) return;
  if (file_stat(aside, &moved) == 0 && (moved.st_ino != holder->file.st_ino || moved.st_dev != holder->file.st_dev))
    (void)file_link(aside, lock->path);
  file_unlink(aside);
}

static enum status refuse(const struct run_lock *lock, const struct holder *holder, double age, struct error *error) {
  char unseen[96] = "";
  if (look_for(lock, holder) == UNSEEN)
    snprintf(unseen, sizeof unseen, ", or wait until the lock is %.0f s old if that host is down", STALE_SECONDS);
  return error_set(error, STATUS_USAGE,
                   "%s: the run is in use by process %ld on %s, which refreshed this lock %.0f s ago; stop it%s",
                   lock->path, holder->pid, holder->host, age > 0 ? age : 0, unseen);
}

static enum status compete(struct run_lock *lock, struct error *error) {
  struct holder holder = {.pid = 0};
  double age = 0;
  int reason = EEXIST;
  for (int attempt = 0; attempt < 4; attempt++) {
    reason = put_in_place(lock);
    if (reason == 0) return STATUS_OK;
    if (reason != EEXIST) break;
    if (!read_holder(lock->path, &holder)) continue; // it was released meanwhile
    if (!S_ISREG(holder.file.st_mode)) return file_check_plain(lock->path, error);
    age = age_of(lock, &holder);
    const enum sight sight = look_for(lock, &holder);
    if (sight == LIVES || (sight == UNSEEN && age < STALE_SECONDS)) break;
    log_warn("%s: taking over the lock of process %ld on %s, which %s", lock->path, holder.pid, holder.host,
             sight == GONE ? "has gone" : "has not refreshed it for a minute or more");
    take_away(lock, &holder);
  }
  if (reason != EEXIST) return error_set(error, STATUS_IO, "%s: cannot be made: %s", lock->path, strerror(reason));
  return refuse(lock, &holder, age, error);
}

// Locks the directory against others who compete at this moment: nobody else may act between the judging of a stale
// lock and its removal. Waits for two seconds at most. Where the file system has no such locks, it goes on without.
// Returns a descriptor to close, or -1.
static int guard(const char *directory) {
  const int descriptor = file_open(directory, O_RDONLY | O_DIRECTORY, 0);
  const double deadline = clock_now() + 2;
  struct backoff backoff = {0};
  while (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK && clock_now() < deadline)
    backoff_wait(&backoff);
  return descriptor;
}

static enum status name_files(struct run_lock *lock, const char *directory, struct error *error) {
  *lock = (struct run_lock){
      .pid_set = process_pid_namespace(), .start = process_start((uint32_t)getpid()), .refreshed = clock_now()};
  if (gethostname(lock->host, sizeof lock->host - 1) != 0 || !lock->host[0])
    snprintf(lock->host, sizeof lock->host, "unknown");
  if (snprintf(lock->path, sizeof lock->path, "%s/lock", directory) >= (int)sizeof lock->path)
    return error_set(error, STATUS_IO, "%.100s...: the path is too long", directory);
  snprintf(lock->draft, sizeof lock->draft, "%s.%s.%llx.%ld", lock->path, lock->host, (unsigned long long)lock->pid_set,
           (long)getpid());
  return STATUS_OK;
}

enum status run_lock_acquire(struct run_lock *lock, const char *directory, struct error *error) {
  enum status status = name_files(lock, directory, error);
  if (status == STATUS_OK) status = write_draft(lock, error);
  if (status != STATUS_OK) return status;
  const int guarded = guard(directory);
  status = compete(lock, error);
  if (guarded >= 0) close(guarded);
  file_unlink(lock->draft);
  return status;
}

// --- waiting ---

static bool is_out_of_sight(const struct run_lock *lock, const struct holder *holder) {
  return S_ISREG(holder->file.st_mode) && look_for(lock, holder) == UNSEEN;
}

static bool is_refreshed(const struct holder *before, const struct holder *now) {
  return before->file.st_ino != now->file.st_ino || before->file.st_mtim.tv_sec != now->file.st_mtim.tv_sec ||
         before->file.st_mtim.tv_nsec != now->file.st_mtim.tv_nsec;
}

static void say_await(const struct run_lock *lock, const struct holder *holder, double age, double seconds) {
  char until[16] = "";
  const time_t end = time(NULL) + (time_t)(seconds + 0.5);
  struct tm local;
  if (localtime_r(&end, &local)) strftime(until, sizeof until, "%H:%M:%S", &local);
  log_info(
      "%s: process %ld on %s refreshed this lock %.0f s ago: waiting until %s whether it does so again; else it has "
      "gone, and this job goes on",
      lock->path, holder->pid, holder->host, age > 0 ? age : 0, until);
}

void run_lock_await(const char *directory, double most) {
  static const struct timespec turn = {.tv_nsec = 200000000};
  struct run_lock lock;
  struct holder before, now;
  if (name_files(&lock, directory, NULL) != STATUS_OK || !read_holder(lock.path, &before) ||
      !is_out_of_sight(&lock, &before) || write_draft(&lock, NULL) != STATUS_OK)
    return;
  const double age = age_of(&lock, &before);
  file_unlink(lock.draft);
  const double wanted = STALE_SECONDS + AWAIT_MORE - age, seconds = wanted < most ? wanted : most;
  if (age >= STALE_SECONDS || seconds <= 0) return;
  say_await(&lock, &before, age, seconds);
  for (const double until = clock_now() + seconds; clock_now() < until;) {
    nanosleep(&turn, NULL);
    if (!read_holder(lock.path, &now) || is_refreshed(&before, &now)) return;
  }
}

// --- the holder ---

enum status run_lock_check(const struct run_lock *lock, struct error *error) {
  struct holder holder;
  // A file that cannot be read, or has no name in it yet, tells nothing.
  if (!read_holder(lock->path, &holder) || holder.pid == 0 || is_ours(lock, &holder)) return STATUS_OK;
  return error_set(error, STATUS_FAILED,
                   "%s: process %ld on %s has taken over this run directory, while this process stood still: this job "
                   "ends and writes nothing more there",
                   lock->path, holder.pid, holder.host);
}

static void say_unrefreshed(struct run_lock *lock, const char *why) {
  char more[LOG_THROTTLE_TEXT];
  if (log_throttle_due(&lock->unrefreshed, more)) log_warn("%s: cannot be refreshed: %s%s", lock->path, why, more);
}

// The draft comes first. Its write may take minutes, and another process may take the lock over meanwhile.
static void look_and_refresh(struct run_lock *lock) {
  struct error error = {0};
  const double now = clock_now();
  const bool due = now - lock->refreshed >= REFRESH_SECONDS;
  if (now - lock->looked < LOOK_SECONDS) return;
  lock->looked = now;
  const enum status drafted = due ? write_draft(lock, &error) : STATUS_OK;
  if (run_lock_check(lock, &lock->loss) != STATUS_OK) {
    if (due) file_unlink(lock->draft);
    atomic_store(&lock->lost, true);
    return;
  }
  if (!due) return;
  lock->refreshed = now;
  if (drafted == STATUS_OK && file_rename(lock->draft, lock->path) == 0) {
    (void)log_throttle_over(&lock->unrefreshed);
    return;
  }
  say_unrefreshed(lock, drafted == STATUS_OK ? strerror(errno) : error.text);
  file_unlink(lock->draft);
}

void run_lock_refresh(struct run_lock *lock) {
  if (run_lock_is_lost(lock) || atomic_exchange(&lock->busy, true)) return;
  look_and_refresh(lock);
  atomic_store(&lock->busy, false);
}

bool run_lock_is_lost(const struct run_lock *lock) { return atomic_load(&lock->lost); }

void run_lock_release(struct run_lock *lock) {
  struct holder holder;
  if (!run_lock_is_lost(lock) && read_holder(lock->path, &holder) && is_ours(lock, &holder)) file_unlink(lock->path);
}
