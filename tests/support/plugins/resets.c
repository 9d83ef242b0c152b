// A plugin whose resets have two halves, and that wants to know its progress. An observation is
// [the most resets that were under way at once, over all instances, since the last one ended; the episode; env_steps]
// as of its reset. Episodes have 3 steps; reward = 1. "resets:fail" fails the second half of environment 1's reset into
// episode 1, once.
#include <corsac/env.h>
#include <stdlib.h>
#include <string.h>

static int under_way, most, failures;

struct resets {
  uint64_t index, episode, env_steps;
  int t, fails;
  float seen;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  (void)error, (void)error_size;
  spec->obs_dim = 3;
  spec->act_dim = 1;
  spec->max_episode_steps = 3;
  spec->action_low = low;
  spec->action_high = high;
  struct resets *self = calloc(1, sizeof *self);
  self->index = config->index;
  self->fails = strcmp(config->args, "fail") == 0;
  return self;
}

static void progress(void *data, uint64_t episode, uint64_t env_steps) {
  struct resets *self = data;
  self->episode = episode;
  self->env_steps = env_steps;
}

static int reset_begin(void *data, uint64_t seed) {
  (void)data, (void)seed;
  if (++under_way > most) most = under_way;
  return 0;
}

static void observe(const struct resets *self, float *obs) {
  obs[0] = self->seen;
  obs[1] = (float)self->episode;
  obs[2] = (float)self->env_steps;
}

static int reset_end(void *data, float *obs) {
  struct resets *self = data;
  self->seen = (float)most;
  if (--under_way == 0) most = 0;
  observe(self, obs);
  return self->fails && self->index == 1 && self->episode == 1 && failures++ == 0 ? -1 : 0;
}

static int reset(void *data, uint64_t seed, float *obs) {
  return reset_begin(data, seed) < 0 ? -1 : reset_end(data, obs);
}

static int step(void *data, const float *action, float *obs, double *reward) {
  (void)action;
  observe(data, obs);
  *reward = 1;
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "resets",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .reset_begin = reset_begin,
                                        .reset_end = reset_end,
                                        .progress = progress};
  return &env;
}
