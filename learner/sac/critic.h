// N critics Q_k(s, a): MLPs of one shape on [s | a], and their targets. The parameters of all critics stand in one
// array, critic after critic, so that one optimizer and one Polyak average cover them.
#ifndef CORSAC_LEARNER_SAC_CRITIC_H
#define CORSAC_LEARNER_SAC_CRITIC_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/nn/mlp.h"

struct critics {
  uint32_t count;   // N
  struct mlp net;   // obs_dim + act_dim -> hidden -> 1, with layer norm if asked for
  size_t size;      // count * net.parameters
  real *parameters; // (count x net.parameters)
  real *targets;    // the same
};

// As the configuration has them: hidden, critics, critic_layer_norm. Parameters are 0.
enum status critics_init(struct critics *critics, const struct tiles *tiles, const struct config *config,
                         uint32_t obs_dim, uint32_t act_dim, struct error *error);
void critics_release(struct critics *critics);

// The parameters of a new run; targets are a copy.
void critics_init_parameters(struct critics *critics, uint64_t seed);

// targets[begin..end) <- (1 - tau) targets + tau parameters
void critics_track(const struct critics *critics, double tau, size_t begin, size_t end);

// Rows on which the minimum of critics is taken, and what that leaves.
struct critics_rows {
  size_t count;
  const real *input;             // (count x (obs_dim + act_dim)) [s | a]
  const struct mlp_cache *cache; // (critics) gets the forward of each critic
  real *q;                       // (count) gets the minimum
  uint32_t *argmin;              // (count) gets its critic, the first on a tie; NULL: not wanted
  real *value;                   // (count) scratch
  real *packed;                  // (count * (width of dx + 1)) scratch of the gradient
  uint32_t *index;               // (count) scratch of the gradient
};

// q = min over k in which[0..count) of Q_k(input), by parameters or targets. The forward of critic which[i] stays in
// cache[i].
void critics_minimum(const struct critics *critics, const real *parameters, const uint32_t *which, uint32_t count,
                     const struct critics_rows *rows);

// mlp_transpose of every critic for one and the same first column.
struct critics_transposed {
  real *weights; // (critics x stride)
  size_t stride;
};

// Its backward: dx (count x (obs_dim + act_dim - first)) = d/dx min_k Q_k(x) of the columns of x from `first` on
// (obs_dim: the actions'), each row through its smallest critic only. It follows a critics_minimum of all critics in
// order, with argmin, and uses up the caches.
void critics_minimum_gradient(const struct critics *critics, const real *parameters,
                              const struct critics_transposed *transposed, const struct critics_rows *rows,
                              size_t first, real *dx);
#endif
