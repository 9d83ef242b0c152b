#include "actor/guest/guest.h"
#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct guest guest = {.name = "some.so", .index = 3, .episode = 7, .step = 20};

static bool has_changed(enum guest_change change) { return guest_changes() & 1u << change; }

static void test_arithmetic(void) {
  volatile double one = 1, three = 3;
  const double right = one / three;
  guest_forget_changes();
  guest_enter(&guest, GUEST_STEP);
  fesetround(FE_UPWARD);
  const double other = one / three;
  guest_leave(GUEST_STEP);
  CU_ASSERT_NOT_EQUAL(other, right);
  CU_ASSERT_EQUAL(one / three, right);
  CU_ASSERT_TRUE(has_changed(GUEST_CHANGED_ROUNDING));
  CU_ASSERT_FALSE(has_changed(GUEST_CHANGED_TRAPS));
  guest_enter(&guest, GUEST_STEP);
  CU_ASSERT_EQUAL(fegetround(), FE_TONEAREST);
  feenableexcept(FE_DIVBYZERO);
  guest_leave(GUEST_STEP);
  CU_ASSERT_TRUE(has_changed(GUEST_CHANGED_TRAPS));
  volatile double zero = 0;
  CU_ASSERT_TRUE(one / zero > 1e300); // and no SIGFPE
}

static void test_umask(void) {
  const mode_t before = umask(022);
  umask(before);
  guest_watch();
  guest_forget_changes();
  guest_enter(&guest, GUEST_CREATE);
  umask(0777);
  guest_leave(GUEST_CREATE);
  CU_ASSERT_EQUAL(umask(before), before);
  CU_ASSERT_TRUE(has_changed(GUEST_CHANGED_UMASK));
}

static unsigned mend_nothing(void) { return 1u << GUEST_CHANGED_HANDLERS; }

static void test_signals(void) {
  guest_watch();
  guest_set_host(&(struct guest_host){.mend_signals = mend_nothing}, NULL);
  guest_forget_changes();
  guest_enter(&guest, GUEST_CREATE);
  guest_leave(GUEST_CREATE);
  CU_ASSERT_TRUE(has_changed(GUEST_CHANGED_HANDLERS));
  guest_set_host(&(struct guest_host){0}, NULL);
}

// --- ends: each in a child process, which writes what its host is told ---

static int hears;
static void write_end(void *who, const struct guest_end *end) {
  (void)who;
  dprintf(hears, "%s|%s|%d", end->why.text, end->how, end->signal);
  guest_enter(&guest, GUEST_STEP); // a host may have other guests
  guest_leave(GUEST_STEP);
  _exit(0);
}

static void end_by_call(void) { guest_ends("it called exit(0)"); }
static void end_by_signal(void) { raise(SIGSEGV); }
static int recurse(volatile char *above) {
  volatile char block[1 << 16];
  block[0] = *above;
  return (block[0] == 1 ? recurse(block) : 0) + block[1];
}
static void end_by_stack(void) {
  volatile char one = 1;
  recurse(&one);
}

// Writes what the host is told when a guest does this in a step; text has `size` bytes.
static void hear(void (*end)(void), char *text, size_t size) {
  int ends[2];
  memset(text, 0, size);
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    hears = ends[1];
    guest_watch();
    guest_set_host(&(struct guest_host){.ended = write_end}, NULL);
    guest_enter(&guest, GUEST_STEP);
    end();
    guest_leave(GUEST_STEP);
    dprintf(hears, "it went on");
    _exit(1);
  }
  close(ends[1]);
  for (size_t used = 0; used < size - 1;) {
    const ssize_t more = read(ends[0], text + used, size - 1 - used);
    if (more <= 0) break;
    used += (size_t)more;
  }
  close(ends[0]);
  int code;
  CU_ASSERT_EQUAL(waitpid(child, &code, 0), child);
}

static void test_ends(void) {
  char text[1024];
  hear(end_by_call, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(
      text, "some.so: environment 3 (training): step 20 of episode 7: it called exit(0)|it called exit(0)|0");
  hear(end_by_signal, text, sizeof text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "step 20 of episode 7: it was ended by signal 11"));
  hear(end_by_stack, text, sizeof text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "it was ended by signal 11"));
}

static void test_no_guest(void) {
  guest_ends("nobody is at work"); // returns
  guest_enter(&guest, GUEST_STEP);
  const pid_t child = fork();
  if (child == 0) {
    guest_ends("a guest's own child"); // returns
    _exit(7);
  }
  guest_leave(GUEST_STEP);
  int code = 0;
  CU_ASSERT_EQUAL(waitpid(child, &code, 0), child);
  CU_ASSERT_TRUE(WIFEXITED(code));
  CU_ASSERT_EQUAL(WEXITSTATUS(code), 7);
}

// MPI's thread ends the process where mpirun has died, and may do so in the middle of a call.
static _Atomic int may_end;
static void *end_from_thread(void *unused) {
  while (!may_end) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  guest_ends("it called _exit(7)");
  _exit(7);
  return unused;
}

static void test_own_thread(void) {
  const pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    alarm(60); // if that thread waits for ever
    if (pthread_create(&thread, NULL, end_from_thread, NULL) != 0) _exit(1);
    guest_watch();
    guest_enter(&guest, GUEST_STEP);
    may_end = 1;
    for (;;) pause();
  }
  int code = 0;
  CU_ASSERT_EQUAL(waitpid(child, &code, 0), child);
  CU_ASSERT_TRUE(WIFEXITED(code));
  CU_ASSERT_EQUAL(WEXITSTATUS(code), 7);
}

// --- a call that does not come back ---

static _Atomic int is_asked, is_taken;
static bool say_urgent(void *who) {
  (void)who;
  return is_asked++ >= 2;
}
static void take_over(void *who, const struct error *where) {
  dprintf(*(int *)who, "%s", where->text);
  is_taken = 1;
  _exit(0);
}

static void test_takeover(void) {
  int ends[2];
  char text[512] = "";
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    guest_watch();
    guest_set_host(&(struct guest_host){.who = &ends[1], .is_urgent = say_urgent, .take_over = take_over}, NULL);
    guest_enter(&guest, GUEST_STEP);
    sleep(60);
    guest_leave(GUEST_STEP);
    _exit(1);
  }
  close(ends[1]);
  const double began = clock_now();
  CU_ASSERT_TRUE(read(ends[0], text, sizeof text - 1) > 0);
  close(ends[0]);
  int code = -1;
  CU_ASSERT_EQUAL(waitpid(child, &code, 0), child);
  CU_ASSERT_EQUAL(code, 0);
  CU_ASSERT_TRUE(clock_now() - began < 50);
  CU_ASSERT_STRING_EQUAL(text, "some.so: environment 3 (training): step 20 of episode 7 has not come back");
}

// Short calls go on while the watch asks for a check every second: no call is stopped for good.
static void test_short_calls(void) {
  guest_watch();
  const double end = clock_now() + 1.5;
  uint64_t calls = 0;
  for (; clock_now() < end; calls++) {
    guest_enter(&guest, GUEST_STEP);
    guest_leave(GUEST_STEP);
  }
  CU_ASSERT_TRUE(calls > 0);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"our code and the begin of each call have the default floating-point environment", test_arithmetic},
      {"the umask is set back", test_umask},
      {"changed signal handlers are reported", test_signals},
      {"a guest that ends the process is named, and its host goes on", test_ends},
      {"outside of a call, and in a child that a guest forked, a process may end", test_no_guest},
      {"a thread that was there before the first guest may end the process", test_own_thread},
      {"the host goes on without a call that does not return", test_takeover},
      {"short calls are never stopped", test_short_calls},
  };
  return unit_run("guest", cases, sizeof cases / sizeof *cases);
}
