#include "actor/envs/registry.h"
#include "actor/envs/mujoco.h"
#include "common/base/suggest.h"
#include <string.h>

#define REFERENCE(c_name, name) &env_##c_name,
static const struct corsac_env *const environments[] = {&env_pendulum, &env_mountain_car_continuous,
                                                        MUJOCO_ENVIRONMENTS(REFERENCE)};

size_t registry_count(void) { return sizeof environments / sizeof *environments; }

const struct corsac_env *registry_at(size_t index) { return index < registry_count() ? environments[index] : NULL; }

const struct corsac_env *registry_find(const char *name) {
  for (size_t i = 0; i < registry_count(); i++)
    if (strcmp(environments[i]->name, name) == 0) return environments[i];
  return NULL;
}

const char *registry_suggest(const char *name) {
  struct suggestion suggestion = {.word = name};
  for (size_t i = 0; i < registry_count(); i++)
    suggest_try(&suggestion, environments[i]->name, 4); // similar from its first four letters on
  return suggestion.name;
}
