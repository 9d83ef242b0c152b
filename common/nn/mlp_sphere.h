// Weights on the unit sphere (Lee et al. 2025, SimbaV2; XQC and FlashSAC have it too): after each step of the optimizer
//   every row of a weight           w <- w / |w|
//   of a residual network, of each batch norm   (scale, shift) <- (scale, shift) sqrt(width) / |(scale, shift)|
//   and of RMS norm                             gain <- gain sqrt(width) / |gain|
// Biases stay as they are.
#ifndef CORSAC_COMMON_NN_MLP_SPHERE_H
#define CORSAC_COMMON_NN_MLP_SPHERE_H

#include "common/nn/mlp.h"

// The layers are divided among members; each member projects its share. A row of zeros stays.
void mlp_project(const struct mlp *mlp, real *parameters, unsigned member, unsigned members);
#endif
