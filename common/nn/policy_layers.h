// The layers of a policy that acts, by the names that files give them: layer0, layer1, ... (the hidden layers), then
// mean and log_std, the two heads that read the last hidden layer. With RMS norm they read what it makes of that layer.
#ifndef CORSAC_COMMON_NN_POLICY_LAYERS_H
#define CORSAC_COMMON_NN_POLICY_LAYERS_H

#include "common/nn/mlp_arrays.h"

struct policy_layer {
  char name[16];
  uint32_t in, out;
  size_t weight, bias; // offsets into policy_weights.values: (out x in), (out)
  bool biased, relu;
  bool block_end; // adds the input of the layer before it to its own output, after ReLU
};
enum { POLICY_MAX_LAYERS = MLP_MAX_LAYERS + 1 };

// Fills the layers and returns their number. net: dense, without batch norm (mlp_dense of policy_network).
uint32_t policy_layers(const struct mlp *net, struct policy_layer layer[POLICY_MAX_LAYERS]);

// Both heads, for mlp_arrays of any policy.
void policy_heads(const struct mlp *net, struct mlp_head heads[MLP_MAX_HEADS]);
#endif
