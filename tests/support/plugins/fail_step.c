// A plugin that fails at step args (default 5) of an episode, with a reason. After that nobody may call info.
#include <corsac/env.h>
#include <stdlib.h>

struct failing {
  int t, when, asked; // asked: info was called after the failure
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  static const char *const names[] = {"t"};
  (void)error, (void)error_size;
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  spec->info_dim = 1;
  spec->info_names = names;
  struct failing *failing = calloc(1, sizeof *failing);
  if (failing) failing->when = *config->args ? atoi(config->args) : 5;
  return failing;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)seed;
  ((struct failing *)self)->t = 0;
  obs[0] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct failing *failing = self;
  obs[0] = action[0];
  *reward = 0;
  return ++failing->t == failing->when ? -7 : 0;
}

static const char *error_text(void *self) {
  return ((const struct failing *)self)->asked ? "info was called" : "the solver diverged";
}

static void info(void *self, double *values) {
  struct failing *failing = self;
  values[0] = failing->t;
  failing->asked = failing->t == failing->when;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "fail_step",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .error = error_text,
                                        .info = info};
  return &env;
}
