// Batch norm with running statistics is a factor and an offset for each column, so it goes into the weights before it
// and behind it: the folded network has no batch norm and gives the same outputs. What only acts is folded: actors,
// evaluation, exports, and the critics that the policy's gradient goes through.
//
//   hidden layer   W' = diag(f) W,  b' = o          f, o: batch_norm_fold
//   first layer    W' = diag(f) W diag(f_in),  b' = o + f W o_in
#ifndef CORSAC_COMMON_NN_MLP_FOLD_H
#define CORSAC_COMMON_NN_MLP_FOLD_H

#include "common/nn/mlp.h"

// The shape of the folded network: the same network where there is no batch norm.
struct mlp mlp_folded(const struct mlp *mlp);

// folded (mlp_folded(mlp).parameters) gets the folded network's parameters, but for the padding, which must be 0.
// scratch: mlp_fold_scratch reals.
void mlp_fold(const struct mlp *mlp, const real *parameters, const real *statistics, real *scratch, real *folded);
size_t mlp_fold_scratch(const struct mlp *mlp);
#endif
