#include "common/base/exit_bound.h"
#include "common/base/status.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_at_exit(void) {
  for (;;) pause();
}

// How a process ends whose exit handler never returns, and which is sent `number` (0: nothing).
static int status_of(unsigned seconds, int number) {
  const pid_t pid = fork();
  if (pid == 0) {
    sigset_t all;
    sigfillset(&all); // as a plugin may have left it
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGALRM, SIG_IGN);
    if (!freopen("/dev/null", "w", stderr)) _exit(2);
    atexit(wait_at_exit);
    exit_bound(7, 1000);
    exit_bound(9, seconds);
    if (number) kill(getpid(), number);
    exit(3);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

static void test_held(void) {
  const int status = status_of(1, 0);
  CU_ASSERT_TRUE_FATAL(WIFEXITED(status));
  CU_ASSERT_EQUAL(WEXITSTATUS(status), 9);
}

static void test_signals(void) {
  static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const int status = status_of(1000, numbers[i]);
    CU_ASSERT_TRUE_FATAL(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 9);
  }
}

// Of a process that waits for ever, or, where `over`, only long enough.
static int status_waiting(bool over) {
  const pid_t pid = fork();
  if (pid == 0) {
    sigset_t all, now;
    struct sigaction action;
    if (!freopen("/dev/null", "w", stderr)) _exit(2);
    sigfillset(&all); // as a launcher may leave it
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGALRM, SIG_IGN);
    exit_bound_for("a test", 1, 0);
    if (over) exit_bound_over();
    sleep(over ? 2 : 20);
    const bool is_as_before = sigaction(SIGALRM, NULL, &action) == 0 && action.sa_handler == SIG_IGN &&
                              sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGALRM) == 1;
    _exit(is_as_before ? 0 : 4);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

static void test_waiting(void) {
  int status = status_waiting(false);
  CU_ASSERT_TRUE_FATAL(WIFEXITED(status));
  CU_ASSERT_EQUAL(WEXITSTATUS(status), EXIT_FAILED);
  status = status_waiting(true);
  CU_ASSERT_TRUE_FATAL(WIFEXITED(status));
  CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an exit handler that never returns: the process ends, with its code", test_held},
      {"a call that does not return in time ends the process; one that does leaves SIGALRM as it was", test_waiting},
      {"a signal ends it at once, also one that was blocked", test_signals},
  };
  return unit_run("exit_bound", cases, sizeof cases / sizeof *cases);
}
