// A plugin that fails now and then: every third episode of an environment fails at its step 4, the others end after 6
// steps. args say how: return, nan, or create (the next instance cannot be created either); "return:2" fails in
// environment 2 only. obs = [number of the environment's episode, step in it], reward = 1.
#include <corsac/env.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENVIRONMENTS = 64, EVERY = 3, FAILS_AT = 4, LENGTH = 6 };

struct flaky {
  char way[16];
  int bad, t;
  uint64_t index;
};

// Of the process, by environment, so that a new instance counts on.
static int episodes[ENVIRONMENTS], refused[ENVIRONMENTS];

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  const uint64_t index = config->index % ENVIRONMENTS;
  if (refused[index]) {
    refused[index] = 0;
    strncpy(error, "the licence is taken", error_size - 1);
    return NULL;
  }
  spec->obs_dim = 2;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  struct flaky *flaky = calloc(1, sizeof *flaky);
  if (!flaky) return NULL;
  const char *colon = strchr(config->args, ':');
  const size_t length = colon ? (size_t)(colon - config->args) : strlen(config->args);
  if (length < sizeof flaky->way) memcpy(flaky->way, config->args, length);
  flaky->bad = !colon || (uint64_t)atoi(colon + 1) == config->index;
  flaky->index = index;
  return flaky;
}

static void observe(const struct flaky *flaky, float *obs) {
  obs[0] = (float)episodes[flaky->index];
  obs[1] = (float)flaky->t;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct flaky *flaky = self;
  (void)seed;
  flaky->t = 0;
  episodes[flaky->index]++;
  observe(flaky, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct flaky *flaky = self;
  (void)action;
  flaky->t++;
  observe(flaky, obs);
  *reward = 1;
  if (flaky->bad && episodes[flaky->index] % EVERY == 0 && flaky->t == FAILS_AT) {
    refused[flaky->index] = strcmp(flaky->way, "create") == 0;
    if (strcmp(flaky->way, "nan") != 0) return -1;
    obs[1] = NAN;
  }
  return flaky->t == LENGTH ? CORSAC_TERMINATED : 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "flaky",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
