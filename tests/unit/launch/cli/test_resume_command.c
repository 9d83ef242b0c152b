#include "launch/cli/resume_command.h"
#include "tests/support/unit.h"

#include <stdbool.h>
#include <string.h>

static bool ends(const char *text, const char *with) {
  const size_t length = strlen(text), end = strlen(with);
  return length >= end && strcmp(text + length - end, with) == 0;
}

static void test_commands(void) {
  char text[RESUME_COMMAND_TEXT];
  resume_command("runs/p 1", 0, 300, text);
  CU_ASSERT_TRUE_FATAL(ends(text, " train --resume 'runs/p 1' --env-steps 600"));
  CU_ASSERT_TRUE(!strstr(text, "mpirun"));
  resume_command("runs/p1", 100000, 0, text);
  CU_ASSERT(ends(text, " train --resume runs/p1"));
  CU_ASSERT_NSTRING_EQUAL(text, "mpirun --bind-to none --oversubscribe -n 100000 ", 48);
  resume_command("r", 0, (1ull << 52) + 1, text); // twice as many would be refused
  CU_ASSERT(ends(text, " --env-steps 9007199254740992"));
  resume_command("r", 0, 1ull << 53, text);
  CU_ASSERT(ends(text, " --resume r"));
}

int main(void) {
  static const struct unit_case cases[] = {{"the command is one that is taken", test_commands}};
  return unit_run("go_on", cases, sizeof cases / sizeof *cases);
}
