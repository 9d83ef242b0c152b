// A trained network computed in double, plainly and a row at a time, so that rounding and blocking do not show.
// `corsac explain` and traces use it.
#ifndef CORSAC_LAUNCH_POLICY_MLP_F64_H
#define CORSAC_LAUNCH_POLICY_MLP_F64_H

#include "common/base/status.h"
#include "common/nn/mlp.h"

struct mlp_f64 {
  struct mlp shape;   // dense
  double *parameters; // (shape.parameters)
  double *memory;     // the arrays below lie in it
  struct mlp_f64_cache {
    double *h, *normal; // (out) the layer's output; its product, normalised
    double *r;          // (out) its output before the block's input is added: after norm and ReLU
    double *d, *dz;     // (out) gradients of the output and of the product
    double inverse;     // 1/sqrt(variance + eps)
  } cache[MLP_MAX_LAYERS];
  double *last, *d_last; // (in of the last layer) what RMS norm makes of the hidden layers, its gradient
  double last_inverse;
};
// dense: mlp_dense of a network without batch norm.
enum status mlp_f64_init(struct mlp_f64 *net, const struct mlp *dense, const float *parameters, struct error *error);
void mlp_f64_release(struct mlp_f64 *net);

// y = net(x): x (input), y (output)
void mlp_f64_forward(struct mlp_f64 *net, const double *x, double *y);

// dx (input) = dL/dx at the x of the last forward, from dy = dL/dy (output)
void mlp_f64_backward(struct mlp_f64 *net, const double *dy, double *dx);
#endif
