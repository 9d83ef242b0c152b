// A trained network computed in double, plainly, a row at a time: to explain and to trace, where rounding and blocking
// should not be in the way.
#ifndef CORSAC_LAUNCH_POLICY_MLP_F64_H
#define CORSAC_LAUNCH_POLICY_MLP_F64_H

#include "common/base/status.h"
#include "common/nn/mlp.h"

struct double_net {
  struct mlp shape;   // dense
  double *parameters; // (shape.parameters)
  double *memory;     // what the pointers below stand in
  struct double_cache {
    double *h, *normal; // (out) the layer's output after ReLU; its product, normalised
    double inverse;     // 1/sqrt(variance + eps)
  } cache[MLP_MAX_LAYERS];
  double *gradient[2]; // (widest layer)
};
enum status double_net_init(struct double_net *net, const struct mlp *dense, const float *parameters,
                            struct error *error);
void double_net_release(struct double_net *net);
// y = net(x): x (input), y (output)
void double_net_forward(struct double_net *net, const double *x, double *y);
// dx (input) = dL/dx of the last forward, from dy = dL/dy (output)
void double_net_backward(struct double_net *net, const double *dy, double *dx);
#endif
