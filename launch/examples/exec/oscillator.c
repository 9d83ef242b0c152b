// A damped oscillator to be brought to rest by a force, in a program with its own main loop.
//   gcc oscillator.c -I build/include build/lib/libcorsac_sim.a -o oscillator
//   ./oscillator                                                      alone: random forces
//   corsac train --env 'exec:./oscillator'
#include <corsac/sim.h>
#include <stdio.h>
#include <stdlib.h>

static const double DT = 0.05, STIFFNESS = 1, DAMPING = 0.1;

struct oscillator {
  double x, v;
};

// Optional: with save and load a resumed run goes on in the middle of an episode. The state is all that the next steps
// depend on. corsac calls save within begin and step, and load within begin.
static int save(struct corsac_sim *sim, void *user) { return corsac_sim_put(sim, user, sizeof(struct oscillator)); }
static int load(struct corsac_sim *sim, void *user) { return corsac_sim_get(sim, user, sizeof(struct oscillator)); }

int main(void) {
  const double low[] = {-1}, high[] = {1};
  const char *const names[] = {"energy"};
  struct oscillator o;
  const struct corsac_sim_spec spec = {.size = sizeof spec,
                                       .name = "oscillator",
                                       .obs_dim = 2,
                                       .act_dim = 1,
                                       .max_episode_steps = 100,
                                       .action_low = low,
                                       .action_high = high,
                                       .info_dim = 1,
                                       .info_names = names,
                                       .save = save,
                                       .load = load,
                                       .user = &o};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  int next = sim ? CORSAC_SIM_BEGIN : -1;
  while (next == CORSAC_SIM_BEGIN) { // an episode
    o.x = (double)(corsac_sim_seed(sim) >> 11) * 0x1p-53 * 2 - 1;
    o.v = 0;
    float obs[2] = {(float)o.x, (float)o.v}, action;
    next = corsac_sim_begin(sim, obs, &action);
    while (next == CORSAC_SIM_ACT) { // a step
      const double force = (double)action;
      for (int i = 0; i < 4; i++) {
        o.v += DT / 4 * (force - STIFFNESS * o.x - DAMPING * o.v);
        o.x += DT / 4 * o.v;
      }
      obs[0] = (float)o.x;
      obs[1] = (float)o.v;
      const double energy = (o.v * o.v + STIFFNESS * o.x * o.x) / 2, reward = -energy - 0.01 * force * force;
      corsac_sim_info(sim, &energy);
      next = corsac_sim_step(sim, obs, reward, energy > 10 ? CORSAC_TERMINATED : 0, &action);
    }
  }
  corsac_sim_close(sim);
  return next == CORSAC_SIM_STOP ? EXIT_SUCCESS : EXIT_FAILURE;
}
