// The offsets of a policy network's numbers in policy_weights.values, by the names that files give them: layer0,
// layer1,
// ... (the hidden layers, each with ReLU), then mean and log_std, the two heads that read the last hidden layer.
#ifndef CORSAC_COMMON_NN_POLICY_LAYERS_H
#define CORSAC_COMMON_NN_POLICY_LAYERS_H

#include "common/config/config.h"
#include <stddef.h>
#include <stdint.h>

struct policy_layer {
  char name[16];
  uint32_t in, out;
  size_t weight, bias; // offsets: (out x in), (out)
};
enum { POLICY_MAX_LAYERS = CONFIG_MAX_HIDDEN + 2 };

// Fills the layers and returns their number, hidden->count + 2.
uint32_t policy_layers(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden,
                       struct policy_layer layer[POLICY_MAX_LAYERS]);

// The floats of all of them.
size_t policy_layers_size(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden);
#endif
