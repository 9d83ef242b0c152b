// libcorsac_policy: acts with a trained policy in a program of yours. It needs HDF5 to read checkpoints, but neither
// MPI nor BLAS. Installed as <corsac/policy.h>.
//
//   char why[1024];
//   struct corsac_policy *policy = corsac_policy_load("runs/p1", why, sizeof why);
//   if (!policy) { fprintf(stderr, "%s\n", why); return 1; }
//   void *scratch = malloc(corsac_policy_scratch_size(policy));
//   ...
//   corsac_policy_act(policy, obs, action, scratch);              // once per step of a simulation or a controller
//
// obs (obs_dim) is what the environment gives, action (act_dim) lies within the environment's own bounds; the library
// normalises and scales as training did. The numbers are those of `corsac eval`, bit for bit, on any processor (up to
// rounding for a run with --backend openblas).
//
// A policy that was trained with --history K, K > 1, sees the newest K observations of an episode and the actions
// between them. A state holds these, and corsac_policy_step acts by it. It takes policies without a history, too:
//
//   void *state = malloc(corsac_policy_state_size(policy));       // one for each episode that runs, of each agent
//   ...
//   corsac_policy_reset(policy, state);                           // an episode begins
//   corsac_policy_step(policy, state, obs, action, scratch);      // once for each observation, in their order
//
// A policy never changes after it is loaded. Any number of threads may act with it at once, each with scratch memory
// and states of its own. Acting allocates nothing and stores nothing but a state. Loading is for one thread at a time,
// because HDF5 is.
#ifndef CORSAC_POLICY_H
#define CORSAC_POLICY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CORSAC_POLICY_ABI = 1 };
// The CORSAC_POLICY_ABI that the library was built with.
int corsac_policy_abi(void);

struct corsac_policy;
// Loads a checkpoint (ckpt-*.h5), best.h5, the newest good checkpoint of a run directory, or an .npz of `corsac
// export`. On failure it returns NULL and writes the reason into `why` (size bytes; may be NULL).
struct corsac_policy *corsac_policy_load(const char *path, char *why, size_t size);
// policy may be NULL.
void corsac_policy_free(struct corsac_policy *policy);

// Facts about a loaded policy. Pointers are valid until it is freed.
const char *corsac_policy_file(const struct corsac_policy *policy);   // that was read
const char *corsac_policy_env(const struct corsac_policy *policy);    // the environment that it was trained in
uint64_t corsac_policy_env_steps(const struct corsac_policy *policy); // that it was trained for
uint32_t corsac_policy_obs_dim(const struct corsac_policy *policy);
uint32_t corsac_policy_act_dim(const struct corsac_policy *policy);
const double *corsac_policy_action_low(const struct corsac_policy *policy);  // (act_dim)
const double *corsac_policy_action_high(const struct corsac_policy *policy); // (act_dim)
size_t corsac_policy_scratch_size(const struct corsac_policy *policy);       // bytes, of any alignment
uint32_t corsac_policy_history(const struct corsac_policy *policy);          // K observations; 1: no history
// Steps of the environment for which an action is held (--frame-skip); 1: the policy acts in every step. Whoever steps
// the environment holds it: the library acts at each observation that it gets, and a state counts these.
uint32_t corsac_policy_frame_skip(const struct corsac_policy *policy);

// Computes the deterministic action, the mode of the policy. Returns 0, or -1 and no action where a component of obs is
// not finite, or where the policy has a history: the three functions that have no state refuse each row then.
int corsac_policy_act(const struct corsac_policy *policy, const float *obs, float *action, void *scratch);
// The same for each of so many rows, such as the agents of one simulator: obs (rows x obs_dim), action (rows x
// act_dim). Returns the number of rows in which a component of obs is not finite; their actions are left alone.
size_t corsac_policy_act_many(const struct corsac_policy *policy, size_t rows, const float *obs, float *action,
                              void *scratch);
// Draws an action from the policy's distribution, as training does. It depends on obs, seed and counter alone (Philox),
// so each draw needs another counter.
int corsac_policy_sample(const struct corsac_policy *policy, const float *obs, uint64_t seed, uint64_t counter,
                         float *action, void *scratch);

// --- with a state, for a policy with or without a history ---

// Bytes of a state, a multiple of 4. A state has the alignment of a float. Its owner may copy it, save it with the
// simulation, and load it into another process that has the same policy.
size_t corsac_policy_state_size(const struct corsac_policy *policy);
// An episode begins, or that of the agent whose state it is: the obs of the next step is its first.
void corsac_policy_reset(const struct corsac_policy *policy, void *state);
// Computes the deterministic action at obs, the next observation of the episode. The state keeps obs and the action,
// which is taken to be applied. Without a history the action is that of corsac_policy_act. Returns 0, or -1 and no
// action where a component of obs is not finite; the state is then as before.
int corsac_policy_step(const struct corsac_policy *policy, void *state, const float *obs, float *action, void *scratch);
// The same with an action drawn as corsac_policy_sample does. It depends on the state, obs, seed and counter alone.
int corsac_policy_step_sample(const struct corsac_policy *policy, void *state, const float *obs, uint64_t seed,
                              uint64_t counter, float *action, void *scratch);
// The environment got another action than the one of the last step, such as one that a controller limited. Call it
// before the next step. action (act_dim) is in the environment's units; what is out of bounds is taken for the bound.
// Returns 0, or -1 where a component of it is not finite; the state is then as before.
int corsac_policy_applied(const struct corsac_policy *policy, void *state, const float *action);

#ifdef __cplusplus
}
#endif

#endif
