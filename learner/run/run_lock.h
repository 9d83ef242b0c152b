// The lock of a run directory: a file `lock` that names its holder (host, pid, a hash of the kernel's boot and of the
// pid's namespace, the time of the refresh, when the process started). The holder refreshes it while it lives. link(2)
// puts it in place, which is atomic on network file systems too, and its age is measured by the file system's own
// clock.
#ifndef CORSAC_LEARNER_RUN_RUN_LOCK_H
#define CORSAC_LEARNER_RUN_RUN_LOCK_H

#include "common/base/file.h"
#include "common/base/log_throttle.h"
#include "common/base/status.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RUN_LOCK_HOST = 256 };

struct run_lock {
  char path[FILE_PATH];
  char draft[FILE_PATH + RUN_LOCK_HOST + 64]; // where this process writes the lock before it is put in place
  char host[RUN_LOCK_HOST];
  uint64_t pid_set, start;  // process_pid_namespace, process_start of this process
  atomic_bool busy;         // a thread refreshes it; what follows is that thread's
  double refreshed, looked; // clock_now()
  atomic_bool lost;         // another process has taken it over; set once
  struct error loss;        // says so; written before `lost` is set
  struct log_throttle unrefreshed;
};

// STATUS_USAGE where a living process holds the lock; the error names its host, its pid and how long ago it refreshed
// the lock. A stale lock is taken over with a warning: its process on this host has gone, or the lock is 60 s old and
// this host cannot tell whether its process lives. A process that stands still on this host keeps its lock.
enum status run_lock_acquire(struct run_lock *lock, const char *directory, struct error *error);

// Waits while the lock may be one of a process that has gone and cannot be looked for from here: of another host, or of
// another namespace of processes, or with no name in it. Returns when the lock was refreshed, is stale or is gone, or
// after `most` seconds; at once where there is nothing to wait for. Logs once what it waits for, and until when.
// run_lock_acquire then judges the lock.
void run_lock_await(const char *directory, double most);

// Looks, at most once a second, whether the lock was lost: another process took it over, because this one stood still.
// Else refreshes it, every 10 s. Any thread may call it. It returns at once while another thread is in it.
void run_lock_refresh(struct run_lock *lock);

// Whether a refresh found that the lock was lost; lock->loss then says who has it. Any thread may call it.
bool run_lock_is_lost(const struct run_lock *lock);

// Reads who has the lock at this moment. STATUS_FAILED: it is another process, which the error names. Any thread may
// call it.
enum status run_lock_check(const struct run_lock *lock, struct error *error);

// Gives the lock back, if this process still has it.
void run_lock_release(struct run_lock *lock);
#endif
