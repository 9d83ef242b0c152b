// An environment that shows which case it plays: each of the 10 steps of an episode has the case's number as its
// reward, so a return is 10 times the number. `k=2` in a case is the number, `dim=5` the length of the observation;
// set_case refuses one with `fail`. Where CASES_LOG is set, calls are appended to that file.
#include "common/env/env.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CASES_FLAGS
#define CASES_FLAGS 0
#endif

struct cases {
  double number;
  int steps, dim;
};
static const double low[1] = {-1}, high[1] = {1};

static void note(const char *call, const char *text) {
  const char *path = getenv("CASES_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file) return;
  fprintf(file, "%s %s\n", call, text);
  fclose(file);
}

static double find(const char *text, const char *key, double none) {
  const char *at = strstr(text, key);
  return at ? strtod(at + strlen(key), NULL) : none;
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error, size_t size) {
  (void)error, (void)size;
  struct cases *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  note("create", config->args);
  self->number = find(config->args, "k=", -1);
  self->dim = (int)find(config->args, "dim=", 2);
  spec->obs_dim = (uint32_t)self->dim;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  return self;
}

static int set_case(void *data, const char *args) {
  struct cases *self = data;
  note("set_case", args);
  self->number = find(args, "k=", -1);
  return strstr(args, "fail") ? -1 : 0;
}

static int observe(const struct cases *self, float *obs) {
  for (int i = 0; i < self->dim; i++) obs[i] = 0;
  obs[0] = (float)self->steps / 10;
  return self->steps == 10 ? CORSAC_TRUNCATED : 0;
}

static int reset(void *data, uint64_t seed, float *obs) {
  struct cases *self = data;
  (void)seed;
  note("reset", "");
  self->steps = 0;
  return observe(self, obs);
}

static int step(void *data, const float *action, float *obs, double *reward) {
  struct cases *self = data;
  (void)action;
  self->steps++;
  *reward = self->number;
  return observe(self, obs);
}

static int64_t save(void *data, void *buffer, size_t size) {
  const struct cases *self = data;
  if (size >= sizeof self->steps) memcpy(buffer, &self->steps, sizeof self->steps);
  return sizeof self->steps;
}

static int load(void *data, const void *buffer, size_t size) {
  struct cases *self = data;
  note("load", "");
  if (size != sizeof self->steps) return -1;
  memcpy(&self->steps, buffer, size);
  return 0;
}

static const char *why(void *data) {
  (void)data;
  return "this case is to fail";
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .flags = CASES_FLAGS,
                                        .name = "cases",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = free,
                                        .error = why,
                                        .save = save,
                                        .load = load,
                                        .set_case = set_case};
  return &env;
}
