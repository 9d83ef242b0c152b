// A plugin that counts, with save and load. obs = [t, x]: t is the step of the episode, x a sum of the actions that
// starts at a fraction of the seed; reward = action - x. args: the length of an episode (default 10), at which it
// terminates.
#include <corsac/env.h>
#include <stdlib.h>
#include <string.h>

struct counter {
  double t, x, length;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-2}, high[1] = {6};
  (void)error, (void)error_size;
  spec->obs_dim = 2;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  struct counter *counter = calloc(1, sizeof *counter);
  if (counter) counter->length = *config->args ? atof(config->args) : 10;
  return counter;
}

static void observe(const struct counter *counter, float *obs) {
  obs[0] = (float)counter->t;
  obs[1] = (float)counter->x;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct counter *counter = self;
  counter->t = 0;
  counter->x = (double)(seed % 1000) / 1000;
  observe(counter, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct counter *counter = self;
  *reward = (double)action[0] - counter->x;
  counter->t += 1;
  counter->x += (double)action[0];
  observe(counter, obs);
  return counter->t >= counter->length ? CORSAC_TERMINATED : 0;
}

static int64_t save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(struct counter)) memcpy(buffer, self, sizeof(struct counter));
  return sizeof(struct counter);
}

static int load(void *self, const void *buffer, size_t size) {
  if (size != sizeof(struct counter)) return -1;
  memcpy(self, buffer, size);
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "counter",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load};
  return &env;
}
