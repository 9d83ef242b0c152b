// A plugin with named values: t, the step of the episode, and angle, which is not finite in every second step. With
// args "rules" these are last, max and none beside them: the last t, the largest of 10 t - t^2, and one that is never
// finite. Other args make them invalid: name, twice, many, no_names, rule.
#include <corsac/env.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 10 };
struct informed {
  int t;
  bool many;
};

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
  static const char *const ruled[] = {"t", "angle", "last", "max", "none"};
  static const uint8_t rules[] = {CORSAC_INFO_MEAN, CORSAC_INFO_MEAN, CORSAC_INFO_LAST, CORSAC_INFO_MAX,
                                  CORSAC_INFO_LAST},
                       unknown[] = {CORSAC_INFO_MEAN, 7};
  if (strcmp(config->args, "rule") == 0) spec->info_rules = unknown;
  if (strcmp(config->args, "rules") == 0) spec->info_dim = 5, spec->info_names = ruled, spec->info_rules = rules;
  struct informed *informed = calloc(1, sizeof *informed);
  if (informed) informed->many = spec->info_dim == 5;
  return informed;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)seed;
  ((struct informed *)self)->t = 0;
  obs[0] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  obs[0] = action[0];
  *reward = 1;
  return ++((struct informed *)self)->t == LENGTH ? CORSAC_TERMINATED : 0;
}

static void info(void *self, double *values) {
  const struct informed *informed = self;
  const double t = informed->t;
  values[0] = t;
  values[1] = informed->t % 2 ? 0.25 : NAN;
  if (!informed->many) return;
  values[2] = t;
  values[3] = 10 * t - t * t;
  values[4] = INFINITY;
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
