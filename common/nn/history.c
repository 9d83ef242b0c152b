#include "common/nn/history.h"
#include <stdio.h>
#include <string.h>

// Floats from one observation to the next.
static uint32_t stride(const struct history *history) {
  return history->obs_dim + (history->actions ? history->act_dim : 0);
}

uint64_t history_width(const struct history *history) {
  return (uint64_t)(history->length - 1) * stride(history) + history->obs_dim;
}

uint32_t history_offset(const struct history *history, uint32_t i) { return i * stride(history); }

void history_reset(const struct history *history, float *input, const float *obs) {
  history_repeat(history, obs, 0, input);
}

void history_push(const struct history *history, float *input, const float *action, const float *obs) {
  const uint32_t newest = history_offset(history, history->length - 1);
  if (history->length > 1) {
    memmove(input, input + stride(history), (newest - history_offset(history, 1) + history->obs_dim) * sizeof *input);
    if (history->actions) memcpy(input + newest - history->act_dim, action, history->act_dim * sizeof *input);
  }
  memcpy(input + newest, obs, history->obs_dim * sizeof *input);
}

void history_repeat(const struct history *history, const float *of_obs, float of_action, float *of_input) {
  for (uint32_t i = 0; i < history->length; i++) {
    float *at = of_input + history_offset(history, i);
    memcpy(at, of_obs, history->obs_dim * sizeof *at);
    if (!history->actions || i + 1 == history->length) continue;
    for (uint32_t j = 0; j < history->act_dim; j++) at[history->obs_dim + j] = of_action;
  }
}

void history_format(const struct history *history, char *text, size_t size) {
  const char *actions = history->length == 1 ? "" : history->actions ? " with actions" : " without actions";
  snprintf(text, size, "history %u%s", history->length, actions);
}

struct history history_of(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  return (struct history){.length = config->history > 1 ? (uint32_t)config->history : 1,
                          .obs_dim = obs_dim,
                          .act_dim = act_dim,
                          .actions = config->history_actions};
}

uint32_t network_input(const struct config *config, uint32_t obs_dim, uint32_t act_dim) {
  const struct history history = history_of(config, obs_dim, act_dim);
  return (uint32_t)history_width(&history);
}

enum status history_check(const struct config *config, const char *name, uint32_t obs_dim, uint32_t act_dim,
                          uint32_t max_episode_steps, uint32_t most, struct error *error) {
  const struct history history = history_of(config, obs_dim, act_dim);
  if (history.length > 1 && max_episode_steps > 0 && history.length > max_episode_steps)
    return error_set(error, STATUS_USAGE, "history is %u, but an episode of %s has at most %u steps: lower --history",
                     history.length, name, max_episode_steps);
  if (history_width(&history) > most)
    return error_set(error, STATUS_USAGE,
                     "history %u of %s makes %llu inputs (obs_dim %u, act_dim %u); there may be %u: lower --history",
                     history.length, name, (unsigned long long)history_width(&history), obs_dim, act_dim, most);
  return STATUS_OK;
}
