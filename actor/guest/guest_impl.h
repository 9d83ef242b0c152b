// Inside of the guard: its state, shared by what happens around each call (guest.c), where a guest ends the process
// (guest_end.c), and the thread that watches long calls (guest_watch.c).
//
// The states of the guests' thread
//
//   OUT    it runs our code: guest_guard.now names GUEST_NONE
//          guest_enter: it is IN
//   IN     it runs the guest's code: now names the function
//          guest_leave: it is OUT, or it waits in guest_await_release while another thread holds it (GUEST_HELD)
//          guest_ends, take_crash, take_timer -> guest_end_here: it is the HOST ON TOP
//          the watch's take_over, end_in_thread -> guest_stop_call(GUEST_TAKEN): it is LEFT BEHIND
//          it forks (note_fork): in the child guest_leave ends the process
//   HOST ON TOP   it runs our code on the guest's stack (end_call -> host.ended) and ends the process there
//   LEFT BEHIND   another thread is the host and ends the process. This one may stay in the guest's code, or in
//                 guest_await_release, for good
//
// Invariants
//
//   G1. OUT, our code has the default floating-point environment and the C locale.
//   G2. Another thread reads guest_guard.guest only after guest_stop_call has returned true, and, if that was with
//       GUEST_HELD, before it clears the bit. As long, the guests' thread does not leave the call.
//   G3. Exactly one thread is the host: the guests' thread, or, once host_thread is set, that one. It is set once.
//   G4. GUEST_TAKEN is never cleared again.
//   G5. Of the two threads at least one sees what the other wrote: the guests' thread writes `now` and then reads
//       `attention`; the other writes `attention`, makes both wait at a barrier (membarrier), and reads `now`.
//   G6. After an end that came from another thread or a timer while the guests' thread was OUT, `ended` holds the text,
//       and the next guest_leave makes it the end of its call.
//   G7. A thread in `ours` may end the process: it is none of the guests'. (MPI's own thread does where mpirun has
//   died.)
#ifndef CORSAC_ACTOR_GUEST_GUEST_IMPL_H
#define CORSAC_ACTOR_GUEST_GUEST_IMPL_H

#include "actor/guest/guest.h"
#include "common/base/file.h"
#include "common/base/guest_files.h"

#include <locale.h>
#include <signal.h>
#include <sys/types.h>

// Numbers of threads of this process (gettid).
enum { GUEST_THREADS = 64 };
struct guest_threads {
  pid_t ids[GUEST_THREADS];
  size_t count;
};

struct guest_state {
  struct guest_host host;
  enum status (*start_mpi)(struct error *error); // of guest_set_mpi, or NULL
  pid_t process, thread;                         // the process and the guests' thread; 0: the guard does not run
  _Atomic pid_t host_thread; // the thread that runs the host after a guest's end; 0: there was none (G3)

  struct guest_threads ours; // those before the first guest, and MPI's (G7)

  // As guest_watch found it.
  mode_t umask;
  dev_t directory_device;
  ino_t directory;
  char directory_path[FILE_PATH]; // as /proc/self/cwd gives it; "": unknown
  struct sigaction before[8];     // the actions of the signals of a crash

  locale_t locale;                 // of the guests' thread within calls
  double checked;                  // s: when guest_check_process last ran
  unsigned resets;                 // so far
  bool sees_forks;                 // note_fork is registered
  unsigned changes, reported;      // bits 1 << enum guest_change: since guest_forget_changes; in the log
  char repaired[GUEST_FILES_TEXT]; // what the last check repaired of our files
  char ended[GUEST_FILES_TEXT];    // why the next guest_leave ends the process; "": it does not (G6)
};
extern struct guest_state guest_state;

// Writes which call it is: "plugin.so: environment 3 (training): step 20 of episode 7".
void guest_describe(const struct guest *guest, enum guest_function function, char *text, size_t size);

// The guest of the call under way ended the process, by a signal (crash) or not (0): the host goes on here.
_Noreturn void guest_end_here(const char *how, int crash);

// This process is a child that the guest forked, and the call has returned in it: it ends.
_Noreturn void guest_end_child(enum guest_function function);

// From another thread: keeps the guests' thread from leaving this call (a value of guest_guard.now), with GUEST_HELD or
// GUEST_TAKEN. false: the call is over already, or the kernel has no membarrier.
bool guest_stop_call(uint64_t call, unsigned bit);

// Reads which threads there are now.
void guest_list_threads(struct guest_threads *threads);
bool guest_has_thread(const struct guest_threads *threads, pid_t thread);

// Installs the handlers for crashes and for timers that a guest may have started.
void guest_catch_crashes(void);

// Writes the working directory (FILE_PATH bytes), as the kernel names it; "" where that is unknown. It asks no file
// system.
void guest_read_directory(char *path);

// Both restore what a guest changed, and return what it was: bits 1 << enum guest_change. The first is for the
// floating-point environment, the second for all that costs a system call: signals, umask, files, directory, locale.
unsigned guest_restore_arithmetic(void);
unsigned guest_check_process(void);

// Returns when no other thread holds the guests' thread; never, where one has taken it over.
void guest_await_release(void);

#endif
