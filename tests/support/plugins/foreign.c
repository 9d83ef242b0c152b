// A plugin with the habits of another country. args: "comma" sets the process's locale to de_DE.UTF-8 in create, in
// every reset and in every 7th step. "create" and "step" fail there (step: in every episode's fifth), with a reason
// that would forge lines of the log and move a terminal's cursor. obs is a point that the action moves, reward its
// square.
#include <corsac/env.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 20, FAILS_AT = 5 };
static const char REASON[] = "red \033[31m\033]0;title\a\n15:00:00.000 0 error forged line\r\xff <script>";

struct foreign {
  char way[16];
  double x;
  int t;
};

static int is(const struct foreign *foreign, const char *way) { return strcmp(foreign->way, way) == 0; }

static void set_locale(const struct foreign *foreign) {
  if (!is(foreign, "comma") || setlocale(LC_ALL, "de_DE.UTF-8")) return;
  fprintf(stderr, "foreign.so: there is no locale de_DE.UTF-8\n");
  abort();
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[1] = {-1.5}, high[1] = {0.5};
  struct foreign *foreign = calloc(1, sizeof *foreign);
  if (!foreign) return NULL;
  snprintf(foreign->way, sizeof foreign->way, "%s", config->args);
  set_locale(foreign);
  if (is(foreign, "create")) {
    snprintf(error, error_size, "%s", REASON);
    free(foreign);
    return NULL;
  }
  spec->obs_dim = 1;
  spec->act_dim = 1;
  spec->max_episode_steps = LENGTH;
  spec->action_low = low;
  spec->action_high = high;
  return foreign;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct foreign *foreign = self;
  set_locale(foreign);
  foreign->t = 0;
  foreign->x = (double)(seed >> 11) * 0x1p-53;
  obs[0] = (float)foreign->x;
  return 0;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct foreign *foreign = self;
  if (++foreign->t % 7 == 0) set_locale(foreign);
  foreign->x += 0.1 * (double)action[0];
  obs[0] = (float)foreign->x;
  *reward = -foreign->x * foreign->x;
  return is(foreign, "step") && foreign->t == FAILS_AT ? -1 : 0;
}

static const char *why(void *self) {
  (void)self;
  return REASON;
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "foreign\n15:00:00.000 0 error forged name",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = free,
                                        .error = why};
  return &env;
}
