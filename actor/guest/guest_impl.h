// Inside of the guard: its state, shared by what looks after each call (guest.c) and what happens where a call does not
// come back (guest_watch.c, guest_end.c).
#ifndef CORSAC_ACTOR_GUEST_GUEST_IMPL_H
#define CORSAC_ACTOR_GUEST_GUEST_IMPL_H

#include "actor/guest/guest.h"
#include "common/base/guest_files.h"

#include <locale.h>
#include <signal.h>
#include <sys/types.h>

struct guest_state {
  struct guest_host host;
  pid_t process, thread;     // whose guests are watched; 0: nobody's
  _Atomic pid_t host_thread; // in which the host goes on without the guest; 0: it has not come to that
  mode_t umask;              // as it was at the start
  dev_t directory_device;
  ino_t directory; // the working directory at the start
  locale_t locale; // of the guests' thread within their calls
  double looked;   // s, when at what costs a system call
  unsigned resets;
  bool sees_forks;
  unsigned changes, said;        // bits of 1 << enum guest_change: since guest_forget_changes; already told
  struct sigaction before[8];    // what the signals of a crash did
  char mended[GUEST_FILES_TEXT]; // what the last look at our files set back
  char ended[GUEST_FILES_TEXT];  // what ended the process in a call that went on: a thread of the guest's, our files;
                                 // "": nothing did
};
extern struct guest_state guest_state;

// "plugin.so: environment 3 (training): step 20 of episode 7"
void guest_describe(const struct guest *guest, enum guest_function function, char *text, size_t size);
// The guest of the call under way ended the process. The host goes on.
_Noreturn void guest_end_here(const char *how, int crash); // crash: the signal, or 0
// This process is a child that the guest forked, and has come back from the call as if it were its parent.
_Noreturn void guest_end_child(enum guest_function function);
// From another thread: stops the guests' thread at the end of this call (a value of guest_guard.now), with GUEST_HELD
// or GUEST_TAKEN. false: the call is over, or the kernel cannot order the two threads.
bool guest_stop_call(uint64_t call, unsigned bit);
void guest_catch_crashes(void);
// Set back what differs from the default floating-point environment, and from what guest_watch found; the bits of what
// differed.
unsigned guest_mend_arithmetic(void);
unsigned guest_look_around(void);
// Returns when no other thread needs the guests' thread to stand still. Never, where one has taken its place.
void guest_await_release(void);

#endif
