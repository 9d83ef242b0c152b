#include "common/wire/launcher_watch.h"
#include "tests/support/unit.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum end { KILLED, WELL, OTHER_RANK, HANGS, HANGS_LATER, SLOW };

static void rank(enum end end) {
  setenv("OMPI_COMM_WORLD_RANK", end == OTHER_RANK ? "1" : "0", 1);
  const bool hangs = end >= HANGS;
  const int watch = launcher_watch_begin(end == HANGS ? 0.1 : 1000);
  if ((watch < 0) != (end == OTHER_RANK)) _exit(1);
  if (end == HANGS_LATER) launcher_watch_expect(watch, 0.1);
  if (end == SLOW) launcher_watch_expect(watch, INFINITY);
  while (hangs) pause();
  launcher_watch_grant(watch, 0.1);
  if (end != WELL) raise(SIGKILL);
  launcher_watch_end(watch, true);
  _exit(0);
}

// Runs a parent of this name, which never ends by itself, and waits for it up to `seconds`. Returns its status, or -1.
static int launcher(const char *name, enum end end, double seconds) {
  const pid_t parent = fork();
  if (parent == 0) {
    prctl(PR_SET_NAME, name);
    if (!freopen("/dev/null", "w", stderr)) _exit(1);
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      rank(end);
    }
    for (;;) pause();
  }
  int status = -1;
  for (int i = 0; i < 100 * seconds && waitpid(parent, &status, WNOHANG) == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  kill(parent, SIGKILL);
  waitpid(parent, NULL, 0);
  return status;
}

static void test_killed(void) {
  const int status = launcher("mpirun", KILLED, 20);
  CU_ASSERT_TRUE_FATAL(WIFSIGNALED(status));
  CU_ASSERT_EQUAL(WTERMSIG(status), SIGTERM);
}

static void test_left_alone(void) {
  CU_ASSERT_EQUAL(launcher("mpirun", WELL, 0.5), -1);
  CU_ASSERT_EQUAL(launcher("mpirun", OTHER_RANK, 0.5), -1);
  CU_ASSERT_EQUAL(launcher("slurmstepd", OTHER_RANK, 0.5), -1);
}

static void test_hangs(void) {
  for (enum end end = HANGS; end <= HANGS_LATER; end++) {
    const int status = launcher("mpirun", end, 20);
    CU_ASSERT_TRUE_FATAL(WIFSIGNALED(status));
    CU_ASSERT_EQUAL(WTERMSIG(status), SIGTERM);
  }
  CU_ASSERT_EQUAL(launcher("mpirun", SLOW, 0.5), -1);
}

static void test_nobody(void) {
  unsetenv("OMPI_COMM_WORLD_RANK");
  CU_ASSERT_EQUAL(launcher_watch_begin(1), -1);
  launcher_watch_grant(-1, 1);
  launcher_watch_expect(-1, 1);
  launcher_watch_end(-1, false);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"mpirun ends after its first rank is killed", test_killed},
      {"a first rank that ends well leaves mpirun alone, and so does another rank", test_left_alone},
      {"a first rank that lives leaves mpirun alone, unless it hangs longer than it said", test_hangs},
      {"without mpirun nobody watches", test_nobody},
  };
  return unit_run("launcher_watch", cases, sizeof cases / sizeof *cases);
}
