// A plugin that breaks the rule of the ABI that args name (each use of `fault` below), and keeps all others: a walk on
// a line that ends when it is far from 0. The environment variables RULES_FLAGS and RULES_NAMELESS change its table.
#include <corsac/env.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct state {
  double x, v, t, unused;
};

struct rules {
  struct state state;
  char fault[32];
  double kept; // not cleared by a reset
  float begun;
  signed char *dirty; // one byte, never initialised
  const char *error;
};

static double shared; // all instances use it

static bool is(const struct rules *rules, const char *fault) { return strcmp(rules->fault, fault) == 0; }

static void crash(void) { raise(SIGSEGV); }

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  static const char *const names[2] = {"place", "speed"}, *const twice[2] = {"place", "place"};
  struct rules *rules = calloc(1, sizeof *rules);
  if (!rules) return NULL;
  snprintf(rules->fault, sizeof rules->fault, "%s", config->args);
  if (is(rules, "no_create") || is(rules, "no_create_reason")) {
    if (is(rules, "no_create")) snprintf(error, error_size, "the licence is gone");
    free(rules);
    return NULL;
  }
  spec->obs_dim = 3;
  spec->act_dim = 1;
  spec->max_episode_steps = is(rules, "endless") ? 0 : 100;
  spec->action_low = low;
  spec->action_high = high;
  static const uint8_t unknown[] = {CORSAC_INFO_LAST, 3};
  if (is(rules, "info_rules")) spec->info_rules = unknown;
  if (!is(rules, "no_info")) spec->info_dim = 2, spec->info_names = is(rules, "info_names") ? twice : names;
  if (is(rules, "write_spec")) memset(spec + 1, 1, 4);
  if (is(rules, "write_error")) memset(error, 'x', error_size + 1);
  if (is(rules, "leak_instance")) memset(malloc(1 << 16), 1, 1 << 16);
  if (is(rules, "crash_create")) crash();
  rules->dirty = malloc(1);
  return rules;
}

static void observe(const struct rules *rules, float *obs) {
  obs[0] = (float)rules->state.x;
  obs[1] = (float)rules->state.v;
  if (!is(rules, "unwritten")) obs[2] = (float)rules->state.t;
  if (is(rules, "nan_obs")) obs[1] = NAN;
  if (is(rules, "write_behind")) obs[3] = 0;
  if (is(rules, "write_before")) obs[-1] = 0;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct rules *rules = self;
  rules->state = (struct state){.x = (double)(seed * 0x9E3779B97F4A7C15 >> 11) * 0x1p-54};
  rules->kept += 1;
  if (is(rules, "keeps")) rules->state.v = rules->kept / 1000;
  if (is(rules, "address")) rules->state.v = (double)((uintptr_t)&shared >> 12 & 0xfff) / 4096;
  if (is(rules, "dirty")) rules->state.v = *rules->dirty;
  if (is(rules, "shared_count")) rules->state.v = (shared += 0.001);
  if (is(rules, "shared")) shared = 0;
  if (is(rules, "top_bits")) rules->state.x = (double)(seed >> 11) * 0x1p-53 - 0.5;
  if (is(rules, "no_seed")) rules->state.x = 0.25;
  if (is(rules, "leak")) memset(malloc(1 << 12), 1, 1 << 12);
  if (is(rules, "files") && open("/dev/null", O_RDONLY) < 0) return -1;
  if (is(rules, "exit")) exit(3);
  if (is(rules, "fail_reset")) return -5;
  observe(rules, obs);
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct rules *rules = self;
  struct state *s = &rules->state;
  s->v += 0.05 * (double)action[0];
  s->x += s->v;
  s->t += 0.01;
  if (is(rules, "shared")) s->x += shared += 0.001;
  if (!is(rules, "no_reward")) *reward = is(rules, "nan_reward") ? NAN : -s->x * s->x;
  if (is(rules, "write_reward")) reward[1] = 0;
  if (is(rules, "write_action")) ((float *)(uintptr_t)action)[1] = 0;
  if (s->t > 0.045 && is(rules, "crash")) crash();
  if (s->t > 0.045 && is(rules, "hang"))
    for (;;) pause();
  if (s->t > 0.045 && is(rules, "fail_step")) return rules->error = "the mesh folded", -1;
  observe(rules, obs);
  if (is(rules, "flags")) return 4;
  if (is(rules, "limit")) return s->t > 0.295 ? CORSAC_TERMINATED : 0;
  const bool ended = fabs(s->x) > 2 && !is(rules, "endless");
  if (ended && is(rules, "resets_itself")) reset(self, (uint64_t)(s->v * 1000), obs);
  return ended ? CORSAC_TERMINATED : 0;
}

static int step_begin(void *self, const float *action) {
  ((struct rules *)self)->begun = action[0];
  return 0;
}

static int step_end(void *self, float *obs, double *reward) {
  struct rules *rules = self;
  if (is(rules, "halves")) rules->begun /= 2;
  return step(self, &rules->begun, obs, reward);
}

static int64_t save(void *self, void *buffer, size_t size) {
  struct rules *rules = self;
  const size_t need = sizeof rules->state;
  if (is(rules, "save_never")) return 0;
  if (is(rules, "save_small") && size > 0) memcpy(buffer, &rules->state, size < need ? size : need);
  if (is(rules, "save_disturbs")) rules->state.v = 0;
  if (size < need) return is(rules, "save_size") ? 1 : (int64_t)need;
  memcpy(buffer, &rules->state, need);
  if (is(rules, "save_twice")) memcpy((char *)buffer + 24, &(double){rules->kept += 1}, sizeof(double));
  return (int64_t)need;
}

static int load(void *self, const void *buffer, size_t size) {
  struct rules *rules = self;
  if (is(rules, "load_never")) return rules->error = "not today", -1;
  if (is(rules, "load_crash") && size != sizeof rules->state) crash();
  if (size != sizeof rules->state && !is(rules, "load_all")) {
    rules->error = is(rules, "load_silent") ? "" : "a state of another size";
    return -1;
  }
  memcpy(&rules->state, buffer, size < sizeof rules->state ? size : sizeof rules->state);
  if (is(rules, "load_part")) rules->state.v = 0;
  return 0;
}

static void info(void *self, double *values) {
  struct rules *rules = self;
  values[0] = rules->state.x;
  if (!is(rules, "info_less")) values[1] = rules->state.v;
  if (is(rules, "info_more")) values[2] = 0;
}

static const char *error(void *self) { return ((struct rules *)self)->error; }

static void destroy(void *self) {
  if (is(self, "crash_destroy")) abort();
  free(((struct rules *)self)->dirty);
  free(self);
}

const struct corsac_env *corsac_env(void) {
  static struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                  .size = sizeof(struct corsac_env),
                                  .name = "rules",
                                  .create = create,
                                  .reset = reset,
                                  .step = step,
                                  .destroy = destroy,
                                  .error = error,
                                  .save = save,
                                  .load = load,
                                  .step_begin = step_begin,
                                  .step_end = step_end,
                                  .info = info};
  const char *flags = getenv("RULES_FLAGS");
  if (flags) env.flags = (uint32_t)atoi(flags);
  if (getenv("RULES_NAMELESS")) env.name = NULL;
  return &env;
}
