// A plugin whose steps have two halves. obs = [the most steps that were under way at once, over all instances, since a
// step last ended]; reward = 1.
#include <corsac/env.h>
#include <stdlib.h>

static int under_way, most;

struct overlap {
  int t;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  (void)config, (void)error, (void)error_size;
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->max_episode_steps = 4;
  spec->action_low = low;
  spec->action_high = high;
  return calloc(1, sizeof(struct overlap));
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)self, (void)seed;
  obs[0] = 0;
  return 0;
}

static int step_begin(void *self, const float *action) {
  (void)self, (void)action;
  if (++under_way > most) most = under_way;
  return 0;
}

static int step_end(void *self, float *obs, double *reward) {
  (void)self;
  obs[0] = (float)most;
  *reward = 1;
  if (--under_way == 0) most = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  return step_begin(self, action) < 0 ? -1 : step_end(self, obs, reward);
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "overlap",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .step_begin = step_begin,
                                        .step_end = step_end};
  return &env;
}
