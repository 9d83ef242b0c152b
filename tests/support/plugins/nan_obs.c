// A plugin that returns NaN in the last of its three observation components, at step args (default 3) of an episode.
#include <corsac/env.h>
#include <math.h>
#include <stdlib.h>

struct faulty {
  int t, when;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  (void)error, (void)error_size;
  spec->obs_dim = 3;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  struct faulty *faulty = calloc(1, sizeof *faulty);
  if (faulty) faulty->when = *config->args ? atoi(config->args) : 3;
  return faulty;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)seed;
  ((struct faulty *)self)->t = 0;
  obs[0] = obs[1] = obs[2] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct faulty *faulty = self;
  obs[0] = obs[1] = action[0];
  obs[2] = ++faulty->t == faulty->when ? NAN : 0;
  *reward = 0;
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "nan_obs",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
