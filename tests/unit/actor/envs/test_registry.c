#include "actor/envs/registry.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_find(void) {
  CU_ASSERT(registry_count() >= 2);
  CU_ASSERT_PTR_EQUAL(registry_find("Pendulum-v1"), &env_pendulum);
  CU_ASSERT_PTR_EQUAL(registry_find("MountainCarContinuous-v0"), &env_mountain_car_continuous);
  CU_ASSERT_PTR_NULL(registry_find("pendulum-v1"));
  CU_ASSERT_PTR_NULL(registry_find("Pendulum-v"));
  CU_ASSERT_PTR_NULL(registry_find(""));
  CU_ASSERT_PTR_NULL(registry_at(registry_count()));
}

static void test_entries(void) {
  for (size_t i = 0; i < registry_count(); i++) {
    const struct corsac_env *env = registry_at(i);
    CU_ASSERT_EQUAL(env->abi, CORSAC_ENV_ABI);
    CU_ASSERT_EQUAL(env->size, sizeof *env);
    CU_ASSERT_PTR_NOT_NULL(env->create);
    CU_ASSERT_PTR_NOT_NULL(env->reset);
    CU_ASSERT_PTR_NOT_NULL(env->step);
    CU_ASSERT_PTR_NOT_NULL(env->destroy);
    CU_ASSERT_PTR_EQUAL(registry_find(env->name), env);
  }
}

static void test_nearest(void) {
  CU_ASSERT_STRING_EQUAL(registry_suggest("Pendulm-v1"), "Pendulum-v1");
  CU_ASSERT_STRING_EQUAL(registry_suggest("pendulum"), "Pendulum-v1");
  CU_ASSERT_STRING_EQUAL(registry_suggest("Pendulum-v0"), "Pendulum-v1");
  CU_ASSERT_STRING_EQUAL(registry_suggest("MountainCarContinous-v1"), "MountainCarContinuous-v0");
  CU_ASSERT_PTR_NULL(registry_suggest("Tokamak"));
  CU_ASSERT_PTR_NULL(registry_suggest(""));
  char long_name[300];
  memset(long_name, 'P', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = '\0';
  CU_ASSERT_PTR_NULL(registry_suggest(long_name));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"known names are found, exactly", test_find},
      {"every built-in environment is complete and found by its own name", test_entries},
      {"a misspelt name gets a suggestion, a strange one none", test_nearest},
  };
  return unit_run("registry", cases, sizeof cases / sizeof *cases);
}
