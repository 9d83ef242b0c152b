#include "common/nn/policy_layers.h"
#include <assert.h>
#include <stdio.h>

void policy_heads(const struct mlp *net, struct mlp_head heads[MLP_MAX_HEADS]) {
  heads[0] = (struct mlp_head){"mean", net->output / 2};
  heads[1] = (struct mlp_head){"log_std", net->output / 2};
}

// Both heads are rows of one layer (2 act_dim x in): the weights of both come first, then the biases of both.
uint32_t policy_layers(const struct mlp *net, struct policy_layer layer[POLICY_MAX_LAYERS]) {
  const uint32_t count = net->layers - 1, act_dim = net->output / 2;
  assert(!net->tiles && !net->batch);
  for (uint32_t l = 0; l < count; l++) {
    const struct mlp_layer *from = &net->layer[l];
    layer[l] = (struct policy_layer){.in = from->in,
                                     .out = from->out,
                                     .weight = from->weight,
                                     .bias = from->bias,
                                     .biased = from->biased,
                                     .relu = from->relu,
                                     .block_end = from->block_end};
    snprintf(layer[l].name, sizeof layer[l].name, "layer%u", (unsigned)l);
  }
  const struct mlp_layer *last = &net->layer[count];
  layer[count] = (struct policy_layer){"mean", last->in, act_dim, last->weight, last->bias, true, false, false};
  layer[count + 1] = layer[count];
  snprintf(layer[count + 1].name, sizeof layer[count + 1].name, "log_std");
  layer[count + 1].weight += (size_t)last->in * act_dim;
  layer[count + 1].bias += act_dim;
  return count + 2;
}
