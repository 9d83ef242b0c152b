// Swings a pole up on a cart and holds it there: 5 observations, 1 action (the push), 10 s of simulated time.
//   gcc -shared -fPIC -O2 -I build/include cart_pole.c -o cart_pole.so -lm
//   corsac train --env ./cart_pole.so            the pole's length after a colon: ./cart_pole.so:0.7
#include <corsac/env.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The cart's position x (m), the pole's angle from upright (rad), and their rates: all that changes in an episode.
struct state {
  double x, v, angle, rate;
};
struct cart_pole {
  struct state state;
  double length; // of the pole, half of it (m)
  char error[128];
};
static const double low[1] = {-10}, high[1] = {10}; // N
static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  char *end = "";
  const double length = *config->args ? strtod(config->args, &end) : 0.5;
  if (*end || !(length > 0.01 && length < 100)) {
    snprintf(error, error_size, "the pole's length must be a number from 0.01 to 100, not \"%s\"", config->args);
    return NULL;
  }
  spec->obs_dim = 5, spec->act_dim = 1;
  spec->max_episode_steps = 500; // then the host truncates: not a termination, learning bootstraps
  spec->action_low = low, spec->action_high = high;
  struct cart_pole *self = calloc(1, sizeof *self);
  if (self) self->length = length;
  return self;
}

static void observe(const struct state *s, float *obs) {
  obs[0] = (float)s->x, obs[1] = (float)s->v;
  obs[2] = (float)cos(s->angle); // no jump at a full turn
  obs[3] = (float)sin(s->angle);
  obs[4] = (float)s->rate;
}

// Everything random comes from the seed: the pole hangs, a little off.
static int reset(void *data, uint64_t seed, float *obs) {
  struct state *s = &((struct cart_pole *)data)->state;
  const double random = (double)((seed * 0x9E3779B97F4A7C15) >> 11) * 0x1p-53; // 0 to 1
  *s = (struct state){.angle = acos(-1) + 0.2 * (random - 0.5)};
  observe(s, obs);
  return 0;
}

// Cart 1 kg, pole 0.1 kg, no friction; four Euler steps of 5 ms.
static int step(void *data, const float *action, float *obs, double *reward) {
  struct cart_pole *self = data;
  struct state *s = &self->state;
  for (int i = 0; i < 4; i++) {
    const double c = cos(s->angle), sine = sin(s->angle), l = self->length;
    const double push = ((double)action[0] + 0.1 * l * s->rate * s->rate * sine) / 1.1;
    const double turn = (9.81 * sine - c * push) / (l * (4.0 / 3 - 0.1 * c * c / 1.1));
    s->v += 0.005 * (push - 0.1 * l * turn * c / 1.1);
    s->rate += 0.005 * turn;
    s->x += 0.005 * s->v;
    s->angle += 0.005 * s->rate;
  }
  *reward = cos(s->angle) - 0.05 * s->x * s->x - 0.001 * (double)action[0] * (double)action[0];
  observe(s, obs);
  return fabs(s->x) > 5 ? CORSAC_TERMINATED : 0; // off the rail
}

// Optional: with save and load a resumed run goes on in the middle of an episode.
static int64_t save(void *data, void *buffer, size_t size) {
  const struct cart_pole *self = data;
  if (size >= sizeof self->state) memcpy(buffer, &self->state, sizeof self->state);
  return sizeof self->state;
}

static int load(void *data, const void *buffer, size_t size) {
  struct cart_pole *self = data;
  if (size == sizeof self->state) return memcpy(&self->state, buffer, size), 0;
  snprintf(self->error, sizeof self->error, "a state has %zu bytes, not %zu", sizeof self->state, size);
  return -1;
}

static const char *error(void *data) { return ((struct cart_pole *)data)->error; }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "cart_pole",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = free,
                                        .error = error,
                                        .save = save,
                                        .load = load};
  return &env;
}
