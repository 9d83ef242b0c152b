// plugins/cases.c as a program: each of the 10 steps of an episode has the number of the case as its reward. `told`: of
// what corsac_sim_case says; `fixed`: of the environment variable CORSAC_CASE, -1 where that is not there.
#include <corsac/sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int steps;

static int save(struct corsac_sim *sim, void *user) { return corsac_sim_put(sim, user, sizeof steps); }
static int load(struct corsac_sim *sim, void *user) { return corsac_sim_get(sim, user, sizeof steps); }

static double number(const char *text) {
  const char *at = text ? strstr(text, "k=") : NULL;
  return at ? strtod(at + 2, NULL) : -1;
}

int main(int argc, char **argv) {
  const double low[] = {-1}, high[] = {1};
  const int fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
  const struct corsac_sim_spec spec = {.size = sizeof spec,
                                       .name = "cases",
                                       .obs_dim = 2,
                                       .act_dim = 1,
                                       .action_low = low,
                                       .action_high = high,
                                       .save = save,
                                       .load = load,
                                       .user = &steps};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  int next = sim ? CORSAC_SIM_BEGIN : -1;
  while (next == CORSAC_SIM_BEGIN) {
    float obs[2] = {0, 0}, action;
    steps = 0;
    next = corsac_sim_begin(sim, obs, &action);
    while (next == CORSAC_SIM_ACT) {
      const double reward = number(fixed ? getenv("CORSAC_CASE") : corsac_sim_case(sim));
      obs[0] = (float)++steps / 10;
      next = corsac_sim_step(sim, obs, reward, steps == 10 ? CORSAC_TRUNCATED : 0, &action);
    }
  }
  corsac_sim_close(sim);
  return next == CORSAC_SIM_STOP ? EXIT_SUCCESS : EXIT_FAILURE;
}
