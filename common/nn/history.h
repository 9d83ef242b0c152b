// What a policy and its critics see of the past: the newest `length` observations of an episode and the actions between
// them, oldest first:
//
//   [o_{t-K+1} a_{t-K+1} ... o_{t-1} a_{t-1} o_t]      K = length
//
// Without actions: [o_{t-K+1} ... o_t]. Before an episode's start its first observation stands in, with actions of 0.
// With length 1 it is the observation alone.
#ifndef CORSAC_COMMON_NN_HISTORY_H
#define CORSAC_COMMON_NN_HISTORY_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history {
  uint32_t length, obs_dim, act_dim;
  bool actions; // they stand between the observations
};

// Floats of an input: length x obs_dim, and with actions (length - 1) x act_dim more.
uint64_t history_width(const struct history *history);

// Where observation i, 0 the oldest, begins in an input. Its action stands right behind it.
uint32_t history_offset(const struct history *history, uint32_t i);

// An episode begins: input (width) becomes that of its first observation (obs_dim).
void history_reset(const struct history *history, float *input, const float *obs);

// A step later: action (act_dim), each in [-1, 1], led to obs (obs_dim). Neither lies in input (width).
void history_push(const struct history *history, float *input, const float *action, const float *obs);

// Repeats a number of each component of an observation for each of an input: of (obs_dim) into (width). The place of an
// action gets `of_action`.
void history_repeat(const struct history *history, const float *of_obs, float of_action, float *of_input);

// Writes "history 4 with actions", "history 4 without actions" or "history 1".
void history_format(const struct history *history, char *text, size_t size);

// What the networks see of an environment of these dimensions. 1 observation where the configuration gives no number.
struct history history_of(const struct config *config, uint32_t obs_dim, uint32_t act_dim);

// Its width. It fits (history_check).
uint32_t network_input(const struct config *config, uint32_t obs_dim, uint32_t act_dim);

// STATUS_USAGE: the history of such an environment is longer than its episodes, or its input wider than `most`. name:
// the environment's. max_episode_steps: 0: unknown.
enum status history_check(const struct config *config, const char *name, uint32_t obs_dim, uint32_t act_dim,
                          uint32_t max_episode_steps, uint32_t most, struct error *error);
#endif
