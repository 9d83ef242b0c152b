// The matrix products of an update, as the configuration has it: one description for those who count them and for those
// who make them. They are the fewest that an update needs:
//
//   targets   the policy at s', the target critics at (s', a')
//   critics   forward and backward at (s, a)
//   policy    forward at s, all critics at (s, a_new), dQ/da through the smallest critic of each row, backward
//
// With batch norm, critics and targets see one joint batch [s, a ; s', a'] of 2B rows, of which the last layer needs
// half. The policy sees [s ; s'] with policy_joint.
#ifndef CORSAC_LAUNCH_CLI_UPDATE_PRODUCTS_H
#define CORSAC_LAUNCH_CLI_UPDATE_PRODUCTS_H

#include "common/config/config.h"
#include <stdbool.h>
#include <stddef.h>

// Of a layer y = x w with x (rows x in), w (in x out).
enum update_product_kind {
  UPDATE_FORWARD,        // x w
  UPDATE_INPUT_GRADIENT, // dy w^T
  UPDATE_WEIGHT_GRADIENT // x^T dy
};

// (m x k) (k x n), none of them 0.
struct update_product {
  enum update_product_kind kind;
  size_t m, n, k;
};

struct update_visitor {
  void (*visit)(void *context, const struct update_product *product);
  void *context;
};

// Visits every product of one update. policy_steps: the policy's half is part of it, which is so in one of policy_delay
// updates. Products of networks that read the same input are one product where it can be one. obs_dim, act_dim: the
// environment's; the networks read its history.
void update_products(const struct config *config, uint32_t obs_dim, uint32_t act_dim, bool policy_steps,
                     const struct update_visitor *visitor);
#endif
