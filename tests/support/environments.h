// What the tests of environments share: the test plugins, and trajectories recorded from Gymnasium.
#ifndef CORSAC_TESTS_SUPPORT_ENVIRONMENTS_H
#define CORSAC_TESTS_SUPPORT_ENVIRONMENTS_H

#include "common/base/status.h"
#include "common/env/env.h"
#include <stdbool.h>
#include <stddef.h>

// What --env says to get the test plugin NAME with these arguments (NULL: none): ../plugins/NAME.so seen from the
// running program.
const char *plugin_env(const char *name, const char *args, char *env, size_t size);

// What --env says to run the test simulator NAME with these arguments: ../simulators/NAME seen from the running
// program.
const char *simulator_env(const char *name, const char *args, char *env, size_t size);

// The path of the test FMU NAME: ../fmus/NAME.fmu seen from the running program.
const char *fmu_path(const char *name, char *path, size_t size);

// Plays the trajectories of `abi` in tests/data/gymnasium_trajectories.txt. set_state puts an instance where one
// begins. Asserts that observations are within `ulps` float32 steps and rewards within `reward` relative of what
// Gymnasium gave, and flags equal. Returns the number of steps played.
size_t trajectories_check(const struct corsac_env *abi, void (*set_state)(void *self, double first, double second),
                          int ulps, double reward);

#endif
