// The guard around code that is not this program's. A plugin, or libmujoco, runs inside the actor's process: it is a
// guest there. Such code may change what the whole process shares (the rounding mode, the locale, signal handlers, open
// files), may end the process (exit, a crash), and may never return from a call. The guard keeps the host, this
// program, intact. Every call into a guest stands between two lines:
//
//   guest_enter(&environment->guest, GUEST_STEP);
//   flags = abi->step(self, action, obs, &reward);
//   guest_leave(GUEST_STEP);
//
// What the guard does:
//
// - Arithmetic. Each call begins with the default floating-point environment (round to nearest, no flush to zero, no
//   traps), and our code after the call has it, too.
// - Locale. Our code runs in the C locale. The guest sees the locale that it has set itself.
// - Signals, umask, files. What costs a system call is checked after create, after some resets, and once a second. The
//   guard undoes what it can, and logs each kind of change once.
// - Fork. A child process that the guest forked ends where it would return into our code, so that there is one job, not
//   two.
// - The end of the process. Within a call, exit, _exit, exec, MPI_Finalize, MPI_Abort, an MPI error, SIGSEGV and the
//   like do not end the process. The guard calls the host's function `ended` instead, which reports the failure and
//   shuts the role down. It runs on the guest's stack, and the call never returns.
// - A long call. A thread, the watch, names a call that takes longer than GUEST_NAMED_SECONDS once in the log. If the
//   host has a reason not to wait (a signal came), the watch's thread becomes the host, and the guest's thread is
//   never run again.
//
// Only one thread of a process may call guests: the one that called guest_watch. The guard's state belongs to the
// process and is global, since exit() and signal handlers have no argument for it. README.md says how it works.
#ifndef CORSAC_ACTOR_GUEST_GUEST_H
#define CORSAC_ACTOR_GUEST_GUEST_H

#include "common/base/status.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined __SSE2__
#include <xmmintrin.h>
#endif

enum { GUEST_NAMED_SECONDS = 30 };

// Which function of the guest is called.
enum guest_function {
  GUEST_NONE, // none: our code runs
  GUEST_OPEN,
  GUEST_CREATE,
  GUEST_PROGRESS,
  GUEST_RESET,
  GUEST_RESET_BEGIN,
  GUEST_RESET_END,
  GUEST_STEP,
  GUEST_STEP_BEGIN,
  GUEST_STEP_END,
  GUEST_INFO,
  GUEST_SAVE,
  GUEST_LOAD,
  GUEST_ERROR,
  GUEST_DESTROY,
  GUEST_CLOSE,
  GUEST_FUNCTIONS // at most 16, since guest_guard.now has four bits for it
};

// Which environment a call is for: messages name it so. It must not move or change during a call.
struct guest {
  const char *name; // of the environment, not owned
  uint64_t index;   // in the job
  bool evaluation;
  bool is_outside;        // it runs in a process of its own, so it closes nothing here
  uint64_t episode, step; // the current ones
};

// What a guest may have changed in the process.
enum guest_change {
  GUEST_CHANGED_ROUNDING,  // the rounding mode
  GUEST_CHANGED_FLUSHING,  // flush-to-zero, denormals-are-zero
  GUEST_CHANGED_TRAPS,     // floating-point exceptions raise signals
  GUEST_CHANGED_PRECISION, // of x87
  GUEST_CHANGED_LOCALE,
  GUEST_CHANGED_HANDLERS, // of the signals that this program handles
  GUEST_CHANGED_MASK,     // these signals are blocked
  GUEST_CHANGED_DIRECTORY,
  GUEST_CHANGED_UMASK,
  GUEST_CHANGED_FILES, // descriptors of this program are closed, or refer to something else
  GUEST_CHANGES
};

// A change in words.
struct guest_change_text {
  const char *name;   // "rounding", as check-env calls it
  const char *what;   // "the rounding mode"
  const char *breaks; // what it would break: "numbers would differ from those of another machine"
  bool is_kept;       // the guard does not undo it, since it does our code no harm
};
const struct guest_change_text *guest_change_text(enum guest_change change);

// How a guest ended the process.
struct guest_end {
  struct error why; // the environment, the call, and `how`
  const char *how;  // "it called exit(0)"
  bool crashed;     // by `signal`, such as SIGSEGV: memory may be damaged
  int signal;
};

// The part of this program that the guest works for. Members may be NULL.
struct guest_host {
  void *who;

  // The guest ended the process. Called on the guest's stack; must not return.
  void (*ended)(void *who, const struct guest_end *end);

  // Called by the watch's thread during a long call: whether there is a reason not to wait for it.
  bool (*is_urgent)(void *who);

  // Called by the watch's thread, once, after is_urgent said so: the host goes on here, without the call. The guest's
  // thread runs no code of ours again. Must not return. where: which call it was.
  void (*take_over)(void *who, const struct error *where);

  // Restores the handlers and the mask of this program's signals. Returns what had changed: bits 1 << enum
  // guest_change.
  unsigned (*mend_signals)(void);
};

// Sets the host. *before, unless it is NULL, gets the one until now.
void guest_set_host(const struct guest_host *host, struct guest_host *before);

// Starts the guard in this process, if it does not run yet. It remembers the umask and the directory, installs handlers
// for crashes, and starts the watch. The calling thread is the guests' thread from now on.
void guest_watch(void);

// Sets how MPI is started for a guest that is linked with it, where MPI does not run yet (launch/mpi/mpi_alone.h). The
// program sets it once, at its begin. Without it such a guest finds MPI as it is.
void guest_set_mpi(enum status (*start)(struct error *error));

// Starts MPI so, unless it runs.
enum status guest_start_mpi(struct error *error);

// All that guests have changed since guest_forget_changes: bits 1 << enum guest_change.
unsigned guest_changes(void);
void guest_forget_changes(void);

// --- for the functions that end a process (launch/mpi/guest_exits.c) ---

// Somebody called a function that ends the process; how: "it called exit(0)". Returns where no guest of this process is
// in a call: then the process may end. Otherwise it does not return.
void guest_ends(const char *how);

// Whether this thread of this process is in a guest's call.
bool guest_is_at_work(void);

// --- the two calls ---

// What another thread wants of the guests' thread, or what has happened to it. guest_leave looks at these bits.
enum {
  GUEST_TAKEN = 1,  // another thread is the host now: never return
  GUEST_HELD = 2,   // another thread reads guest_guard.guest: wait for a moment
  GUEST_DUE = 4,    // a second has passed: check what costs a system call
  GUEST_FORKED = 8, // this process is a child that the guest forked: end it
};

struct guest_guard {
  const struct guest *guest;  // of the call under way
  uint64_t calls;             // so far
  _Atomic uint64_t now;       // calls * 16 + enum guest_function, GUEST_NONE between two calls
  _Atomic unsigned attention; // bits: GUEST_TAKEN, ...
  bool has_locale;            // a guest has set one
};
extern struct guest_guard guest_guard;

// The rare parts of guest_enter and guest_leave.
void guest_before_call(enum guest_function function);
void guest_after_call(enum guest_function function);

// Loading, create, reset, save and the like cost so much anyway that the guard does everything for each of them. The
// functions of a step are the fast ones: guest_enter and guest_leave take a nanosecond or so together.
static inline bool guest_is_fast(enum guest_function function) {
  return function >= GUEST_STEP && function <= GUEST_INFO;
}

// Whether the floating-point environment differs from the default.
static inline bool guest_changed_arithmetic(void) {
#if defined __SSE2__
  return (_mm_getcsr() & ~0x3fu) != 0x1f80u;
#elif defined __aarch64__
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control != 0;
#else
  return true; // guest_after_call finds out
#endif
}

static inline void guest_enter(const struct guest *guest, enum guest_function function) {
  guest_guard.guest = guest;
  guest_guard.calls++;
  if (guest_guard.has_locale || !guest_is_fast(function)) guest_before_call(function);
  atomic_store_explicit(&guest_guard.now, guest_guard.calls * 16 + (uint64_t)function, memory_order_release);
}

// The store to `now` and the load of `attention` need an order between each other, which a processor does not give by
// itself. The watch gives it from its side with membarrier (guest_stop_call), so that a call costs no fence here.
static inline void guest_leave(enum guest_function function) {
  atomic_store_explicit(&guest_guard.now, guest_guard.calls * 16, memory_order_release);
  atomic_signal_fence(memory_order_seq_cst);
  const unsigned attention = atomic_load_explicit(&guest_guard.attention, memory_order_acquire);
  if (attention || guest_guard.has_locale || !guest_is_fast(function) || guest_changed_arithmetic())
    guest_after_call(function);
}

#endif
