// A plugin whose steps take args milliseconds (default 10). Episodes have 100 steps.
#include <corsac/env.h>
#include <stdlib.h>
#include <time.h>

struct slow {
  int t;
  long milliseconds;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  (void)error, (void)error_size;
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->max_episode_steps = 100;
  spec->action_low = low;
  spec->action_high = high;
  struct slow *slow = calloc(1, sizeof *slow);
  if (slow) slow->milliseconds = *config->args ? atol(config->args) : 10;
  return slow;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)seed;
  ((struct slow *)self)->t = 0;
  obs[0] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct slow *slow = self;
  struct timespec time = {slow->milliseconds / 1000, slow->milliseconds % 1000 * 1000000};
  nanosleep(&time, NULL);
  obs[0] = (float)++slow->t / 100;
  *reward = (double)action[0];
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "slow",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
