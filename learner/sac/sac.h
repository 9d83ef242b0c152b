// Soft Actor-Critic's update (Haarnoja et al. 2018; N critics and the minimum of a subset: REDQ, Chen et al. 2021), in
// a fixed order:
//
//   y       = scale r + discount (min_{k in subset} Qtarget_k(s', a') - alpha log pi(a'|s')),  a' ~ pi(.|s')
//   J_Q     = mean (Q_k(s, a) - y)^2, each k                        critics step
//   J_pi    = mean (alpha log pi(a_new|s) - min_k Q_k(s, a_new))    through the updated critics; the policy steps
//   J_alpha = -log_alpha mean(log pi + target_entropy)              log pi constant, the same one; alpha steps
//   targets <- (1 - tau) targets + tau critics                      right after the critics step
//
// The critics' targets may be categorical (critic_head.h). alpha steps with the policy, and every half of the update
// uses the alpha that it finds: both the one of before the update, unless the policy's half comes first.
//
// Parts of recipes, each an option: networks with batch norm see [s, a ; s', a'] as one batch (critics), s or [s ; s']
// (policy). Whatever only acts is folded (mlp_fold.h): a' and the critics in the policy's half. Learning rates follow a
// schedule, gradients may be clipped and weights projected on the unit sphere (sac_step.c), and the policy may step in
// each policy_delay-th update only.
#ifndef CORSAC_LEARNER_SAC_SAC_H
#define CORSAC_LEARNER_SAC_SAC_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/nn/networks.h"
#include "learner/sac/adam.h"
#include "learner/sac/critic.h"
#include "learner/sac/learning_rate.h"
#include "learner/sac/sac_batch.h"
#include "learner/sac/thread_team.h"

struct sac_losses {
  double critic_loss; // mean over critics of J_Q
  double policy_loss; // J_pi
  double alpha_loss;  // J_alpha
  double alpha;       // that this update used
  double entropy;     // -mean log pi(a_new|s)
  double q_mean;      // mean over critics and rows of Q_k(s, a), before the critics' step
  // The updates that policy_loss, alpha_loss and entropy stand for in a mean: policy_delay, or 0 in an update without a
  // step of the policy, where they are 0.
  double policy_weight;
};

struct sac {
  uint32_t obs_dim, act_dim, batch_size, target_subset;
  double tau, reward_scale, target_entropy;
  uint64_t policy_delay; // updates for each step of the policy and of alpha
  bool policy_first;     // the policy's half comes first
  bool policy_joint;     // the policy's batch norms see [s ; s']
  double gradient_clip;  // 0: off
  bool unit_weights, orthogonal;
  struct learning_rate_schedule schedule;
  struct log_std_form log_std;
  bool auto_alpha;
  double fixed_alpha; // where alpha is not automatic

  struct mlp policy_net;   // policy_spec on the configuration's backend
  real *policy;            // (policy_net.parameters)
  real *policy_statistics; // (policy_net.statistics)
  struct mlp acting_net;   // policy_network(): the folded policy, which is the policy itself without batch norm
  real *acting;            // (acting_net.parameters)
  real *fold_scratch;      // (mlp_fold_scratch)
  struct critics critics;  // with their targets
  bool transposed;         // the critics' transposed weights match their parameters; sac_refresh clears it
  double log_alpha;

  struct adam policy_adam, critics_adam;
  struct adam_scalar alpha_adam;
  uint64_t updates; // made so far

  struct thread_team *team; // not owned
  struct sac_scratch *scratch;
};

// An alpha with which rewards count for nothing, in whatever units an environment has them.
#define SAC_ALPHA_HIGH 1e4

// Allocates for batch_size rows and the team's members. Parameters are 0 until sac_init_parameters or a checkpoint
// fills them. STATUS_USAGE: no policy reaches the target entropy.
enum status sac_init(struct sac *sac, const struct config *config, uint32_t obs_dim, uint32_t act_dim,
                     struct thread_team *team, struct error *error);
void sac_release(struct sac *sac);

// The parameters of a new run: stream RANDOM_INIT, 0 the policy, 1 + k critic k.
enum status sac_init_parameters(struct sac *sac, uint64_t seed, struct error *error);

// Whoever else has written parameters or statistics calls this: it makes anew what follows from them.
void sac_refresh(struct sac *sac);

// The rows of the next update, to be filled by the caller.
struct sac_batch *sac_batch(struct sac *sac);

// Fills the batch's noise, noise_next and subset for update number `updates` from the seed's streams.
void sac_draw(struct sac *sac, uint64_t seed);

// Makes one update from sac_batch, and counts it. The result has the same bits for the same number of team members, and
// on tiles for any number. No allocation. STATUS_FAILED, with the likeliest reason: a loss, a gradient, a second moment
// of Adam's or log_alpha is not finite; the parameters may have changed already.
enum status sac_update(struct sac *sac, struct sac_losses *losses, struct error *error);

// The gradients of the last update, laid out as sac->policy and critics.parameters, for tests.
const real *sac_policy_gradient(const struct sac *sac);
const real *sac_critics_gradient(const struct sac *sac);
#endif
