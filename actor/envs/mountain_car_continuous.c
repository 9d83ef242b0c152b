// MountainCarContinuous-v0: a car in a valley, too weak to drive straight up, has to swing itself out. As Gymnasium
// defines it:
//
//   v += 0.0015 u - 0.0025 cos(3 x), |v| <= 0.07;  x += v, x in [-1.2, 0.6]; at the left wall v >= 0;  |u| <= 1
//   done at x >= 0.45 with v >= 0;  reward = (100 if done) - 0.1 u^2
//   obs = [x, v];  reset: x in [-0.6, -0.4], v = 0;  999 steps
//
// x and v are kept as float32; the arithmetic between is double except where Gymnasium (with NumPy 2) computes in
// float32: 3 x, and x + v where v stands at its bound.
#include "actor/envs/registry.h"

#include "common/base/random.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MIN_POSITION = -1.2, MAX_POSITION = 0.6, MAX_SPEED = 0.07, GOAL = 0.45, POWER = 0.0015,
                    GRAVITY = 0.0025;
static const double action_low[1] = {-1}, action_high[1] = {1};

enum { STATE_VERSION = 1 };
struct car { // also what save writes
  uint64_t version;
  float position, velocity;
};

static void observe(const struct car *car, float *obs) {
  obs[0] = car->position;
  obs[1] = car->velocity;
}

static void *car_create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                        size_t error_size) {
  if (*config->args) {
    snprintf(error, error_size, "MountainCarContinuous-v0 takes no arguments, \"%s\" was given", config->args);
    return NULL;
  }
  spec->obs_dim = 2;
  spec->act_dim = 1;
  spec->max_episode_steps = 999;
  spec->action_low = action_low;
  spec->action_high = action_high;
  struct car *car = calloc(1, sizeof *car);
  if (!car)
    snprintf(error, error_size, "out of memory");
  else
    car->version = STATE_VERSION;
  return car;
}

static int car_reset(void *self, uint64_t seed, float *obs) {
  struct car *car = self;
  struct random random = random_stream(seed, RANDOM_RESET, 0, 0);
  car->position = (float)(-0.6 + 0.2 * random_uniform(&random));
  car->velocity = 0;
  observe(car, obs);
  return 0;
}

static int car_step(void *self, const float *action, float *obs, double *reward) {
  struct car *car = self;
  double u = (double)action[0], force = fmin(fmax(u, -1), 1);
  double velocity = (double)car->velocity + (force * POWER - GRAVITY * cos((double)(3 * car->position)));
  bool at_bound = fabs(velocity) > MAX_SPEED;
  if (at_bound) velocity = copysign(MAX_SPEED, velocity);
  double position = at_bound ? (double)(car->position + (float)velocity) : (double)car->position + velocity;
  if (position > MAX_POSITION) position = MAX_POSITION;
  if (position < MIN_POSITION) position = MIN_POSITION;
  if (position == MIN_POSITION && velocity < 0) velocity = 0;
  bool done = position >= GOAL && velocity >= 0;
  *reward = (done ? 100.0 : 0.0) - u * u * 0.1;
  car->position = (float)position;
  car->velocity = (float)velocity;
  observe(car, obs);
  return done ? CORSAC_TERMINATED : 0;
}

static void car_destroy(void *self) { free(self); }

static int64_t car_save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(struct car)) memcpy(buffer, self, sizeof(struct car));
  return sizeof(struct car);
}

static int car_load(void *self, const void *buffer, size_t size) {
  struct car saved;
  if (size != sizeof saved) return -1;
  memcpy(&saved, buffer, sizeof saved);
  if (saved.version != STATE_VERSION || !isfinite(saved.position) || !isfinite(saved.velocity)) return -1;
  *(struct car *)self = saved;
  return 0;
}

static const char *car_error(void *self) {
  (void)self;
  // load is the one call that can fail
  return "the bytes are not a saved state of this version of MountainCarContinuous-v0";
}

const struct corsac_env env_mountain_car_continuous = {.abi = CORSAC_ENV_ABI,
                                                       .size = sizeof(struct corsac_env),
                                                       .name = "MountainCarContinuous-v0",
                                                       .create = car_create,
                                                       .reset = car_reset,
                                                       .step = car_step,
                                                       .destroy = car_destroy,
                                                       .error = car_error,
                                                       .save = car_save,
                                                       .load = car_load};
