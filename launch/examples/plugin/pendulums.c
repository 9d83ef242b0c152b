// Swings up a pendulum whose length and mass are its case: 5 observations, 1 action (the torque), 10 s.
//   gcc -shared -fPIC -O2 -I build/include pendulums.c -o pendulums.so -lm
//   corsac train --env ./pendulums.so --cases pendulums.txt --cases-per episode
// A case is a line such as `long length=1.3 mass=0.8`. The observation has both numbers: one policy acts in all cases.
#include <corsac/env.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pendulums {
  double angle, rate;  // from upright (rad), rad/s: all that changes in an episode
  double length, mass; // m, kg: of the case
  char error[160];
};
static const double low[1] = {-2}, high[1] = {2}; // N m

// Reads the numbers of a case. A word without '=' is its name.
static int read_case(struct pendulums *self, const char *args) {
  double length = 1, mass = 1;
  for (const char *word = args; *word; word += strcspn(word, " "), word += strspn(word, " ")) {
    char *end = "";
    const size_t size = strcspn(word, " ");
    if (!memchr(word, '=', size)) continue;
    if (strncmp(word, "length=", 7) == 0) length = strtod(word + 7, &end);
    if (strncmp(word, "mass=", 5) == 0) mass = strtod(word + 5, &end);
    if (end == word + size && length > 0.1 && length < 10 && mass > 0.1 && mass < 10) continue;
    snprintf(self->error, sizeof self->error, "\"%.80s\" is no case: NAME length=X mass=X, each from 0.1 to 10", args);
    return -1;
  }
  self->length = length, self->mass = mass;
  return 0;
}

// args: what --env has behind its ':', and the case where each environment has one.
static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  struct pendulums *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  spec->obs_dim = 5, spec->act_dim = 1;
  spec->max_episode_steps = 200;
  spec->action_low = low, spec->action_high = high;
  if (read_case(self, config->args) == 0) return self;
  snprintf(error, error_size, "%s", self->error);
  free(self);
  return NULL;
}

// Comes before each reset and each load, with the case of the episode.
static int set_case(void *data, const char *args) { return read_case(data, args); }

static void observe(const struct pendulums *self, float *obs) {
  obs[0] = (float)cos(self->angle), obs[1] = (float)sin(self->angle);
  obs[2] = (float)self->rate;
  obs[3] = (float)self->length, obs[4] = (float)self->mass;
}

// Everything random comes from the seed.
static int reset(void *data, uint64_t seed, float *obs) {
  struct pendulums *self = data;
  const double random = (double)((seed * 0x9E3779B97F4A7C15) >> 11) * 0x1p-53; // 0 to 1
  self->angle = acos(-1) * (2 * random - 1);
  self->rate = 0;
  observe(self, obs);
  return 0;
}

static int step(void *data, const float *action, float *obs, double *reward) {
  struct pendulums *self = data;
  const double torque = (double)action[0], inertia = self->mass * self->length * self->length / 3;
  const double angle = remainder(self->angle, 2 * acos(-1));
  *reward = -(angle * angle + 0.1 * self->rate * self->rate + 0.001 * torque * torque);
  self->rate += 0.05 * (self->mass * 9.81 * self->length / 2 * sin(self->angle) + torque) / inertia;
  self->rate = fmin(fmax(self->rate, -8), 8);
  self->angle += 0.05 * self->rate;
  observe(self, obs);
  return 0;
}

// Optional. The case needs no place in the state, since set_case comes before load.
static int64_t save(void *data, void *buffer, size_t size) {
  const struct pendulums *self = data;
  const double state[2] = {self->angle, self->rate};
  if (size >= sizeof state) memcpy(buffer, state, sizeof state);
  return sizeof state;
}

static int load(void *data, const void *buffer, size_t size) {
  struct pendulums *self = data;
  double state[2];
  if (size != sizeof state) return snprintf(self->error, sizeof self->error, "these are no saved pendulum"), -1;
  memcpy(state, buffer, sizeof state);
  self->angle = state[0], self->rate = state[1];
  return 0;
}

static const char *error(void *data) { return ((struct pendulums *)data)->error; }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "pendulums",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = free,
                                        .error = error,
                                        .save = save,
                                        .load = load,
                                        .set_case = set_case};
  return &env;
}
