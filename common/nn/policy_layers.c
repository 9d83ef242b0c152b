#include "common/nn/policy_layers.h"

#include <stdio.h>

// Both heads are rows of one layer (2 act_dim x in): the weights of both come first, then the biases of both.
uint32_t policy_layers(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden,
                       struct policy_layer layer[POLICY_MAX_LAYERS]) {
  const uint32_t count = hidden->count;
  size_t used = 0;
  uint32_t in = obs_dim;
  for (uint32_t l = 0; l < count; l++) {
    const uint32_t out = hidden->width[l];
    layer[l] = (struct policy_layer){.in = in, .out = out, .weight = used, .bias = used + (size_t)in * out};
    snprintf(layer[l].name, sizeof layer[l].name, "layer%u", (unsigned)l);
    used = layer[l].bias + out;
    in = out;
  }
  const size_t head = (size_t)in * act_dim, biases = used + 2 * head;
  layer[count] = (struct policy_layer){"mean", in, act_dim, used, biases};
  layer[count + 1] = (struct policy_layer){"log_std", in, act_dim, used + head, biases + act_dim};
  return count + 2;
}

size_t policy_layers_size(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden) {
  struct policy_layer layer[POLICY_MAX_LAYERS];
  const uint32_t count = policy_layers(obs_dim, act_dim, hidden, layer);
  return layer[count - 1].bias + act_dim;
}
