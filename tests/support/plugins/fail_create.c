// A plugin whose create fails. It gives a reason, unless args are "silent".
#include <corsac/env.h>
#include <stdio.h>
#include <string.h>

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  (void)spec;
  if (strcmp(config->args, "silent") != 0) snprintf(error, error_size, "no licence for the solver");
  return NULL;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)self, (void)seed;
  obs[0] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  (void)self;
  obs[0] = action[0];
  *reward = 0;
  return 0;
}

static void destroy(void *self) { (void)self; }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "fail_create",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
