// A linear system of any size, for benchmarks. args "OBS,ACT[,MICROSECONDS]" (default 17,6,0); MICROSECONDS is the
// extra time of a step. tests/bench/baselines.py has the same system for Gymnasium.
//
//   s_i' = 0.95 s_i + 0.05 s_(i+1) + 0.1 a_(i mod ACT),  reward = -mean s'^2,  200 steps
#include <corsac/env.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_OBS = 4096, MAX_ACT = 256 };

struct linear {
  int obs_dim, act_dim, microseconds;
  double low[MAX_ACT], high[MAX_ACT], state[MAX_OBS + 1]; // state[obs_dim] is a copy of state[0]
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  struct linear *linear = calloc(1, sizeof *linear);
  if (!linear) return NULL;
  linear->obs_dim = 17;
  linear->act_dim = 6;
  const int read =
      *config->args ? sscanf(config->args, "%d,%d,%d", &linear->obs_dim, &linear->act_dim, &linear->microseconds) : 2;
  if (read < 2 || linear->obs_dim < 1 || linear->obs_dim > MAX_OBS || linear->act_dim < 1 ||
      linear->act_dim > MAX_ACT || linear->microseconds < 0) {
    snprintf(error, error_size, "args must be OBS,ACT[,MICROSECONDS], not \"%s\"", config->args);
    free(linear);
    return NULL;
  }
  for (int i = 0; i < linear->act_dim; i++) {
    linear->low[i] = -1;
    linear->high[i] = 1;
  }
  spec->obs_dim = (uint32_t)linear->obs_dim;
  spec->act_dim = (uint32_t)linear->act_dim;
  spec->max_episode_steps = 200;
  spec->action_low = linear->low;
  spec->action_high = linear->high;
  return linear;
}

static void observe(const struct linear *linear, float *obs) {
  for (int i = 0; i < linear->obs_dim; i++) obs[i] = (float)linear->state[i];
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct linear *linear = self;
  for (int i = 0; i < linear->obs_dim; i++)
    linear->state[i] = (double)((seed + (uint64_t)i) * 0x9E3779B97F4A7C15 >> 11) * 0x1p-52 - 1;
  observe(linear, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct linear *linear = self;
  double sum = 0, *s = linear->state;
  s[linear->obs_dim] = s[0];
  for (int i = 0; i < linear->obs_dim; i++) {
    s[i] = 0.95 * s[i] + 0.05 * s[i + 1] + 0.1 * (double)action[i % linear->act_dim];
    sum += s[i] * s[i];
  }
  *reward = -sum / linear->obs_dim;
  observe(linear, obs);
  if (linear->microseconds > 0) {
    const struct timespec time = {linear->microseconds / 1000000, linear->microseconds % 1000000 * 1000L};
    nanosleep(&time, NULL);
  }
  return 0;
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "linear",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = free};
  return &env;
}
