#include "learner/sac/network_init.h"
#include "common/nn/mlp_orthogonal.h"
#include "common/nn/mlp_sphere.h"

enum status network_init_parameters(const struct mlp *net, bool orthogonal, bool unit_weights, real *parameters,
                                    struct random *random, struct error *error) {
  const double root_2 = 1.4142135623730951;
  enum status status = STATUS_OK;
  if (orthogonal)
    status = mlp_init_orthogonal(net, net->residual ? 1 : root_2, parameters, random, error);
  else
    mlp_init_parameters(net, parameters, random);
  if (status == STATUS_OK && unit_weights) mlp_project(net, parameters, 0, 1);
  return status;
}
