// The lock of a run directory: a file `lock` that says who holds it (host, pid, the pid's namespace, time) and is
// refreshed while they live. It is made by link(2), which is atomic on network file systems too, and its age is
// measured by the file system's own clock.
#ifndef CORSAC_LEARNER_RUN_RUN_LOCK_H
#define CORSAC_LEARNER_RUN_RUN_LOCK_H

#include "common/base/status.h"
#include <stdbool.h>

enum { RUN_LOCK_PATH = 4096, RUN_LOCK_HOST = 256 };

struct run_lock {
  char path[RUN_LOCK_PATH];
  char draft[RUN_LOCK_PATH + RUN_LOCK_HOST + 32]; // where this process writes it before it is put in place
  char host[RUN_LOCK_HOST];
  double refreshed; // clock_now()
  bool lost;        // another process has taken it over
};
// Held by a living process: STATUS_USAGE, naming host, pid and how long ago it was refreshed. A stale one (its process
// on this host is gone, or it was not refreshed for 60 s) is taken over with a warning.
enum status run_lock_acquire(struct run_lock *lock, const char *directory, struct error *error);
void run_lock_refresh(struct run_lock *lock); // at most every 10 s; says so once where the lock was lost
void run_lock_release(struct run_lock *lock);
#endif
