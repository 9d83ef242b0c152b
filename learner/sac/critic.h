// N critics Q_k(s, a): MLPs of one shape on [s | a], and their targets. Parameters of all critics stand in one flat
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
enum status critics_init(struct critics *critics, const struct tiles *tiles, uint32_t obs_dim, uint32_t act_dim,
                         const struct config_widths *hidden, uint32_t count, bool layer_norm, struct error *error);
void critics_release(struct critics *critics);
void critics_init_parameters(struct critics *critics, uint64_t seed); // targets = a copy
// targets[begin..end) <- (1 - tau) targets + tau parameters
void critics_track(const struct critics *critics, double tau, size_t begin, size_t end);
// q (rows) = min over the `count` critics listed in `which` of Q(x), with parameters or targets; x (rows x (obs_dim +
// act_dim)). argmin (rows) gets the critic of the smallest (the first on a tie), unless NULL. Critic which[i] leaves
// its forward in cache[i], for critics_minimum_gradient. value: (rows) scratch.
void critics_minimum(const struct critics *critics, const real *parameters, const uint32_t *which, uint32_t count,
                     size_t rows, const real *x, const struct mlp_cache *cache, real *value, real *q, uint32_t *argmin);
// dx (rows x (obs_dim + act_dim - first)) = d/dx min_k Q_k(x) of the columns of x from `first` on (obs_dim: the
// actions'), each row through its smallest critic only, after a critics_minimum of all critics in order, with argmin.
// transposed: each critic's mlp_transpose for `first`, `stride` reals from one to the next. Uses up the caches.
// scratch: rows * (obs_dim + act_dim - first + 1) reals; index: (rows).
void critics_minimum_gradient(const struct critics *critics, const real *parameters, const real *transposed,
                              size_t stride, size_t rows, const uint32_t *argmin, const struct mlp_cache *cache,
                              size_t first, real *scratch, uint32_t *index, real *dx);
#endif
