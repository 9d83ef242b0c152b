// A plugin whose episodes never end: waits.so:WHAT[,MS]. A step takes MS ms. WHAT: nothing; create or reset (of the
// job's second environment, takes 1000 s); exit (the process's exit handler takes 1000 s).
#include <corsac/env.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct place {
  double x;
  unsigned ms;
  int slow_reset;
};

static void wait_long(void) { nanosleep(&(struct timespec){.tv_sec = 1000}, NULL); }
static void wait_at_exit(void) {
  for (;;) wait_long();
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low = -1, high = 1;
  static int registered;
  char what[32] = "";
  struct place *place = calloc(1, sizeof *place);
  (void)error, (void)error_size;
  if (!place) return NULL;
  sscanf(config->args, "%31[^,],%u", what, &place->ms);
  spec->obs_dim = spec->act_dim = 1;
  spec->action_low = &low;
  spec->action_high = &high;
  if (strcmp(what, "exit") == 0 && !registered++) atexit(wait_at_exit);
  if (strcmp(what, "create") == 0 && config->index == 1) wait_long();
  place->slow_reset = strcmp(what, "reset") == 0 && config->index == 1;
  return place;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct place *place = self;
  if (place->slow_reset) wait_long();
  place->x = (double)(seed >> 11) * 0x1p-53;
  *obs = (float)place->x;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct place *place = self;
  if (place->ms) nanosleep(&(struct timespec){place->ms / 1000, place->ms % 1000 * 1000000L}, NULL);
  place->x = 0.9 * place->x + 0.1 * (double)*action;
  *obs = (float)place->x;
  *reward = -place->x * place->x;
  return 0;
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "Waits",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = free};
  return &env;
}
