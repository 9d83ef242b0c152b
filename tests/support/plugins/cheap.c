// A plugin as cheap as Pendulum-v1 with the dimensions of HalfCheetah, for benchmarks: a rotor (theta, theta') that the
// mean of the actions turns. obs = [cos theta, sin theta, theta', and these again, damped]. Episodes have 200 steps.
#include <corsac/env.h>
#include <math.h>
#include <stdlib.h>

enum { OBS = 17, ACT = 6 };

struct rotor {
  double theta, speed;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[ACT] = {-1, -1, -1, -1, -1, -1}, high[ACT] = {1, 1, 1, 1, 1, 1};
  (void)config, (void)error, (void)error_size;
  spec->obs_dim = OBS;
  spec->act_dim = ACT;
  spec->max_episode_steps = 200;
  spec->action_low = low;
  spec->action_high = high;
  return calloc(1, sizeof(struct rotor));
}

static void observe(const struct rotor *rotor, float *obs) {
  const float now[3] = {(float)cos(rotor->theta), (float)sin(rotor->theta), (float)rotor->speed};
  for (int i = 0; i < OBS; i++) obs[i] = now[i % 3] / (float)(1 + i / 3);
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct rotor *rotor = self;
  rotor->theta = (double)(seed % 1000) / 1000 * 6.28 - 3.14;
  rotor->speed = 0;
  observe(rotor, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct rotor *rotor = self;
  double torque = 0;
  for (int i = 0; i < ACT; i++) torque += (double)action[i] / ACT;
  const double angle = remainder(rotor->theta, 2 * 3.14159265358979323846);
  *reward = -(angle * angle + 0.1 * rotor->speed * rotor->speed + 0.001 * torque * torque);
  rotor->speed = fmin(fmax(rotor->speed + 0.05 * (15 * sin(rotor->theta) + 6 * torque), -8), 8);
  rotor->theta += 0.05 * rotor->speed;
  observe(rotor, obs);
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "cheap",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
