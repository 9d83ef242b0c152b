// The networks of a checkpoint in double: what the policy would do at an observation, and what the critics think of it.
#ifndef CORSAC_LAUNCH_POLICY_REFERENCE_NETWORKS_H
#define CORSAC_LAUNCH_POLICY_REFERENCE_NETWORKS_H

#include "common/nn/policy.h"
#include "launch/policy/mlp_f64.h"
#include "learner/checkpoint/checkpoint_critics.h"

struct reference_networks {
  uint32_t obs_dim, act_dim, critics; // critics 0: the file has none
  double alpha;
  bool normalize;
  double *shift, *scale; // (obs_dim)
  struct mlp_f64 policy, *critic;
  double *input, *gradient; // (obs_dim + act_dim) scratch
};
// weights, info and config are the file's.
enum status reference_networks_read(struct reference_networks *networks, const char *file,
                                    const struct checkpoint_info *info, const struct config *config,
                                    const struct policy_weights *weights, struct error *error);
void reference_networks_release(struct reference_networks *networks);
// The state at which the rest answers: obs (obs_dim) as the environment gives it.
void reference_networks_observe(struct reference_networks *networks, const float *obs);
void reference_networks_head(struct reference_networks *networks,
                             double *head); // (2 act_dim): [mean | log_std], not clamped
double reference_networks_q(struct reference_networks *networks, uint32_t critic,
                            const double *action); // action (act_dim) in [-1,1]
// min_k Q_k(s, action); gradient (act_dim) with respect to action through the smallest critic, or NULL.
double reference_networks_minimum(struct reference_networks *networks, const double *action, double *gradient);
#endif
