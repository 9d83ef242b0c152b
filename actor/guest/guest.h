// The guard around the code of an environment. A plugin is a guest in this process: it may change what the process
// shares with it (floating point, locale, signals, files), end the process, or never come back. Every call into an
// environment that is not built in stands between guest_enter and guest_leave.
//
// What the guard does:
// - The floating-point environment is the default one whenever our code runs: rounding to nearest, no flush to zero, no
//   trap. A call begins with it, too; what a guest sets lasts until the call returns.
// - A guest sees the locale that it set (setlocale); our code runs in the C locale.
// - Signals, the umask and our files are looked after when an environment was created, now and then after a reset, and
//   once a second. What was changed is set back, and said once.
// - A child that a guest forked ends where it would return into our code: there is one job, not two.
// - exit, _exit, exec, MPI_Finalize, MPI_Abort, an MPI error, SIGSEGV and the like inside a call do not end the
// process:
//   the host's `ended` goes on instead, on top of the guest, which is never returned to.
// - A call that has not come back for GUEST_NAMED_SECONDS is named once. Where the host wants to go on without it (a
//   signal came), another thread goes on in its place, and the guest's thread stays where it is for good.
//
// Guests are called by one thread, the first that enters. The state is the process's own, since exit() and a signal's
// handler have no argument.
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

enum guest_function {
  GUEST_NONE, // no guest is at work
  GUEST_OPEN,
  GUEST_CREATE,
  GUEST_RESET,
  GUEST_STEP,
  GUEST_STEP_BEGIN,
  GUEST_STEP_END,
  GUEST_INFO,
  GUEST_SAVE,
  GUEST_LOAD,
  GUEST_ERROR,
  GUEST_DESTROY,
  GUEST_CLOSE,
  GUEST_FUNCTIONS
};

// An environment, for messages. It has to stay where it is while a call is under way.
struct guest {
  const char *name; // of the plugin, not owned
  uint64_t index;   // which environment of the job
  bool evaluation;
  uint64_t episode, step; // where it stands: the current step of the episode
};

// What a guest changed in the process. guest_change_text says it in words.
enum guest_change {
  GUEST_CHANGED_ROUNDING,  // the rounding mode
  GUEST_CHANGED_FLUSHING,  // flush-to-zero, denormals-are-zero
  GUEST_CHANGED_TRAPS,     // floating-point exceptions raise signals
  GUEST_CHANGED_PRECISION, // of x87
  GUEST_CHANGED_LOCALE,
  GUEST_CHANGED_HANDLERS, // of the signals that this program listens to
  GUEST_CHANGED_MASK,     // these signals are blocked
  GUEST_CHANGED_DIRECTORY,
  GUEST_CHANGED_UMASK,
  GUEST_CHANGED_FILES, // descriptors of ours are closed, or others than they were
  GUEST_CHANGES
};
struct guest_change_text {
  const char *name;   // "rounding", as check-env calls it
  const char *what;   // "the rounding mode"
  const char *breaks; // what it would break: "numbers would differ from those of another machine"
  bool is_kept;       // the guard leaves it: it is the guest's own affair
};
const struct guest_change_text *guest_change_text(enum guest_change change);

// How a guest ended the process.
struct guest_end {
  struct error why; // which environment, where, how
  const char *how;  // the end of it: "it called exit(0)"
  bool crashed;     // by the signal, such as SIGSEGV, so that memory is not to be trusted
  int signal;
};

// Who the guest is with. Members may be NULL.
struct guest_host {
  void *who;
  // The guest ended the process. Runs on top of the guest. Never returns.
  void (*ended)(void *who, const struct guest_end *end);
  // From the watch's thread, while a call is under way: is there a reason not to wait for it?
  bool (*is_urgent)(void *who);
  // From the watch's thread, once, after is_urgent: the guest's thread never runs code of ours again. Never returns.
  void (*take_over)(void *who, const struct error *where);
  // Sets the handlers and the mask of the program's signals back to what they were: bits of 1 << enum guest_change.
  unsigned (*mend_signals)(void);
};
// From the thread that calls guests. *before, unless NULL, becomes the host until now.
void guest_set_host(const struct guest_host *host, struct guest_host *before);
// Begins to watch, if nobody does in this process: remembers what a guest may not change, takes the signals of a crash.
void guest_watch(void);

// Bits of 1 << enum guest_change: all that guests have changed so far; zeroed by guest_forget_changes.
unsigned guest_changes(void);
void guest_forget_changes(void);

// --- for those who end a process in its guest's name ---

// A call that ends the process was made; how: "it called exit(0)". Returns where no guest of this process is at work:
// then the call is right. From another thread than the guests' it does not return either.
void guest_ends(const char *how);
bool guest_is_at_work(void); // in this process and thread

// --- the two calls ---

enum { GUEST_TAKEN = 1, GUEST_HELD = 2, GUEST_DUE = 4, GUEST_FORKED = 8 };
struct guest_guard {
  const struct guest *guest;  // of the call under way
  uint64_t calls;             // so far
  _Atomic uint64_t now;       // number of the call under way * 16 + enum guest_function
  _Atomic unsigned attention; // GUEST_TAKEN: for good; GUEST_HELD: for a moment; GUEST_DUE: a look is due;
                              // GUEST_FORKED: this is a child of the guest's
  bool has_locale;            // the guest has set one
};
extern struct guest_guard guest_guard;

void guest_prepare(enum guest_function function); // the guest's locale
void guest_settle(enum guest_function function);  // all that is not the common case of guest_leave

// Whether the floating-point environment is another than the default one.
static inline bool guest_changed_arithmetic(void) {
#if defined __SSE2__
  return (_mm_getcsr() & ~0x3fu) != 0x1f80u;
#elif defined __aarch64__
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control != 0;
#else
  return true; // guest_settle looks
#endif
}

static inline void guest_enter(const struct guest *guest, enum guest_function function) {
  guest_guard.guest = guest;
  guest_guard.calls++;
  if (guest_guard.has_locale || function < GUEST_STEP || function > GUEST_INFO) guest_prepare(function);
  atomic_store_explicit(&guest_guard.now, guest_guard.calls * 16 + (uint64_t)function, memory_order_release);
}

// The watch orders its own store before this load (membarrier), so that neither waits for the other here.
static inline void guest_leave(enum guest_function function) {
  atomic_store_explicit(&guest_guard.now, guest_guard.calls * 16, memory_order_release);
  atomic_signal_fence(memory_order_seq_cst);
  const unsigned attention = atomic_load_explicit(&guest_guard.attention, memory_order_acquire);
  if (attention || guest_guard.has_locale || function < GUEST_STEP || function > GUEST_INFO ||
      guest_changed_arithmetic())
    guest_settle(function);
}

#endif
