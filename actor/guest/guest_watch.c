// The watch: a thread that looks at the call under way ten times a second. It names a call that takes long, and takes
// the host over where that does not want to wait. The states and the invariants are in guest_impl.h.
#include "actor/guest/guest_impl.h"
#include "common/base/c_locale.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const double TURN_SECONDS = 0.1;
static const double LONG_SECONDS = 0.5; // the host always waits for a shorter call
static const double CHECK_SECONDS = 1;  // between two checks of what costs a system call

// Here `attention` is written before `now` is read, in guest_leave it is the other way round (G5).
bool guest_stop_call(uint64_t call, unsigned bit) {
  atomic_fetch_or(&guest_guard.attention, bit);
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0 && atomic_load(&guest_guard.now) == call)
    return true;
  atomic_fetch_and(&guest_guard.attention, ~bit);
  return false;
}

static void name_call(uint64_t call, double seconds) {
  char where[512];
  if (!guest_stop_call(call, GUEST_HELD)) return;
  guest_describe(guest_guard.guest, (enum guest_function)(call % 16), where, sizeof where);
  atomic_fetch_and(&guest_guard.attention, ~(unsigned)GUEST_HELD);
  log_warn("%s has not come back for %.0f s", where, seconds);
}

static void take_over(uint64_t call) {
  char where[512];
  struct error error = {0};
  if (!guest_stop_call(call, GUEST_TAKEN)) return;
  guest_state.host_thread = (pid_t)syscall(SYS_gettid);
  guest_describe(guest_guard.guest, (enum guest_function)(call % 16), where, sizeof where);
  error_set(&error, STATUS_STOPPED, "%s has not come back", where);
  guest_state.host.take_over(guest_state.host.who, &error);
}

static void *watch(void *unused) {
  const struct timespec pause = {.tv_nsec = (long)(TURN_SECONDS * 1e9)};
  uint64_t call = 0;
  double since = 0, checked = 0;
  bool is_named = false;
  locale_enter_c();
  for (;; nanosleep(&pause, NULL)) {
    const double now = clock_now();
    const uint64_t current = atomic_load(&guest_guard.now);
    if (now - checked > CHECK_SECONDS) {
      checked = now;
      atomic_fetch_or(&guest_guard.attention, GUEST_DUE);
    }
    if (current % 16 == GUEST_NONE || current != call) {
      call = current;
      since = now;
      is_named = false;
      continue;
    }
    const double seconds = now - since;
    const struct guest_host *host = &guest_state.host;
    if (seconds < LONG_SECONDS) continue;
    if (host->mend_signals) host->mend_signals(); // in a call of minutes a signal must arrive, too
    if (host->take_over && host->is_urgent && host->is_urgent(host->who)) take_over(call);
    if (seconds < GUEST_NAMED_SECONDS || is_named) continue;
    is_named = true;
    name_call(call, seconds);
  }
  return unused;
}

static void start_watch(void) {
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  sigemptyset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); // this thread takes the signals that the guests' thread blocks
  if (pthread_attr_init(&attributes) == 0) {
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0 ||
        pthread_create(&thread, &attributes, watch, NULL) != 0)
      log_debug("no thread watches the environments: a signal has to wait for the end of their steps");
    pthread_attr_destroy(&attributes);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// Runs in a child after fork. If a call is under way, the guest forked, and the call may return in the parent only. A
// child that was forked outside of a call is this program's own.
static void note_fork(void) {
  if (atomic_load(&guest_guard.now) % 16 != GUEST_NONE) atomic_fetch_or(&guest_guard.attention, GUEST_FORKED);
}

void guest_watch(void) {
  struct stat directory;
  if (guest_state.process == getpid()) return;
  guest_state.process = getpid();
  guest_state.thread = (pid_t)syscall(SYS_gettid);
  guest_state.umask = umask(0);
  umask(guest_state.umask);
  if (stat(".", &directory) == 0) {
    guest_state.directory_device = directory.st_dev;
    guest_state.directory = directory.st_ino;
    guest_read_directory(guest_state.directory_path);
  }
  guest_list_threads(&guest_state.ours);
  guest_catch_crashes();
  if (!guest_state.sees_forks) guest_state.sees_forks = pthread_atfork(NULL, NULL, note_fork) == 0;
  start_watch();
}
