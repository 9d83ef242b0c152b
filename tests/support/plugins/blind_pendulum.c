// The pendulum of Pendulum-v1 whose angular velocity is hidden: obs = [cos theta, sin theta]. args: "speed" shows it,
// as the third component; "long" shows it, too, and adds zeros up to 1,100 components. With save and load.
#include <corsac/env.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846, DT = 0.05;

struct pendulum {
  double theta, speed;
  uint32_t obs_dim;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[] = {-2}, high[] = {2};
  struct pendulum *pendulum = calloc(1, sizeof *pendulum);
  (void)error;
  (void)error_size;
  if (!pendulum) return NULL;
  pendulum->obs_dim = strcmp(config->args, "long") == 0 ? 1100 : strcmp(config->args, "speed") == 0 ? 3 : 2;
  spec->obs_dim = pendulum->obs_dim;
  spec->act_dim = 1;
  spec->max_episode_steps = 200;
  spec->action_low = low;
  spec->action_high = high;
  return pendulum;
}

static void observe(const struct pendulum *pendulum, float *obs) {
  memset(obs, 0, pendulum->obs_dim * sizeof *obs);
  obs[0] = (float)cos(pendulum->theta);
  obs[1] = (float)sin(pendulum->theta);
  if (pendulum->obs_dim > 2) obs[2] = (float)pendulum->speed;
}

// In [-1, 1).
static double draw(uint64_t *chance) {
  *chance = *chance * 6364136223846793005u + 1442695040888963407u;
  return (double)(*chance >> 33) / 1073741824.0 - 1;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct pendulum *pendulum = self;
  draw(&seed);
  pendulum->theta = PI * draw(&seed);
  pendulum->speed = draw(&seed);
  observe(pendulum, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct pendulum *pendulum = self;
  const double torque = (double)action[0], speed = pendulum->speed;
  const double angle = atan2(sin(pendulum->theta), cos(pendulum->theta));
  *reward = -(angle * angle + 0.1 * speed * speed + 0.001 * torque * torque);
  pendulum->speed = fmax(-8, fmin(8, speed + (15 * sin(pendulum->theta) + 3 * torque) * DT));
  pendulum->theta += pendulum->speed * DT;
  observe(pendulum, obs);
  return 0;
}

static int64_t save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(struct pendulum)) memcpy(buffer, self, sizeof(struct pendulum));
  return sizeof(struct pendulum);
}

static int load(void *self, const void *buffer, size_t size) {
  if (size != sizeof(struct pendulum)) return -1;
  memcpy(self, buffer, size);
  return 0;
}

static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                      .size = sizeof env,
                                      .name = "blind-pendulum",
                                      .create = create,
                                      .reset = reset,
                                      .step = step,
                                      .destroy = free,
                                      .save = save,
                                      .load = load};

const struct corsac_env *corsac_env(void) { return &env; }
