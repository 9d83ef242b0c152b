// The C ABI that every environment implements, version 1. Installed as <corsac/env.h>; needs nothing but the C library.
//
// A plugin is a shared object that exports one symbol, corsac_env(). One process calls it from one thread.
//
// It shares the process with the host:
// - A call begins with the default floating-point environment (nearest, no flush to zero, no traps). What a call
// changes of it
//   lasts until the call returns.
// - The host sets back the handlers of TERM, INT, USR1, USR2, HUP and XCPU, the signal mask, the umask and limits. It
// does
//   not need the locale, the working directory and standard output to stay as they were.
// - exit, _exit, exec, MPI_Finalize, MPI_Abort and an error of MPI in a call, or a crash, are the end of the
// environment's
//   actor, which the host names. An environment that cannot go on returns a negative number instead.
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
enum { CORSAC_ONE_PER_PROCESS = 1 }; // flags of an environment: e.g. a solver with global state

struct corsac_env_config {
  uint32_t size;    // of this struct as the host knows it
  const char *id;   // what --env names, without the arguments
  const char *args; // the text after the first ':' of --env, or ""
  uint64_t index;   // which environment of the job
  int evaluation;   // 1: this instance evaluates, 0: it trains
  int comm;         // Fortran handle of the communicator the environment may compute on, -1 if it is alone
};

struct corsac_env_spec {
  uint32_t size; // set by the host; a plugin writes no further
  uint32_t obs_dim, act_dim;
  uint32_t max_episode_steps;             // 0: no limit of ours
  const double *action_low, *action_high; // (act_dim), finite, low < high, valid until destroy
  // named values beside the reward, for the columns info_NAME of metrics.csv; info below gives them
  uint32_t info_dim;             // 0 to CORSAC_MAX_INFO
  const char *const *info_names; // (info_dim) of a-z, 0-9 and _, at most 31 characters, valid until destroy
};

struct corsac_env {
  uint32_t abi, size, flags; // CORSAC_ENV_ABI, sizeof(struct corsac_env), CORSAC_ONE_PER_PROCESS or 0
  const char *name;
  void *(*create)(const struct corsac_env_config *, struct corsac_env_spec *, char *error, size_t error_size);
  int (*reset)(void *self, uint64_t seed, float *obs);                      // 0, or negative: failed
  int (*step)(void *self, const float *action, float *obs, double *reward); // flags, or negative: failed
  void (*destroy)(void *self);
  // optional, NULL where absent:
  const char *(*error)(void *self);                         // why the last call failed
  int64_t (*save)(void *self, void *buffer, size_t size);   // bytes it needs (buffer too small: no write); 0: cannot
  int (*load)(void *self, const void *buffer, size_t size); // 0, or negative: failed; maybe with no reset before
  int (*step_begin)(void *self, const float *action);       // start a step and return; step_end waits for it,
  int (*step_end)(void *self, float *obs, double *reward);  // so that several environments of one actor run at once
  void (*info)(void *self, double *values); // (info_dim) of the last step; what is not finite is left out
};

// action is in [low, high]; obs after the last step of an episode is the true final observation; the host resets.
// Later versions append members; `size` tells which are there.
const struct corsac_env *corsac_env(void); // the one symbol a plugin exports

#ifdef __cplusplus
}
#endif

#endif
