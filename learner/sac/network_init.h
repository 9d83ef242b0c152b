// The parameters that a network of the update begins with.
#ifndef CORSAC_LEARNER_SAC_NETWORK_INIT_H
#define CORSAC_LEARNER_SAC_NETWORK_INIT_H

#include "common/base/status.h"
#include "common/nn/mlp.h"

// PyTorch's default, or orthogonal (gain sqrt 2 in dense networks, 1 in residual ones); then on the unit sphere, if
// asked for (mlp_sphere.h). STATUS_MEMORY.
enum status network_init_parameters(const struct mlp *net, bool orthogonal, bool unit_weights, real *parameters,
                                    struct random *random, struct error *error);
#endif
