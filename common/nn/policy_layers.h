// Where the numbers of a policy network stand in policy_weights.values, by the names that files give them: layer0,
// layer1, ... (the hidden ones, each with ReLU), then the two heads that read the last of them, mean and log_std.
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
// Returns how many there are: hidden->count + 2.
uint32_t policy_layers(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden,
                       struct policy_layer layer[POLICY_MAX_LAYERS]);
size_t policy_layers_size(uint32_t obs_dim, uint32_t act_dim, const struct config_widths *hidden); // of values
#endif
