#include "tests/support/environments.h"

#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The flavour's directory: the running program is build/FLAVOUR/KIND/..., and next to KIND lie plugins and simulators.
static void find_built(char *path, size_t size) {
  char sibling[4096 + 16];
  const ssize_t length = readlink("/proc/self/exe", path, size - 1);
  path[length > 0 ? length : 0] = '\0';
  for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
    *slash = '\0';
    snprintf(sibling, sizeof sibling, "%s/plugins", path);
    if (access(sibling, X_OK) == 0) return;
  }
}

const char *plugin_env(const char *name, const char *args, char *env, size_t size) {
  char built[4000];
  find_built(built, sizeof built);
  snprintf(env, size, "%s/plugins/%s.so%s%s", built, name, args ? ":" : "", args ? args : "");
  return env;
}

const char *simulator_env(const char *name, const char *args, char *env, size_t size) {
  char built[4000];
  find_built(built, sizeof built);
  snprintf(env, size, "exec:%s/simulators/%s %s", built, name, args);
  return env;
}

const char *fmu_path(const char *name, char *path, size_t size) {
  char built[4000];
  find_built(built, sizeof built);
  snprintf(path, size, "%s/fmus/%s.fmu", built, name);
  return path;
}

// Steps between two floats; a large number where one is not finite or they differ in sign.
static int ulps_between(float a, float b) {
  if (a == b) return 0;
  if (!isfinite(a) || !isfinite(b) || signbit(a) != signbit(b)) return 1000000;
  int steps = 0;
  for (float x = a; x != b && steps < 1000; steps++) x = nextafterf(x, b);
  return steps;
}

static int play_step(FILE *file, const struct corsac_env *abi, void *self, uint32_t obs_dim, int ulps,
                     double tolerance) {
  double numbers[8], reward = NAN;
  int terminated;
  float obs[8];
  for (uint32_t i = 0; i < obs_dim + 2; i++)
    if (fscanf(file, "%la", &numbers[i]) != 1) return 0;
  if (fscanf(file, "%d", &terminated) != 1) return 0;
  float action = (float)numbers[0];
  int flags = abi->step(self, &action, obs, &reward);
  CU_ASSERT_EQUAL(flags, terminated ? CORSAC_TERMINATED : 0);
  double expected = numbers[obs_dim + 1];
  CU_ASSERT(fabs(reward - expected) <= tolerance * fabs(expected));
  for (uint32_t i = 0; i < obs_dim; i++) CU_ASSERT(ulps_between(obs[i], (float)numbers[i + 1]) <= ulps);
  return 1;
}

size_t trajectories_check(const struct corsac_env *abi, void (*set_state)(void *self, double first, double second),
                          int ulps, double reward) {
  FILE *file = fopen("tests/data/gymnasium_trajectories.txt", "r");
  CU_ASSERT_FATAL(file != NULL);
  struct corsac_env_config config = {.size = sizeof config, .id = abi->name, .args = "", .comm = -1};
  struct corsac_env_spec spec = {.size = sizeof spec};
  char text[100], name[64];
  void *self = abi->create(&config, &spec, text, sizeof text);
  CU_ASSERT_PTR_NOT_NULL_FATAL(self);
  CU_ASSERT_TRUE_FATAL(spec.obs_dim <= 6);
  size_t played = 0;
  int steps;
  double first, second;
  while (fscanf(file, "%63s %d %la %la", name, &steps, &first, &second) == 4) {
    bool ours = strcmp(name, abi->name) == 0;
    if (ours)
      set_state(self, first, second);
    else
      fscanf(file, "%*[^\n]");
    for (int i = 0; i < steps; i++) {
      if (ours) CU_ASSERT_EQUAL_FATAL(play_step(file, abi, self, spec.obs_dim, ulps, reward), 1);
      if (!ours) fscanf(file, " %*[^\n]");
      played += ours;
    }
  }
  CU_ASSERT(feof(file));
  abi->destroy(self);
  fclose(file);
  return played;
}
