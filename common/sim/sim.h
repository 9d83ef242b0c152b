// Makes a simulator with a main loop of its own an environment of corsac, by four functions of libcorsac_sim. The
// library needs neither MPI nor BLAS, only the C library. Installed as <corsac/sim.h>.
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
// directory or in one of its own (--scratch). The environment variables CORSAC_INDEX and CORSAC_EVALUATION tell the
// program which instance it is, CORSAC_EPISODE and CORSAC_ENV_STEPS for which episode it is started and how many steps
// the job had made, CORSAC_DIRECTORY where corsac was started. With --cases, CORSAC_CASE is the case of this
// environment, and corsac_sim_case that of each episode.
//
// A program may play one episode and exit with status 0: when the episode is over, by its flags or because corsac cut
// it, corsac starts the program again for the next one.
//
// Started by hand, without corsac, the program plays CORSAC_EPISODES episodes (10) from CORSAC_SEED (0) and prints one
// line for each on stderr. Its actions are random, within the bounds. With CORSAC_POLICY=FILE they are those of a
// policy that corsac trained (a checkpoint, a run directory, an .npz). Then libcorsac_policy.so is opened: the one that
// CORSAC_POLICY_LIBRARY names, the one beside libcorsac_sim.so, or the one that the loader finds.
//
// With save and load in the spec, a run that is resumed goes on in the middle of an episode:
//
//   int save(struct corsac_sim *sim, void *user) { return corsac_sim_put(sim, user, sizeof(struct state)); }
//   int load(struct corsac_sim *sim, void *user) { return corsac_sim_get(sim, user, sizeof(struct state)); }
//
// corsac_sim_begin and corsac_sim_step call save while they wait for the next action. The state is everything that the
// steps to come depend on, other than corsac_sim_seed. The main loop stays as it is: to load a state, corsac asks for a
// new episode, as after any other. The program puts the simulation at its start, and corsac_sim_begin calls load, which
// replaces that start by the state.
//
// One process opens one simulator and calls it from one thread at a time. Of an MPI program one rank does so.
#ifndef CORSAC_COMMON_SIM_SIM_H
#define CORSAC_COMMON_SIM_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CORSAC_FLAGS // in corsac/env.h, too
#define CORSAC_FLAGS
enum { CORSAC_TERMINATED = 1, CORSAC_TRUNCATED = 2 }; // flags of a step, which end the episode
#endif

#ifndef CORSAC_AGENTS // in corsac/env.h, too
#define CORSAC_AGENTS
enum { CORSAC_ABSENT = 0, CORSAC_PRESENT = 4, CORSAC_MAX_AGENTS = 65536 };
#endif

// How a column of metrics.csv, and an evaluation, sums up a named value: its mean over steps, or its last or largest
// value of an episode.
#ifndef CORSAC_INFO_RULES // in corsac/env.h, too
#define CORSAC_INFO_RULES
enum corsac_info_rule { CORSAC_INFO_MEAN = 0, CORSAC_INFO_LAST = 1, CORSAC_INFO_MAX = 2 };
#endif

// What begin and step return. A negative number means failure; the reason is on stderr.
enum {
  CORSAC_SIM_ACT = 0,   // action is set: make a step with it
  CORSAC_SIM_BEGIN = 1, // the episode is over, by its flags or because corsac cut it: begin the next one
  CORSAC_SIM_STOP = 2   // corsac is done: close, and end the program
};

struct corsac_sim;

struct corsac_sim_spec {
  uint32_t size;    // sizeof(struct corsac_sim_spec)
  const char *name; // of the task; NULL: none
  uint32_t obs_dim, act_dim;
  uint32_t max_episode_steps;             // after which corsac truncates; 0: no limit
  const double *action_low, *action_high; // (act_dim), low < high; infinite ones need --action-low and --action-high
  uint32_t info_dim;                      // at most 16: values that are only reported, as columns of metrics.csv
  const char *const *info_names;          // (info_dim) of a-z, 0-9 and _, at most 31 characters
  const uint8_t *info_rules;              // (info_dim) of enum corsac_info_rule; NULL: all are CORSAC_INFO_MEAN
  // Both, or neither. save puts the state and load gets it, in the same order. Each returns 0, or a negative number
  // where it cannot; corsac_sim_fail before that tells why. A save that fails costs the resume its running episode, and
  // nothing else. A save that returns a positive number says that there is no state now, which is nothing to report.
  int (*save)(struct corsac_sim *sim, void *user);
  int (*load)(struct corsac_sim *sim, void *user);
  void *user; // is given to save and load
  // Like agents that share this simulator and one policy; 0 or 1: one. Of several, obs and action below have a row for
  // each: (agents x obs_dim), (agents x act_dim); the bounds are those of each agent. At most CORSAC_MAX_AGENTS, and
  // 2^20 numbers in obs or action.
  uint32_t agents;
};

// Returns when corsac wants the first episode (at once where there is no corsac). Copies all that spec points to.
// Returns NULL on failure; the reason is on stderr.
struct corsac_sim *corsac_sim_open(const struct corsac_sim_spec *spec);

// Gives the first observation (obs_dim) of an episode and gets the first action (act_dim), in [low, high].
int corsac_sim_begin(struct corsac_sim *sim, const float *obs, float *action);

// Gives the result of the last action and gets the next one. obs is the true final observation where flags end the
// episode: CORSAC_TERMINATED (the task is over, nothing comes after it) or CORSAC_TRUNCATED (it only stops here). Other
// flags are 0. NaN fails the episode.
int corsac_sim_step(struct corsac_sim *sim, const float *obs, double reward, int flags, float *action);

// Of several agents: gives what the next corsac_sim_begin or corsac_sim_step goes with. Call it before that. rewards
// (agents): of that step; NULL: each agent gets the step's `reward`. flags (agents): CORSAC_PRESENT for an agent that
// acts next; CORSAC_TERMINATED or CORSAC_TRUNCATED for one whose last step this was; CORSAC_ABSENT for one that is not
// there, whose rows are ignored. NULL, or without this call: all are CORSAC_PRESENT. <corsac/env.h> tells more. With
// one agent, its reward is the step's, and its end is the episode's.
void corsac_sim_agents(struct corsac_sim *sim, const double *rewards, const uint8_t *flags);

// The seed of the episode that begins next, and then of that episode. Of a loaded episode it is the one that the
// episode had when it was saved.
uint64_t corsac_sim_seed(const struct corsac_sim *sim);

// For curricula: the number of the episode that begins next, and the steps that the job has made when it begins.
// Without corsac: the episodes and the steps of this program. In sync mode the steps are those of this environment
// times the number of environments. In async mode they are what the learner told this actor last.
uint64_t corsac_sim_episode(const struct corsac_sim *sim);
uint64_t corsac_sim_env_steps(const struct corsac_sim *sim);

// With --cases: the case of the episode that begins next, and then of that episode: a line of the file, whose first
// word is its name. "" where there are no cases. It is valid until the next call of begin or step. Of a loaded episode
// it is the one that the episode had. Without corsac it is the environment variable CORSAC_CASE.
const char *corsac_sim_case(const struct corsac_sim *sim);

// Gives the values (info_dim) of the next corsac_sim_step. Call it before that step.
void corsac_sim_info(struct corsac_sim *sim, const double *values);

// corsac_sim_put, in save, appends bytes to the state, which may have 512 MiB. corsac_sim_get, in load, takes as many
// off its front. Each returns 0, or a negative number on failure. A caller need not look at it: after a failure the
// save or load itself fails with a message. A load that gets another number of bytes than save has put fails, too.
int corsac_sim_put(struct corsac_sim *sim, const void *bytes, size_t size);
int corsac_sim_get(struct corsac_sim *sim, void *bytes, size_t size);

// In load: how many bytes are left to get.
size_t corsac_sim_left(const struct corsac_sim *sim);

// The same for a restart file that the program has written: its content goes into the state, and so into the
// checkpoint. load gets it into a file of any path and reads that. The program may remove its files after both.
int corsac_sim_put_file(struct corsac_sim *sim, const char *path);
int corsac_sim_get_file(struct corsac_sim *sim, const char *path);

// 1: corsac_sim_begin will call load. Then the program may leave out what puts the simulation at its start, if that
// takes long, and obs may be anything. 0: it will not.
int corsac_sim_resumes(const struct corsac_sim *sim);

// Instead of begin or step: reports that the simulation cannot go on, and why. corsac logs the reason and starts the
// program anew. Close the simulator and end the program after it. With sim NULL, instead of open: the program cannot
// even begin. In save or load: why that fails. Returns a negative number.
int corsac_sim_fail(struct corsac_sim *sim, const char *why);

// NULL is fine.
void corsac_sim_close(struct corsac_sim *sim);

#ifdef __cplusplus
}
#endif

#endif
