#include "common/base/exit_bound.h"
#include "tests/support/unit.h"

#include <signal.h>
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
    freopen("/dev/null", "w", stderr);
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
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

static void test_signals(void) {
  static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const int status = status_of(1000, numbers[i]);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 9);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an exit handler that never returns: the process ends, with its code", test_held},
      {"a signal ends it at once, also one that was blocked", test_signals},
  };
  return unit_run("exit_bound", cases, sizeof cases / sizeof *cases);
}
