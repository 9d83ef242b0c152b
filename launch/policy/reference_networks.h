// The networks of a checkpoint in double: what the policy does at an observation, and how the critics value it.
#ifndef CORSAC_LAUNCH_POLICY_REFERENCE_NETWORKS_H
#define CORSAC_LAUNCH_POLICY_REFERENCE_NETWORKS_H

#include "common/nn/policy.h"
#include "launch/policy/mlp_f64.h"
#include "learner/checkpoint/checkpoint_critics.h"

struct reference_networks {
  uint32_t input_dim, act_dim, critics; // input_dim: of an observation, or history; critics 0: the file has none
  double alpha;
  bool normalize;
  double *shift, *scale; // (input_dim)
  struct mlp_f64 policy, *critic;
  struct log_std_form form;
  double value_min, value_max; // of a categorical critic
  double *logits;              // (outputs of a critic) scratch: its logits, then the gradient of Q by them
  double *input, *gradient;    // (input_dim + act_dim) scratch
};

// Reads the critics of `file`, whose info, config and policy weights are given.
enum status reference_networks_read(struct reference_networks *reference, const char *file,
                                    const struct checkpoint_info *info, const struct config *config,
                                    const struct policy_weights *weights, struct error *error);
void reference_networks_release(struct reference_networks *reference);

// Sets the input of all calls below (input_dim), made of observations as the environment gives them.
void reference_networks_observe(struct reference_networks *reference, const float *input);

// Fills head (2 act_dim): [mean | log_std], as the network gives it (form).
void reference_networks_head(struct reference_networks *reference, double *head);

// Fills slope (input_dim): how far each number of the input, normalised, moves the mean,
//
//   slope_j = sqrt(sum_i (d mean_i / d input_j)^2)
//
// where reference_networks_head was called last. head: (2 act_dim) scratch.
void reference_networks_slope(struct reference_networks *reference, double *head, double *slope);

// Returns Q_critic(s, action); action (act_dim) in [-1, 1].
double reference_networks_q(struct reference_networks *reference, uint32_t critic, const double *action);

// Returns min_k Q_k(s, action). Fills gradient (act_dim), unless it is NULL, with the derivative by the action through
// the smallest critic.
double reference_networks_minimum(struct reference_networks *reference, const double *action, double *gradient);
#endif
