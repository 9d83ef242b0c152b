// Soft Actor-Critic's update (Haarnoja et al. 2018; N critics and subset minimum: REDQ, Chen et al. 2021), exact and in
// a fixed order:
//
//   y       = scale r + discount (min_{k in subset} Qtarget_k(s', a') - alpha log pi(a'|s')),  a' ~ pi(.|s')
//   J_Q     = mean (Q_k(s, a) - y)^2, each k                        critics step
//   J_pi    = mean (alpha log pi(a_new|s) - min_k Q_k(s, a_new))    through the updated critics; the policy steps
//   J_alpha = -log_alpha mean(log pi + target_entropy)              log pi constant, the same one; alpha steps
//   targets <- (1 - tau) targets + tau critics
//
// Every loss uses alpha from before the update.
#ifndef CORSAC_LEARNER_SAC_SAC_H
#define CORSAC_LEARNER_SAC_SAC_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "learner/sac/adam.h"
#include "learner/sac/critic.h"
#include "learner/sac/thread_team.h"

// Rows that an update learns from. The arrays are sac's own (sac_batch), filled by the caller before sac_update.
struct sac_batch {
  size_t rows, width;       // width: obs_dim + act_dim, what a critic reads
  real *input;              // (rows x width) [s | a], s normalised, a in [-1,1]; the update writes a_new over a
  real *next_input;         // (rows x width) [s' | ], s' normalised; the update writes a' behind it
  real *reward, *discount;  // (rows)
  real *noise, *noise_next; // (rows x act_dim) N(0,1), for a_new and for a'
  uint32_t *subset;         // (target_subset) distinct critics that form the minimum in y
};

struct sac_losses {
  double critic_loss; // mean over critics of J_Q
  double policy_loss, alpha_loss;
  double alpha;   // that this update used
  double entropy; // -mean log pi(a_new|s)
  double q_mean;  // mean over critics and rows of Q_k(s, a), before the critics' step
};

struct sac {
  uint32_t obs_dim, act_dim, batch_size, target_subset;
  double tau, reward_scale, target_entropy;
  bool auto_alpha;
  double fixed_alpha;    // where it is not automatic
  struct mlp policy_net; // policy_network() on the configuration's backend
  real *policy;          // its parameters
  struct critics critics;
  bool transposed; // whether the critics' transposed weights are as the parameters: who writes these clears it
  double log_alpha;
  struct adam policy_adam, critics_adam;
  struct adam_scalar alpha_adam;
  uint64_t updates;
  struct thread_team *team; // not owned
  struct sac_scratch *scratch;
};

// A temperature beside which rewards are nothing, in whatever units an environment has them.
#define SAC_ALPHA_HIGH 1e4

// STATUS_USAGE: a target entropy that no policy reaches. Allocates for batch_size rows and the team's members;
// parameters are 0 until sac_init_parameters or a checkpoint fills them.
enum status sac_init(struct sac *sac, const struct config *config, uint32_t obs_dim, uint32_t act_dim,
                     struct thread_team *team, struct error *error);
void sac_release(struct sac *sac);
void sac_init_parameters(struct sac *sac, uint64_t seed); // stream init: environment 0 the policy, 1 + k critic k
struct sac_batch *sac_batch(struct sac *sac);
// noise, noise_next and subset of update number `sac->updates`, from the streams of the seed.
void sac_draw(struct sac *sac, uint64_t seed);
// One update from what stands in sac_batch. Counts it. STATUS_FAILED, naming it and the likeliest reason, if a loss, a
// gradient, a second moment of Adam's or log_alpha is not finite (all of them looked at in each update); the parameters
// may then already have been changed. The result is the same for the same number of team members, bit for bit, and on
// tiles for any number of them. No allocation.
enum status sac_update(struct sac *sac, struct sac_losses *losses, struct error *error);
// The gradients of the last update, laid out as sac->policy and critics.parameters, for tests.
const real *sac_policy_gradient(const struct sac *sac);
const real *sac_critics_gradient(const struct sac *sac);
#endif
