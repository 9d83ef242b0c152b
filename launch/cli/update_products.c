#include "launch/cli/update_products.h"

#include "common/nn/networks.h"
#include <string.h>

// The widths of a network's layers: width[0] is its input, width[layers] its output.
struct network {
  size_t layers, width[2 * CONFIG_MAX_HIDDEN + 3];
};

// The last layer needs `head` of all rows.
struct rows {
  size_t all, head;
};

static struct network network(const struct config *config, size_t input, const struct config_widths *hidden,
                              size_t output) {
  const bool residual = strcmp(config->network, "residual") == 0;
  struct network net = {.width = {input}};
  if (residual) net.width[++net.layers] = hidden->width[0]; // the embedding
  for (uint32_t i = 0; i < hidden->count; i++) {
    if (residual) net.width[++net.layers] = config->expansion * hidden->width[i];
    net.width[++net.layers] = hidden->width[i];
  }
  net.width[++net.layers] = output;
  return net;
}

static void visit(const struct update_visitor *visitor, enum update_product_kind kind, size_t m, size_t n, size_t k) {
  if (m > 0 && n > 0 && k > 0) visitor->visit(visitor->context, &(struct update_product){kind, m, n, k});
}

static void first_layers(const struct update_visitor *visitor, enum update_product_kind kind, const struct network *net,
                         size_t count, size_t rows, bool together) {
  const size_t in = net->width[0], out = (together ? count : 1) * net->width[1];
  for (size_t q = 0; q < (together ? 1 : count); q++)
    if (kind == UPDATE_FORWARD)
      visit(visitor, kind, rows, out, in);
    else
      visit(visitor, kind, in, out, rows);
}

// Of `count` networks. together: they read one input, so their first layers stand side by side.
static void forward(const struct update_visitor *visitor, const struct network *net, size_t count, struct rows rows,
                    bool together) {
  first_layers(visitor, UPDATE_FORWARD, net, count, rows.all, together);
  for (size_t q = 0; q < count; q++)
    for (size_t l = 2; l <= net->layers; l++)
      visit(visitor, UPDATE_FORWARD, l == net->layers ? rows.head : rows.all, net->width[l], net->width[l - 1]);
}

static void backward(const struct update_visitor *visitor, const struct network *net, size_t count, struct rows rows,
                     bool together) {
  for (size_t q = 0; q < count; q++)
    for (size_t l = net->layers; l > 1; l--) {
      const size_t of = l == net->layers ? rows.head : rows.all, in = net->width[l - 1], out = net->width[l];
      visit(visitor, UPDATE_WEIGHT_GRADIENT, in, out, of);
      visit(visitor, UPDATE_INPUT_GRADIENT, of, in, out);
    }
  first_layers(visitor, UPDATE_WEIGHT_GRADIENT, net, count, rows.all, together);
}

// Each row goes through one critic.
static void action_gradient(const struct update_visitor *visitor, const struct network *net, size_t count, size_t rows,
                            size_t act_dim) {
  for (size_t q = 0; q < count; q++) {
    const size_t part = rows * (q + 1) / count - rows * q / count;
    for (size_t l = net->layers; l > 1; l--)
      visit(visitor, UPDATE_INPUT_GRADIENT, part, net->width[l - 1], net->width[l]);
    visit(visitor, UPDATE_INPUT_GRADIENT, part, act_dim, net->width[1]);
  }
}

void update_products(const struct config *config, uint32_t obs_dim, uint32_t act_dim, bool policy_steps,
                     const struct update_visitor *visitor) {
  const bool categorical = strcmp(config->critic_loss, "categorical") == 0,
             joint = strcmp(config->critic_norm, "batch") == 0,
             policy_batch = strcmp(config->policy_norm, "batch") == 0,
             both_at_once = policy_steps && !policy_batch && !config->policy_first;
  const size_t batch = config->batch_size, critics = config->critics,
               targets = config->target_subset > 0 ? config->target_subset : critics;
  const struct history history = history_of(config, obs_dim, act_dim);
  const size_t input = history_width(&history);
  const struct network policy = network(config, input, config_policy_hidden(config), 2 * (size_t)act_dim),
                       critic = network(config, input + act_dim, config_critic_hidden(config),
                                        categorical ? config->value_atoms : 1);
  const struct rows once = {batch, batch}, twice = {2 * batch, 2 * batch}, half = {2 * batch, batch},
                    critic_rows = joint ? half : once,
                    policy_rows = config->policy_joint && policy_batch ? twice : once;
  // The same parameters act at s' and at s where neither a step nor running statistics come between.
  forward(visitor, &policy, 1, both_at_once ? twice : once, false);
  forward(visitor, &critic, targets, critic_rows, !joint);
  forward(visitor, &critic, critics, critic_rows, !joint);
  backward(visitor, &critic, critics, critic_rows, !joint);
  if (!policy_steps) return;
  if (!both_at_once) forward(visitor, &policy, 1, policy_rows, false);
  forward(visitor, &critic, critics, once, true); // folded, where there is batch norm
  action_gradient(visitor, &critic, critics, batch, act_dim);
  backward(visitor, &policy, 1, (struct rows){policy_rows.all, batch}, false);
}
