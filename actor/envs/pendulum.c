// Pendulum-v1: swing a pendulum up and hold it there, with a torque too weak to do it in one go. As Gymnasium defines
// it:
//
//   theta'' = 3 g/(2 l) sin(theta) + 3/(m l^2) u,  |u| <= 2, |theta'| <= 8
//   g = 10, m = l = 1, dt = 0.05, semi-implicit Euler
//   reward = -(theta^2 + 0.1 theta'^2 + 0.001 u^2), theta in [-pi, pi), all from before the step
//   obs = [cos theta, sin theta, theta'];  reset: theta in [-pi, pi], theta' in [-1, 1];  200 steps
#include "actor/envs/registry.h"

#include "common/base/random.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MAX_SPEED = 8, MAX_TORQUE = 2, DT = 0.05, GRAVITY = 10, MASS = 1, LENGTH = 1,
                    PI = 3.14159265358979323846;
static const double action_low[1] = {-2}, action_high[1] = {2};

enum { STATE_VERSION = 1 };
struct pendulum { // also what save writes
  uint64_t version;
  double theta, theta_dot;
};

static double clip(double x, double bound) { return fmin(fmax(x, -bound), bound); }

// Into [-pi, pi), with the remainder's sign that of the divisor.
static double normalize_angle(double x) {
  double remainder = fmod(x + PI, 2 * PI);
  return (remainder < 0 ? remainder + 2 * PI : remainder) - PI;
}

static void observe(const struct pendulum *pendulum, float *obs) {
  obs[0] = (float)cos(pendulum->theta);
  obs[1] = (float)sin(pendulum->theta);
  obs[2] = (float)pendulum->theta_dot;
}

static void *pendulum_create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                             size_t error_size) {
  if (*config->args) {
    snprintf(error, error_size, "Pendulum-v1 takes no arguments, \"%s\" was given", config->args);
    return NULL;
  }
  spec->obs_dim = 3;
  spec->act_dim = 1;
  spec->max_episode_steps = 200;
  spec->action_low = action_low;
  spec->action_high = action_high;
  struct pendulum *pendulum = calloc(1, sizeof *pendulum);
  if (!pendulum)
    snprintf(error, error_size, "out of memory");
  else
    pendulum->version = STATE_VERSION;
  return pendulum;
}

static int pendulum_reset(void *self, uint64_t seed, float *obs) {
  struct pendulum *pendulum = self;
  struct random random = random_stream(seed, RANDOM_RESET, 0, 0);
  pendulum->theta = -PI + 2 * PI * random_uniform(&random);
  pendulum->theta_dot = -1 + 2 * random_uniform(&random);
  observe(pendulum, obs);
  return 0;
}

static int pendulum_step(void *self, const float *action, float *obs, double *reward) {
  struct pendulum *pendulum = self;
  double theta = pendulum->theta, theta_dot = pendulum->theta_dot, u = clip((double)action[0], MAX_TORQUE);
  double angle = normalize_angle(theta);
  double cost = angle * angle + 0.1 * (theta_dot * theta_dot) + 0.001 * (u * u);
  double faster = theta_dot + (3 * GRAVITY / (2 * LENGTH) * sin(theta) + 3.0 / (MASS * LENGTH * LENGTH) * u) * DT;
  pendulum->theta_dot = clip(faster, MAX_SPEED);
  pendulum->theta = theta + pendulum->theta_dot * DT;
  observe(pendulum, obs);
  *reward = -cost;
  return 0;
}

static void pendulum_destroy(void *self) { free(self); }

static int64_t pendulum_save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(struct pendulum)) memcpy(buffer, self, sizeof(struct pendulum));
  return sizeof(struct pendulum);
}

static int pendulum_load(void *self, const void *buffer, size_t size) {
  struct pendulum saved;
  if (size != sizeof saved) return -1;
  memcpy(&saved, buffer, sizeof saved);
  if (saved.version != STATE_VERSION || !isfinite(saved.theta) || !isfinite(saved.theta_dot)) return -1;
  *(struct pendulum *)self = saved;
  return 0;
}

static const char *pendulum_error(void *self) {
  (void)self;
  return "the bytes are not a saved state of this version of Pendulum-v1"; // load is the one call that can fail
}

const struct corsac_env env_pendulum = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "Pendulum-v1",
                                        .create = pendulum_create,
                                        .reset = pendulum_reset,
                                        .step = pendulum_step,
                                        .destroy = pendulum_destroy,
                                        .error = pendulum_error,
                                        .save = pendulum_save,
                                        .load = pendulum_load};
