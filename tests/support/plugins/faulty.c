// A plugin with the fault that args name: nan_bound, inverted_bounds, infinite_bound, no_bounds, huge_obs_dim,
// fail_reset, nan_reset, nan_reward, huge_reward, huge_obs, large_obs, unknown_flag. The faults of
// step appear at step 70.
#include <corsac/env.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTY_STEP = 70 };

struct faulty {
  char fault[32];
  double low, high;
  int t;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  (void)error, (void)error_size;
  struct faulty *faulty = calloc(1, sizeof *faulty);
  if (!faulty) return NULL;
  strncpy(faulty->fault, config->args, sizeof faulty->fault - 1);
  faulty->low = -1;
  faulty->high = 1;
  if (strcmp(faulty->fault, "nan_bound") == 0) faulty->low = NAN;
  if (strcmp(faulty->fault, "infinite_bound") == 0) faulty->high = INFINITY;
  if (strcmp(faulty->fault, "inverted_bounds") == 0) faulty->low = 1, faulty->high = -1;
  spec->obs_dim = strcmp(faulty->fault, "huge_obs_dim") == 0 ? 4000000000u : 1;
  spec->act_dim = 1;
  if (strcmp(faulty->fault, "no_bounds") != 0) spec->action_low = &faulty->low, spec->action_high = &faulty->high;
  return faulty;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct faulty *faulty = self;
  (void)seed;
  obs[0] = strcmp(faulty->fault, "nan_reset") == 0 ? NAN : 0;
  return strcmp(faulty->fault, "fail_reset") == 0 ? -1 : 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct faulty *faulty = self;
  obs[0] = action[0];
  *reward = 0;
  if (++faulty->t < FAULTY_STEP) return 0;
  if (strcmp(faulty->fault, "nan_reward") == 0) *reward = NAN;
  if (strcmp(faulty->fault, "huge_reward") == 0) *reward = faulty->t % 2 ? 3e38 : -3e38;
  if (strcmp(faulty->fault, "huge_obs") == 0) obs[0] = faulty->t % 2 ? 3e38f : -3e38f;
  if (strcmp(faulty->fault, "large_obs") == 0) obs[0] = faulty->t % 2 ? 1e25f : -1e25f; // its square is no float
  return strcmp(faulty->fault, "unknown_flag") == 0 ? 64 : 0;
}

static void destroy(void *self) { free(self); }

static const char *error(void *self) {
  return strcmp(((struct faulty *)self)->fault, "fail_reset") == 0 ? "the mesh is gone" : "";
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "faulty",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .error = error};
  return &env;
}
