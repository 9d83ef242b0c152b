#include "launch/cli/signals.h"
#include "tests/support/unit.h"
#include <signal.h>

// A batch system warns with USR1 and ends with TERM, which leaves less time.
static void test_urgent(void) {
  const volatile sig_atomic_t *stop = signals_install();
  CU_ASSERT_EQUAL(*stop, 0);
  raise(SIGUSR1);
  CU_ASSERT_EQUAL(*stop, SIGUSR1);
  raise(SIGUSR2);
  CU_ASSERT_EQUAL(*stop, SIGUSR1);
  raise(SIGTERM);
  CU_ASSERT_EQUAL(*stop, SIGTERM);
  raise(SIGUSR1);
  raise(SIGINT);
  CU_ASSERT_EQUAL(*stop, SIGTERM);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the first signal counts, and a TERM or INT after another one", test_urgent},
  };
  return unit_run("signals", cases, sizeof cases / sizeof *cases);
}
