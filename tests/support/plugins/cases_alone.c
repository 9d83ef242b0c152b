// cases.c, of which one may exist in a process: an evaluation borrows the rollout's instance.
#define CASES_FLAGS CORSAC_ONE_PER_PROCESS
#include "tests/support/plugins/cases.c"
