#include "common/base/launcher_variables.h"
#include "tests/support/unit.h"

static void test_names(void) {
  static const char *const theirs[] = {"OMPI_COMM_WORLD_RANK=3", "OMPI_MCA_plm=rsh", "PMIX_RANK=1", "PMI_FD=5",
                                       "PRTE_MCA_x=1"};
  static const char *const ours[] = {
      "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "PATH=/bin", "MY_OMPI_=1", "SLURM_JOB_ID=7", ""};
  for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) CU_ASSERT_TRUE(launcher_variable(theirs[i]));
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) CU_ASSERT_FALSE(launcher_variable(ours[i]));
}

int main(void) {
  static const struct unit_case cases[] = {{"the launchers' variables are known by their names", test_names}};
  return unit_run("launcher_variables", cases, sizeof cases / sizeof *cases);
}
