// A plugin whose save breaks the rules. args: huge, negative, grow (each call wants a byte more than there is room
// for), or no-room (its process gets no more memory from then on). Episodes have 10 steps.
#include <corsac/env.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct bad_save {
  char how[16];
  int t;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  (void)error, (void)error_size;
  spec->obs_dim = spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  struct bad_save *self = calloc(1, sizeof *self);
  if (self) strncpy(self->how, config->args, sizeof self->how - 1);
  return self;
}

static int reset(void *self, uint64_t seed, float *obs) {
  (void)seed;
  ((struct bad_save *)self)->t = 0;
  obs[0] = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct bad_save *bad = self;
  obs[0] = (float)++bad->t;
  *reward = (double)action[0];
  return bad->t == 10 ? CORSAC_TERMINATED : 0;
}

static int64_t save(void *self, void *buffer, size_t size) {
  const char *how = ((struct bad_save *)self)->how;
  if (strcmp(how, "good") == 0) return size > 0 ? memset(buffer, 0, 1), 1 : 1;
  if (strcmp(how, "no-room") == 0) return setrlimit(RLIMIT_AS, &(struct rlimit){1, RLIM_INFINITY}) == 0 ? 8 : -6;
  return strcmp(how, "huge") == 0 ? INT64_MAX : strcmp(how, "negative") == 0 ? -5 : (int64_t)size + 1;
}

static int load(void *self, const void *buffer, size_t size) {
  (void)self, (void)buffer, (void)size;
  return -1;
}

static const char *reason(void *self) {
  (void)self;
  return "the mesh moves";
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "bad_save",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .error = reason,
                                        .save = save,
                                        .load = load};
  return &env;
}
