// The C ABI that every environment implements, version 1. Installed as <corsac/env.h>. It needs only the C library.
//
// A plugin is a shared object that exports one symbol, corsac_env(). One process calls it from one thread.
//
// The plugin shares the process with the host:
// - Each call begins with the default floating-point environment: round to nearest, no flush to zero, no traps. A
//   plugin may change it until the call returns.
// - The host restores the handlers of TERM, INT, USR1, USR2, HUP and XCPU, the signal mask, the umask and limits. A
//   plugin may change the locale, the working directory and standard output; the host does not depend on them.
// - exit, _exit, exec, MPI_Finalize, MPI_Abort, an error of MPI and a crash end the actor of the environment, and the
//   host logs which environment it was. An environment that cannot go on returns a negative number instead.
#ifndef CORSAC_ENV_H
#define CORSAC_ENV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CORSAC_ENV_ABI = 1 };
#ifndef CORSAC_FLAGS // in corsac/sim.h, too
#define CORSAC_FLAGS
enum { CORSAC_TERMINATED = 1, CORSAC_TRUNCATED = 2 }; // flags that step returns
#endif
enum { CORSAC_MAX_INFO = 16 };
// What agent_flags says of an agent, beside CORSAC_TERMINATED and CORSAC_TRUNCATED.
#ifndef CORSAC_AGENTS // in corsac/sim.h, too
#define CORSAC_AGENTS
enum { CORSAC_ABSENT = 0, CORSAC_PRESENT = 4, CORSAC_MAX_AGENTS = 65536 };
#endif
// How a column of metrics.csv, and an evaluation, sums up a named value: its mean over steps, or its last or largest
// value of an episode.
#ifndef CORSAC_INFO_RULES // in corsac/sim.h, too
#define CORSAC_INFO_RULES
enum corsac_info_rule { CORSAC_INFO_MEAN = 0, CORSAC_INFO_LAST = 1, CORSAC_INFO_MAX = 2 };
#endif
enum { CORSAC_ONE_PER_PROCESS = 1 }; // flag of an environment that has global state

struct corsac_env_config {
  uint32_t size;    // of this struct as the host knows it
  const char *id;   // the value of --env without the arguments
  const char *args; // the text after the first ':' of --env, or ""; then a space and the environment's case (--cases)
  uint64_t index;   // of the environment in the job
  int evaluation;   // 1: this instance evaluates, 0: it trains
  int comm;         // Fortran handle of the communicator that the environment may compute on. -1: it is alone. A plugin
                    // that is linked with MPI then finds it started, and may compute on MPI_COMM_SELF
  // Where size says that the host has them, the next episode's number and the job's steps, as `progress` gets them. The
  // first instances of a resumed job are made before these are known: then they are 0.
  uint64_t episode, env_steps;
};

struct corsac_env_spec {
  uint32_t size; // set by the host; a plugin does not write past it
  uint32_t obs_dim, act_dim;
  uint32_t max_episode_steps; // after which the host truncates; 0: no limit
  // (act_dim), low < high, valid until destroy. Infinite ones need the host's --action-low and --action-high.
  const double *action_low, *action_high;
  // Names of the values that `info` gives beside the reward. metrics.csv has a column info_NAME for each.
  uint32_t info_dim;             // 0 to CORSAC_MAX_INFO
  const char *const *info_names; // (info_dim) of a-z, 0-9 and _, at most 31 characters, valid until destroy
  // Optional, where size says that the host has it: (info_dim) of enum corsac_info_rule, valid until destroy. NULL: all
  // are CORSAC_INFO_MEAN.
  const uint8_t *info_rules;
  // Like agents that share this instance and one policy, at most CORSAC_MAX_AGENTS; 0 or 1: one. Set it with
  // corsac_set_agents. Where there are several, every array of reset and step has a leading dimension: action
  // (agents x act_dim), obs (agents x obs_dim), reward (agents); the bounds are those of each agent. Instances of one
  // job may differ in it.
  uint32_t agents;
};

// Sets spec->agents. Returns 0; or -1, with the reason in `error`, where the host is older than agents: then create
// returns NULL.
static inline int corsac_set_agents(struct corsac_env_spec *spec, uint32_t agents, char *error, size_t error_size) {
  const char *text = "it has several agents, and this version of corsac knows only one: use a newer one";
  size_t i = 0;
  if (spec->size >= offsetof(struct corsac_env_spec, agents) + sizeof spec->agents) {
    spec->agents = agents;
    return 0;
  }
  if (agents <= 1) return 0;
  for (; text[i] && i + 1 < error_size; i++) error[i] = text[i];
  if (error_size > 0) error[i] = 0;
  return -1;
}

struct corsac_env {
  uint32_t abi, size, flags; // CORSAC_ENV_ABI, sizeof(struct corsac_env), CORSAC_ONE_PER_PROCESS or 0
  const char *name;
  void *(*create)(const struct corsac_env_config *, struct corsac_env_spec *, char *error, size_t error_size);
  int (*reset)(void *self, uint64_t seed, float *obs);                      // 0, or negative: failed
  int (*step)(void *self, const float *action, float *obs, double *reward); // flags, or negative: failed
  void (*destroy)(void *self);
  // Optional members, NULL where absent:
  const char *(*error)(void *self);                         // why the last call failed
  int64_t (*save)(void *self, void *buffer, size_t size);   // bytes needed (a smaller buffer is left alone); 0: cannot
  int (*load)(void *self, const void *buffer, size_t size); // 0, or negative: failed; a reset may not have come before
  // step in two halves, so that several environments of one actor compute at once: step_begin starts a step and
  // returns, step_end waits for its result.
  int (*step_begin)(void *self, const float *action);
  int (*step_end)(void *self, float *obs, double *reward);
  void (*info)(void *self, double *values); // (info_dim) of the last step; values that are not finite are ignored
  // reset in two halves, so that several environments of one actor reset at once: reset_begin starts a reset and
  // returns, reset_end waits for it and writes obs. Between the two only destroy may come.
  int (*reset_begin)(void *self, uint64_t seed);
  int (*reset_end)(void *self, float *obs);
  // Called before each reset: the number of the episode that begins, and the steps that the job has made, for
  // curricula. In sync mode env_steps is the steps of this environment times the number of environments. In async
  // mode it is what the learner told this actor last.
  void (*progress)(void *self, uint64_t episode, uint64_t env_steps);
  // Where the job has cases (--cases): called before each reset and each load, after progress, with the case of the
  // episode that begins or goes on: a line of the file, valid until the call returns. --cases-per episode needs it.
  int (*set_case)(void *self, const char *args); // 0, or negative: failed
  // Called after each reset and step of an instance with several agents: flags (agents), one of
  //
  //   CORSAC_PRESENT                          it acts in the next step; obs has its observation
  //   CORSAC_TERMINATED, CORSAC_TRUNCATED     it acted in this step, which was its last; obs has its last observation
  //   CORSAC_ABSENT                           obs and reward of it are ignored, and so is what it is told to do
  //
  // An agent leaves by one of the second line, and may be PRESENT again after any later step or reset: its episode
  // begins anew there. The flags that step returns are about the whole instance: they end the episode of each agent
  // that is PRESENT. NULL: all agents are always PRESENT.
  void (*agent_flags)(void *self, uint8_t *flags);
};

// The one symbol that a plugin exports. Actions are in [low, high]. obs after the last step of an episode is the true
// final observation; the host calls reset. Later versions append members, and `size` tells which exist.
const struct corsac_env *corsac_env(void);

#ifdef __cplusplus
}
#endif

#endif
