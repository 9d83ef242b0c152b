// A plugin that does to its process what solvers do, in one of its calls: args CALL:WHAT, such as create:chdir. CALL is
// create, reset or step (the third of each episode). WHAT is one of
//   chdir (to /), umask (0777), limits (of file size, soft, to 1000 bytes), clearenv, flood (prints 64 KiB),
//   standard (closes stdio's streams), descriptors (closes 3 to 1023), all (closes 0 to 1023).
// obs is how far the action moved a point. Episodes have 20 steps.
#include <corsac/env.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct untidy {
  char call[16], what[32];
  int t;
  float x;
};

static void close_from(int first) {
  for (int file = first; file < 1024; file++) close(file);
}

static int change(const char *what) {
  struct rlimit limit;
  if (strcmp(what, "chdir") == 0) return chdir("/");
  if (strcmp(what, "umask") == 0) umask(0777);
  if (strcmp(what, "standard") == 0) return fclose(stdin) + fclose(stdout) + fclose(stderr);
  if (strcmp(what, "descriptors") == 0) close_from(3);
  if (strcmp(what, "all") == 0) close_from(0);
  if (strcmp(what, "clearenv") == 0) return clearenv();
  for (int i = 0; strcmp(what, "flood") == 0 && i < 1024; i++) printf("%063d\n", i);
  if (strcmp(what, "limits") == 0) {
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return -1;
    limit.rlim_cur = 1000;
    return setrlimit(RLIMIT_FSIZE, &limit);
  }
  return 0;
}

static int in(const struct untidy *untidy, const char *call) {
  return strcmp(untidy->call, call) == 0 ? change(untidy->what) : 0;
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1}, high[1] = {1};
  struct untidy *untidy = calloc(1, sizeof *untidy);
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->max_episode_steps = 20;
  spec->action_low = low;
  spec->action_high = high;
  if (!untidy || sscanf(config->args, "%15[a-z]:%31[a-z]", untidy->call, untidy->what) != 2) {
    snprintf(error, error_size, "args are CALL:WHAT");
    free(untidy);
    return NULL;
  }
  (void)in(untidy, "create");
  return untidy;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct untidy *untidy = self;
  untidy->t = 0;
  *obs = untidy->x = (float)(seed % 1000) / 1000;
  (void)in(untidy, "reset");
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct untidy *untidy = self;
  untidy->x += 0.1f * *action;
  *obs = untidy->x;
  *reward = -(double)untidy->x * (double)untidy->x;
  if (++untidy->t == 3) (void)in(untidy, "step");
  return 0;
}

static void destroy(void *self) { free(self); }

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "untidy",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy};
  return &env;
}
