// A plugin with named values: t, the step of the episode, and angle, which is not finite in every second step. args
// make the names invalid: name, twice, many, no_names.
#include <corsac/env.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 10 };

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  static const char *const names[] = {"t", "angle"}, *const spaced[] = {"t", "an angle"}, *const twice[] = {"t", "t"};
  (void)error, (void)error_size;
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  spec->info_dim = strcmp(config->args, "many") == 0 ? CORSAC_MAX_INFO + 1 : 2;
  spec->info_names = strcmp(config->args, "name") == 0 ? spaced : strcmp(config->args, "twice") == 0 ? twice : names;
  if (strcmp(config->args, "no_names") == 0) spec->info_names = NULL;
  return calloc(1, sizeof(int));
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)seed;
  *(int *)self = 0;
  obs[0] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  obs[0] = action[0];
  *reward = 1;
  return ++*(int *)self == LENGTH ? CORSAC_TERMINATED : 0;
}

static void info(void *self, double *values) {
  values[0] = *(int *)self;
  values[1] = *(int *)self % 2 ? 0.25 : NAN;
}

static void destroy(void *self) { free(self); }

static int64_t save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(int)) memcpy(buffer, self, sizeof(int));
  return sizeof(int);
}

static int load(void *self, const void *buffer, size_t size) {
  if (size != sizeof(int)) return -1;
  memcpy(self, buffer, size);
  return 0;
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "informed",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load,
                                        .info = info};
  return &env;
}
