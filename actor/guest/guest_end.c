// What happens where a guest ends the process. The states and the invariants are in guest_impl.h.
#include "actor/guest/guest_impl.h"
#include "common/base/c_locale.h"
#include "common/base/exit_bound.h"
#include "common/base/streams.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_SIZE = 1 << 20, CRASHED_SECONDS = 10 }; // of the handler; for the host to end after a crash

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
static const int timers[] = {SIGALRM, SIGVTALRM, SIGPROF}; // of a guest that has no handler for them
enum { CRASHES = sizeof crashes / sizeof *crashes, TIMERS = sizeof timers / sizeof *timers };

// The host goes on in this thread, after the call of the guest that is under way.
static _Noreturn void end_call(const char *how, int crash) {
  struct guest_end end = {.how = how, .crashed = crash != 0, .signal = crash};
  char where[512];
  const enum guest_function function = (enum guest_function)(atomic_load(&guest_guard.now) % 16);
  guest_state.host_thread = (pid_t)syscall(SYS_gettid); // G3
  atomic_store(&guest_guard.now, guest_guard.calls * 16);
  locale_enter_c(); // G1
  guest_restore_arithmetic();
  guest_check_process();
  guest_describe(guest_guard.guest, function, where, sizeof where);
  error_set(&end.why, STATUS_FAILED, "%s: %s", where, how);
  if (guest_state.host.ended) guest_state.host.ended(guest_state.host.who, &end);
  fprintf(streams_error(), "corsac: %s\n", end.why.text);
  exit_at_once(EXIT_FAILED);
}

void guest_end_here(const char *how, int crash) {
  guest_await_release();
  end_call(how, crash);
}

// For a thread that the guest started. If the guests' thread is in a call, it may be waiting for this thread: it stays
// there, and the host goes on here. Otherwise the host goes on in the guests' thread, after its next call (G6).
static _Noreturn void end_in_thread(const char *how) {
  char text[GUEST_FILES_TEXT];
  const uint64_t call = atomic_load(&guest_guard.now);
  snprintf(text, sizeof text, "a thread that it started ended the process: %.400s", how);
  if (call % 16 != GUEST_NONE && guest_stop_call(call, GUEST_TAKEN)) end_call(text, 0);
  snprintf(guest_state.ended, sizeof guest_state.ended, "%s", text);
  atomic_fetch_or(&guest_guard.attention, GUEST_DUE);
  for (;;) pause();
}

void guest_ends(const char *how) {
  const pid_t thread = (pid_t)syscall(SYS_gettid);
  if (guest_state.process != getpid()) return;   // the guard does not run, or this is a child that the guest forked
  if (guest_state.host_thread == thread) return; // the host itself ends the process
  if (guest_state.thread != thread && guest_has_thread(&guest_state.ours, thread)) return; // G7
  while (guest_state.host_thread != 0) pause(); // another thread is doing so (G3)
  if (guest_state.thread != thread) end_in_thread(how);
  if (guest_is_at_work()) guest_end_here(how, 0);
}

void guest_end_child(enum guest_function function) {
  char where[512];
  guest_describe(guest_guard.guest, function, where, sizeof where);
  fprintf(streams_error(), "corsac: %s: it forked, and the child returned from the call: the child ends\n", where);
  exit_at_once(EXIT_FAILED);
}

static void give_up(int number) {
  (void)number;
  exit_at_once(EXIT_FAILED);
}

// A crash may have left a lock taken that the host needs for its message. So an alarm ends the process; the host calls
// alarm(0) once the message is out.
static void bound_the_end(void) {
  struct sigaction action = {.sa_handler = give_up};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGALRM, &action, NULL) == 0) alarm(CRASHED_SECONDS);
}

static void take_crash(int number) {
  if (guest_is_at_work()) {
    char how[128];
    snprintf(how, sizeof how, "it was ended by signal %d (%s)", number, strsignal(number));
    bound_the_end();
    guest_end_here(how, number);
  }
  for (int i = 0; i < CRASHES; i++) // a crash of our own code: as without the guard
    if (crashes[i] == number) sigaction(number, &guest_state.before[i], NULL);
  raise(number);
}

// The signal may have interrupted our code. Then the end has to wait until the next call is over (G6).
static void take_timer(int number) {
  char how[128];
  if (guest_state.process != getpid()) return;
  snprintf(how, sizeof how, "its timer went off: signal %d (%s)", number, strsignal(number));
  if (guest_is_at_work()) guest_end_here(how, 0);
  snprintf(guest_state.ended, sizeof guest_state.ended, "%s", how);
  atomic_fetch_or(&guest_guard.attention, GUEST_DUE);
}

static void catch (int number, void (*handler)(int), struct sigaction *before) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_NODEFER | SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, before);
}

void guest_catch_crashes(void) {
  // On a stack of its own, since a full stack may be the reason of the crash.
  void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  const stack_t own = {.ss_sp = stack, .ss_size = STACK_SIZE};
  if (stack == MAP_FAILED || sigaltstack(&own, NULL) != 0) return;
  for (int i = 0; i < CRASHES; i++) catch (crashes[i], take_crash, &guest_state.before[i]);
  for (int i = 0; i < TIMERS; i++) catch (timers[i], take_timer, NULL);
}
