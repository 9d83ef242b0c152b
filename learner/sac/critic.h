// N critics Q_k(s, a): networks of one shape on [s | a], and their targets. The parameters of all critics stand in one
// array, critic after critic, so that one optimizer and one Polyak average cover them. The same holds of the running
// statistics of their batch norms.
#ifndef CORSAC_LEARNER_SAC_CRITIC_H
#define CORSAC_LEARNER_SAC_CRITIC_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/nn/mlp.h"
#include "learner/sac/critic_head.h"

struct critics {
  uint32_t count;   // N
  struct mlp net;   // critic_spec: obs_dim + act_dim -> head.outputs
  size_t size;      // count * net.parameters
  real *parameters; // (count x net.parameters)
  real *targets;    // the same
  real *statistics; // (count x net.statistics); nothing where there is no batch norm
  real *target_statistics;
  struct critic_head head;
  bool orthogonal, unit_weights; // how they begin, and that rows of weights have length 1

  // The critics as the policy's gradient sees them: by their running statistics (mlp_fold.h), by critics_fold. Where
  // there is no batch norm these are the net and the parameters themselves.
  struct mlp folded_net;
  real *folded;       // (count x folded_net.parameters)
  real *fold_scratch; // (count x mlp_fold_scratch)
};

// As the configuration has them. Parameters are 0.
enum status critics_init(struct critics *critics, const struct tiles *tiles, const struct config *config,
                         uint32_t obs_dim, uint32_t act_dim, struct error *error);
void critics_release(struct critics *critics);

// The parameters of a new run; targets are a copy.
enum status critics_init_parameters(struct critics *critics, uint64_t seed, struct error *error);

// targets[begin..end) <- (1 - tau) targets + tau parameters
void critics_track(const struct critics *critics, double tau, size_t begin, size_t end);

// Folds critic k, after its parameters or its statistics have changed.
void critics_fold(const struct critics *critics, size_t k);

// Rows on which the minimum of critics is taken, and what that leaves.
struct critics_rows {
  size_t count;
  const real *input;             // (count x (obs_dim + act_dim)) [s | a]
  const struct mlp_cache *cache; // (critics) gets the forward of each critic
  real *output;                  // (critics) arrays (count x head.outputs), a critic's `stride` reals behind the last
  size_t stride;
  real *q;          // (count) gets the minimum
  uint32_t *argmin; // (count) gets its critic's index in the list of critics, the first on a tie
  real *value;      // (count) scratch
  real *packed;     // (count * width of dx) scratch of the gradient
  uint32_t *index;  // (count) scratch of the gradient
};

// Which networks: the shape and the parameters of all critics.
struct critics_nets {
  const struct mlp *net;
  const real *parameters;
};

// q = min over k in which[0..count) of Q_k(input). The forward of critic which[j] stays in cache[j] and output j.
void critics_minimum(const struct critics *critics, struct critics_nets nets, const uint32_t *which, uint32_t count,
                     const struct critics_rows *rows);

// The second half of it: q and argmin from the outputs of `count` critics.
void critics_smallest(const struct critics *critics, uint32_t count, const struct critics_rows *rows);

// mlp_transpose of every critic for one and the same first column.
struct critics_transposed {
  real *weights; // (critics x stride)
  size_t stride;
};

// Its backward: dx (count x (obs_dim + act_dim - first)) = d/dx min_k Q_k(x) of the columns of x from `first` on
// (obs_dim: the actions'), each row through its smallest critic only. It follows a critics_minimum of all critics in
// order, and uses up caches and outputs.
void critics_minimum_gradient(const struct critics *critics, struct critics_nets nets,
                              const struct critics_transposed *transposed, const struct critics_rows *rows,
                              size_t first, real *dx);
#endif
