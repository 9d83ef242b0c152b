// A plugin that forgets to set obs_dim.
#include <corsac/env.h>

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  static char self;
  (void)config, (void)error, (void)error_size;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  return &self;
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
                                        .name = "zero_dim",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
