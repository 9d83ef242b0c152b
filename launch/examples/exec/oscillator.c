// A damped oscillator to be brought to rest by a force, in a program with its own main loop.
//   gcc oscillator.c -I build/include build/lib/libcorsac_sim.a -o oscillator
//   ./oscillator                                                      alone: random forces
//   corsac train --env 'exec:./oscillator'
#include <corsac/sim.h>
#include <stdio.h>
#include <stdlib.h>

static const double DT = 0.05, STIFFNESS = 1, DAMPING = 0.1;

int main(void) {
  const double low[] = {-1}, high[] = {1};
  const char *const names[] = {"energy"};
  const struct corsac_sim_spec spec = {.size = sizeof spec,
                                       .name = "oscillator",
                                       .obs_dim = 2,
                                       .act_dim = 1,
                                       .max_episode_steps = 100,
                                       .action_low = low,
                                       .action_high = high,
                                       .info_dim = 1,
                                       .info_names = names};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  int next = sim ? CORSAC_SIM_BEGIN : -1;
  while (next == CORSAC_SIM_BEGIN) { // an episode
    double x = (double)(corsac_sim_seed(sim) >> 11) * 0x1p-53 * 2 - 1, v = 0;
    float obs[2] = {(float)x, (float)v}, action;
    next = corsac_sim_begin(sim, obs, &action);
    while (next == CORSAC_SIM_ACT) { // a step
      const double force = (double)action;
      for (int i = 0; i < 4; i++) {
        v += DT / 4 * (force - STIFFNESS * x - DAMPING * v);
        x += DT / 4 * v;
      }
      obs[0] = (float)x;
      obs[1] = (float)v;
      const double energy = (v * v + STIFFNESS * x * x) / 2, reward = -energy - 0.01 * force * force;
      corsac_sim_info(sim, &energy);
      next = corsac_sim_step(sim, obs, reward, energy > 10 ? CORSAC_TERMINATED : 0, &action);
    }
  }
  corsac_sim_close(sim);
  return next == CORSAC_SIM_STOP ? EXIT_SUCCESS : EXIT_FAILURE;
}
