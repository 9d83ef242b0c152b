// A policy that corsac has trained, in a program of yours: libcorsac_policy (no MPI, no BLAS; it reads checkpoints with
// HDF5). Installed as <corsac/policy.h>.
//
//   char why[1024];
//   struct corsac_policy *policy = corsac_policy_load("runs/p1", why, sizeof why);
//   if (!policy) { fprintf(stderr, "%s\n", why); return 1; }
//   void *scratch = malloc(corsac_policy_scratch_size(policy));
//   ...
//   corsac_policy_act(policy, obs, action, scratch);              // once per step of a simulation or a controller
//
// obs (obs_dim) as the environment gave it in training, action (act_dim) in the environment's own bounds: what was
// normalised and scaled in training is so here. The numbers are those of `corsac eval`, bit for bit, on any processor
// (of a run with --backend openblas: up to rounding).
//
// A policy does not change after it is loaded: any number of threads may act with it at once, each with a scratch of
// its own. Acting allocates nothing and keeps nothing. Only loading is for one thread at a time where the program uses
// HDF5 elsewhere too.
#ifndef CORSAC_POLICY_H
#define CORSAC_POLICY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CORSAC_POLICY_ABI = 1 };
int corsac_policy_abi(void); // of the library: CORSAC_POLICY_ABI

struct corsac_policy;
// path: a checkpoint (ckpt-*.h5), best.h5, a run directory (its newest good checkpoint), or an .npz of `corsac export`.
// NULL: failed; why says what is wrong and what would be right, cut off to `size` bytes (why may be NULL).
struct corsac_policy *corsac_policy_load(const char *path, char *why, size_t size);
void corsac_policy_free(struct corsac_policy *policy); // NULL is fine

// Of a loaded policy; what is pointed at lives as long as it.
const char *corsac_policy_file(const struct corsac_policy *policy);   // which was read
const char *corsac_policy_env(const struct corsac_policy *policy);    // the environment it was trained in
uint64_t corsac_policy_env_steps(const struct corsac_policy *policy); // ... for so many steps
uint32_t corsac_policy_obs_dim(const struct corsac_policy *policy);
uint32_t corsac_policy_act_dim(const struct corsac_policy *policy);
const double *corsac_policy_action_low(const struct corsac_policy *policy);  // (act_dim)
const double *corsac_policy_action_high(const struct corsac_policy *policy); // (act_dim)
size_t corsac_policy_scratch_size(const struct corsac_policy *policy);       // bytes, of any alignment

// The deterministic action, the mode of the policy. Returns 0; -1 where a component of obs is not finite, and action
// is not set.
int corsac_policy_act(const struct corsac_policy *policy, const float *obs, float *action, void *scratch);
// An action drawn from the policy's distribution, as in training: a function of obs, seed and counter alone (Philox),
// so another counter for each draw.
int corsac_policy_sample(const struct corsac_policy *policy, const float *obs, uint64_t seed, uint64_t counter,
                         float *action, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
