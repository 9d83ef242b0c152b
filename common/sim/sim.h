// A simulator with its own main loop as an environment: four functions, in libcorsac_sim (no MPI, no BLAS, nothing but
// the C library). Installed as <corsac/sim.h>.
//
//   struct corsac_sim *sim = corsac_sim_open(&spec);
//   int next = sim ? CORSAC_SIM_BEGIN : -1;
//   while (next == CORSAC_SIM_BEGIN) {              // an episode
//     ... put the simulation at its start; everything random in it comes from corsac_sim_seed(sim) ...
//     next = corsac_sim_begin(sim, obs, action);
//     while (next == CORSAC_SIM_ACT) {
//       ... advance it with this action ...
//       next = corsac_sim_step(sim, obs, reward, flags, action);
//     }
//   }
//   corsac_sim_close(sim);
//
// `corsac train --env 'exec:./simulator arguments'` starts the program as a child of an actor, in the actor's working
// directory; CORSAC_INDEX and CORSAC_EVALUATION in its environment say which instance it is. Started by hand, without
// corsac, it gets random actions within the bounds: CORSAC_EPISODES of them (10), from CORSAC_SEED (0), one line on
// stderr for each. With CORSAC_POLICY=FILE it gets those of the policy that corsac trained (a checkpoint, a run
// directory, an .npz): libcorsac_policy.so is opened then, beside libcorsac_sim.so, where the loader looks, or where
// CORSAC_POLICY_LIBRARY says.
//
// One process opens one simulator and calls it from one thread at a time; of an MPI program one rank does.
#ifndef CORSAC_COMMON_SIM_SIM_H
#define CORSAC_COMMON_SIM_SIM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CORSAC_FLAGS // in corsac/env.h, too
#define CORSAC_FLAGS
enum { CORSAC_TERMINATED = 1, CORSAC_TRUNCATED = 2 }; // flags of a step, which end the episode
#endif

// What begin and step return; negative: failed, with the reason on stderr.
enum {
  CORSAC_SIM_ACT = 0,   // action is set: make a step with it
  CORSAC_SIM_BEGIN = 1, // the episode is over, because flags said so or corsac cut it: begin the next
  CORSAC_SIM_STOP = 2   // no more is wanted: close, and end the program
};

struct corsac_sim_spec {
  uint32_t size;    // sizeof(struct corsac_sim_spec)
  const char *name; // of the task; NULL: none
  uint32_t obs_dim, act_dim;
  uint32_t max_episode_steps;             // then corsac truncates; 0: no limit
  const double *action_low, *action_high; // (act_dim), finite, low < high
  uint32_t info_dim;                      // at most 16: values that only get reported, as columns of metrics.csv
  const char *const *info_names;          // (info_dim) of a-z, 0-9 and _, at most 31 characters
};

struct corsac_sim;
// Returns when the first episode is wanted (or at once when alone). NULL: failed, says why on stderr. What spec points
// to may go afterwards.
struct corsac_sim *corsac_sim_open(const struct corsac_sim_spec *spec);
// The first observation (obs_dim) of an episode; action (act_dim) is set to the first action, in [low, high].
int corsac_sim_begin(struct corsac_sim *sim, const float *obs, float *action);
// What came of the last action: the observation (with flags: the true final one), the reward, and CORSAC_TERMINATED
// (the task is over: nothing comes after it), CORSAC_TRUNCATED (only stopped here) or 0. NaN fails the episode.
int corsac_sim_step(struct corsac_sim *sim, const float *obs, double reward, int flags, float *action);
// The seed of the episode that is to begin.
uint64_t corsac_sim_seed(const struct corsac_sim *sim);
// Before a step: the values (info_dim) that belong to it.
void corsac_sim_info(struct corsac_sim *sim, const double *values);
// Instead of begin or step: the simulation cannot go on, and why. corsac tells it, and starts the program anew; close
// and end it. Returns a negative number. NULL: instead of open, the program cannot even begin.
int corsac_sim_fail(struct corsac_sim *sim, const char *why);
void corsac_sim_close(struct corsac_sim *sim); // NULL is fine

#ifdef __cplusplus
}
#endif

#endif
