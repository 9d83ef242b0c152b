// Orthogonal initialisation (Saxe, McClelland and Ganguli 2014), as PyTorch and JAX have it: the rows of a weight, or
// its columns where there are fewer of them, are an orthonormal system drawn at random, times a gain.
#ifndef CORSAC_COMMON_NN_MLP_ORTHOGONAL_H
#define CORSAC_COMMON_NN_MLP_ORTHOGONAL_H

#include "common/base/status.h"
#include "common/nn/mlp.h"

// Weights orthogonal, hidden ones times gain, the output's times 1; biases 0, norm scales and gains 1, shifts 0. Draws
// normal numbers in layer order; the numbers are the same on each backend. STATUS_MEMORY.
enum status mlp_init_orthogonal(const struct mlp *mlp, double gain, real *parameters, struct random *random,
                                struct error *error);
#endif
