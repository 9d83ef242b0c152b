// A plugin without save: a walk on a line with episodes of args steps (default 10), which it truncates itself.
#include <corsac/env.h>
#include <stdlib.h>

struct walk {
  int t, length;
  float x;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  (void)error, (void)error_size;
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  struct walk *walk = calloc(1, sizeof *walk);
  if (walk) walk->length = *config->args ? atoi(config->args) : 10;
  return walk;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct walk *walk = self;
  walk->t = 0;
  obs[0] = walk->x = (float)(seed % 100) / 100;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct walk *walk = self;
  obs[0] = walk->x += action[0];
  *reward = (double)-walk->x;
  return ++walk->t >= walk->length ? CORSAC_TRUNCATED : 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "no_save",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
