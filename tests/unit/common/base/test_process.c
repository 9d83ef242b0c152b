#include "common/base/process.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_realm(void) {
  int ends[2];
  uint64_t pid_namespace = 0;
  CU_ASSERT_NOT_EQUAL(process_pid_namespace(), 0);
  CU_ASSERT_EQUAL(process_pid_namespace(), process_pid_namespace());
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    pid_namespace = process_pid_namespace();
    _exit(write(ends[1], &pid_namespace, sizeof pid_namespace) != sizeof pid_namespace);
  }
  CU_ASSERT_EQUAL(read(ends[0], &pid_namespace, sizeof pid_namespace), sizeof pid_namespace);
  CU_ASSERT_EQUAL(pid_namespace, process_pid_namespace());
  waitpid(child, NULL, 0);
  close(ends[0]);
  close(ends[1]);
}

static void test_gone(void) {
  int ends[2];
  char byte;
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) != 0);
  }
  close(ends[0]);
  CU_ASSERT_FALSE(process_has_ended((uint32_t)getpid()));
  CU_ASSERT_FALSE(process_has_ended(1)); // of another user, or root's
  CU_ASSERT_FALSE(process_has_ended(0));
  CU_ASSERT_FALSE(process_has_ended((uint32_t)child));
  kill(child, SIGKILL);
  siginfo_t info;
  CU_ASSERT_EQUAL(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  CU_ASSERT_TRUE(process_has_ended((uint32_t)child)); // not yet fetched
  CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
  CU_ASSERT_TRUE(process_has_ended((uint32_t)child));
  close(ends[1]);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"processes of one machine know each other's numbers", test_realm},
      {"a process is reported as ended only after its end", test_gone},
  };
  return unit_run("alive", cases, sizeof cases / sizeof *cases);
}
