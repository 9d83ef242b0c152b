#include "launch/cli/update_cost.h"

#include "common/config/options.h"

#include <string.h>

// The widths of a network's layers: width[0] is its input, width[layers] its output.
struct network {
  int layers;
  double width[2 * CONFIG_MAX_HIDDEN + 3];
};

static struct network network(const struct config *config, double input, const struct config_widths *hidden,
                              double output) {
  const bool residual = strcmp(config->network, "residual") == 0;
  struct network net = {.width = {input}};
  if (residual) net.width[++net.layers] = hidden->width[0]; // the embedding
  for (uint32_t i = 0; i < hidden->count; i++) {
    if (residual) net.width[++net.layers] = (double)config->expansion * hidden->width[i];
    net.width[++net.layers] = hidden->width[i];
  }
  net.width[++net.layers] = output;
  return net;
}

// The last layer of a network on a joint batch needs `head` of its rows only.
static double forward(const struct network *net, double rows, double head) {
  double flop = 0;
  for (int l = 1; l <= net->layers; l++)
    flop += 2 * (l == net->layers ? head : rows) * net->width[l - 1] * net->width[l];
  return flop;
}

// Gradients of the weights take the products of a forward. Those of the layers' inputs take them without the first.
static double input_gradients(const struct network *net, double rows, double head) {
  return forward(net, rows, head) - 2 * rows * net->width[0] * net->width[1];
}

static double backward(const struct network *net, double rows, double head) {
  return forward(net, rows, head) + input_gradients(net, rows, head);
}

// Batch norm in the critics: one joint batch [s,a ; s',a'] of 2B rows. The policy with policy_joint: [s ; s'].
double update_flop(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  const bool categorical = strcmp(config->critic_loss, "categorical") == 0,
             critics_joint = strcmp(config->critic_norm, "batch") == 0,
             policy_joint = config->policy_joint && strcmp(config->policy_norm, "batch") == 0;
  const double batch = (double)config->batch_size, critics = (double)config->critics,
               targets = config->target_subset > 0 ? (double)config->target_subset : critics,
               critic_rows = critics_joint ? 2 * batch : batch, policy_rows = policy_joint ? 2 * batch : batch;
  const struct network policy = network(config, obs_dim, config_policy_hidden(config), 2.0 * act_dim),
                       critic = network(config, (double)obs_dim + act_dim, config_critic_hidden(config),
                                        categorical ? (double)config->value_atoms : 1);
  const double targets_half = forward(&policy, batch, batch) + targets * forward(&critic, critic_rows, batch),
               critics_half = critics * (forward(&critic, critic_rows, batch) + backward(&critic, critic_rows, batch));
  // dQ/da goes through the smallest critic of each row, and of its input only to the action.
  const double to_action = input_gradients(&critic, batch, batch) + 2 * batch * act_dim * critic.width[1],
               policy_half = forward(&policy, policy_rows, policy_rows) + critics * forward(&critic, batch, batch) +
                             to_action + backward(&policy, policy_rows, batch);
  return targets_half + critics_half + policy_half / (double)config->policy_delay;
}

double update_cost_of_step(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  struct config plain;
  options_defaults(&plain);
  const double utd = config->utd > 0 ? config->utd : 1;
  return utd * update_flop(config, obs_dim, act_dim) / update_flop(&plain, obs_dim, act_dim);
}
