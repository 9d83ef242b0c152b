#include "common/config/environment_form.h"
#include "tests/support/unit.h"

static void test_forms(void) {
  static const struct {
    const char *env;
    enum environment_form form;
  } known[] = {{"Pendulum-v1", ENVIRONMENT_BUILT_IN},
               {"Pendulum-v1:x/y.so", ENVIRONMENT_BUILT_IN},
               {"", ENVIRONMENT_BUILT_IN},
               {".so", ENVIRONMENT_BUILT_IN},
               {"gym", ENVIRONMENT_BUILT_IN},
               {"solver.so", ENVIRONMENT_PLUGIN},
               {"solver.so:gym:x", ENVIRONMENT_PLUGIN},
               {"./solver", ENVIRONMENT_PLUGIN},
               {"a/b:c", ENVIRONMENT_PLUGIN},
               {"exec:./solver.so", ENVIRONMENT_EXEC},
               {"gym:Ant-v5?a=./b.so", ENVIRONMENT_GYM},
               {"gym:", ENVIRONMENT_GYM},
               {"pettingzoo:pettingzoo.sisl.multiwalker_v9", ENVIRONMENT_PETTINGZOO},
               {"fmi:models/tank.fmu:task.yaml", ENVIRONMENT_FMI}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    CU_ASSERT_EQUAL(environment_form_of(known[i].env), known[i].form);
}

static void test_groups(void) {
  static const enum environment_form python[] = {ENVIRONMENT_GYM, ENVIRONMENT_PETTINGZOO},
                                     others[] = {ENVIRONMENT_BUILT_IN, ENVIRONMENT_PLUGIN, ENVIRONMENT_FMI};
  for (int i = 0; i < 2; i++) CU_ASSERT(environment_form_is_python(python[i]) && environment_form_is_remote(python[i]));
  for (int i = 0; i < 3; i++)
    CU_ASSERT(!environment_form_is_python(others[i]) && !environment_form_is_remote(others[i]));
  CU_ASSERT(!environment_form_is_python(ENVIRONMENT_EXEC) && environment_form_is_remote(ENVIRONMENT_EXEC));
}

int main(void) {
  static const struct unit_case cases[] = {{"the begin of --env tells what kind of environment it is", test_forms},
                                           {"Python's kinds, and those that may run in another place", test_groups}};
  return unit_run("environment_form", cases, sizeof cases / sizeof *cases);
}
