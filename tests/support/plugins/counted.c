// A random walk that counts its steps: counted.so:FILE[,PAUSE[,FAIL]]. FILE gets a 64-bit number for each environment
// of the job, so a test sees what was really made, even by an actor that died. A step takes PAUSE us. One step in FAIL
// fails and is not counted. Evaluations are not counted either.
#include <corsac/env.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { ENVIRONMENTS = 512 };

struct walk {
  float place;
  uint64_t random;
  unsigned pause, fail;
  _Atomic uint64_t *steps; // NULL: an evaluation, which is not counted
};

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low = -1, high = 1;
  char path[4096] = "";
  struct walk *walk = calloc(1, sizeof *walk);
  if (!walk || sscanf(config->args, "%4095[^,],%u,%u", path, &walk->pause, &walk->fail) < 1) goto failed;
  spec->obs_dim = spec->act_dim = 1;
  spec->max_episode_steps = 50;
  spec->action_low = &low;
  spec->action_high = &high;
  if (config->evaluation) return walk;
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0 || config->index >= ENVIRONMENTS || ftruncate(file, ENVIRONMENTS * sizeof *walk->steps) != 0)
    goto failed;
  void *memory = mmap(NULL, ENVIRONMENTS * sizeof *walk->steps, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) goto failed;
  walk->steps = (_Atomic uint64_t *)memory + config->index;
  return walk;
failed:
  snprintf(error, error_size, "cannot count in '%s'", path);
  free(walk);
  return NULL;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct walk *walk = self;
  walk->random = seed | 1;
  *obs = walk->place = 0;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct walk *walk = self;
  if (walk->pause) nanosleep(&(struct timespec){.tv_nsec = walk->pause * 1000L}, NULL);
  walk->random = walk->random * 6364136223846793005u + 1442695040888963407u;
  if (walk->fail && (walk->random >> 33) % walk->fail == 0) return -1;
  walk->place += 0.1f * *action;
  *obs = walk->place;
  *reward = -(double)walk->place * (double)walk->place;
  if (walk->steps) atomic_fetch_add(walk->steps, 1);
  return 0;
}

static void destroy(void *self) {
  struct walk *walk = self;
  if (walk->steps) munmap((void *)((uintptr_t)walk->steps & ~(uintptr_t)4095), ENVIRONMENTS * sizeof *walk->steps);
  free(walk);
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "counted",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
