// Forward and backward of networks with batch norm, residual blocks or RMS norm, of all rows of a batch by a team. With
// batch norm a row's result depends on all rows, so the members meet between the layers; without, each member computes
// its rows by itself. The bits do not depend on the number of members.
#ifndef CORSAC_COMMON_NN_MLP_PASS_H
#define CORSAC_COMMON_NN_MLP_PASS_H

#include "common/nn/batch_norm.h"
#include "common/nn/mlp.h"

// A batch. Members share one pass; each computes its share of the rows. Of the output only the rows head_begin ..
// head_begin + head_rows - 1 are computed, and in a backward only these rows of dy are read; that of the others is 0.
struct mlp_pass {
  size_t rows, head_begin, head_rows;
  const real *x; // (rows x input), a row every ldx reals
  size_t ldx;
  const struct mlp_cache *cache; // of `rows` rows
  real *y;                       // (rows x output) forward: gets the output
  const real *dy;                // (rows x output) backward: its gradient
  real *dx; // (rows x (input - first)) backward: gets the gradient of x; NULL: not wanted. Not with batch norm.
};

struct mlp_crew {
  unsigned member, members;
  void (*meet)(void *team); // returns when every member has called it; with one member it may be NULL
  void *team;
};
extern const struct mlp_crew mlp_alone; // one member

// The kind of a network's batch norms: FlashSAC's in residual networks, else XQC's.
struct batch_norm_kind mlp_batch_norm_kind(const struct mlp *mlp);

// y = mlp(x), batch norms by the statistics of the batch. statistics (mlp.statistics), the running ones, move towards
// them, unless NULL.
void mlp_pass_forward(const struct mlp *mlp, const real *parameters, real *statistics, const struct mlp_pass *pass,
                      const struct mlp_crew *crew);

// After a forward of the same pass: fills the cache for mlp_gradient_part, and dx. Batch norms leave the gradients of
// scale and shift in gradient (mlp.parameters; NULL where there are none). weights->first is 0 with batch norm.
void mlp_pass_backward(const struct mlp *mlp, const struct mlp_weights *weights, const struct mlp_pass *pass,
                       real *gradient, const struct mlp_crew *crew);
#endif
