// Five oscillators in a ring, each pushed by an action, with save and load. A step is sums and products of doubles, so
// it gives the same bits on every processor; with the C library's sin and cos it would not. args: nothing.
//   v += dt ((1 - x^2) v - x + a + (left - x)),  x += dt v;   reward = -sum x^2;   it terminates outside of [-3, 3]
//   obs = [x, v]
#include <corsac/env.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 5, LENGTH = 30 };

struct ring {
  double x[COUNT], v[COUNT];
  int64_t step;
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[COUNT] = {-1, -2, -3, -1, -0.5}, high[COUNT] = {1, 2, 1, 3, 0.5};
  (void)config, (void)error, (void)error_size;
  spec->obs_dim = 2 * COUNT;
  spec->act_dim = COUNT;
  spec->action_low = low;
  spec->action_high = high;
  return calloc(1, sizeof(struct ring));
}

static void observe(const struct ring *ring, float *obs) {
  for (int i = 0; i < COUNT; i++) {
    obs[i] = (float)ring->x[i];
    obs[COUNT + i] = (float)ring->v[i];
  }
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct ring *ring = self;
  memset(ring, 0, sizeof *ring);
  for (int i = 0; i < COUNT; i++) ring->x[i] = (double)(seed >> 8 * i & 255) / 128 - 1;
  observe(ring, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct ring *ring = self;
  const double dt = 0.1;
  double sum = 0, largest = 0;
  for (int i = 0; i < COUNT; i++) {
    const double x = ring->x[i], left = ring->x[(i + COUNT - 1) % COUNT];
    ring->v[i] += dt * ((1 - x * x) * ring->v[i] - x + (double)action[i] + (left - x));
  }
  for (int i = 0; i < COUNT; i++) {
    ring->x[i] += dt * ring->v[i];
    const double square = ring->x[i] * ring->x[i];
    sum += square;
    largest = square > largest ? square : largest;
  }
  *reward = -sum;
  observe(ring, obs);
  if (largest > 9) return CORSAC_TERMINATED;
  return ++ring->step >= LENGTH ? CORSAC_TRUNCATED : 0;
}

static int64_t save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(struct ring)) memcpy(buffer, self, sizeof(struct ring));
  return sizeof(struct ring);
}

static int load(void *self, const void *buffer, size_t size) {
  if (size != sizeof(struct ring)) return -1;
  memcpy(self, buffer, size);
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "oscillators",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load};
  return &env;
}
