// The n-step window of one agent of an environment: up to n - 1 transitions wait in it for their later rewards.
//
//   r = sum_{i<k} gamma^i r_i,  discount = gamma^k, or 0 if terminated
//
// Entropy terms of the steps between are left out: a stated bias.
// In the middle of an episode k = n. At its end the pending transitions become rows, too, each with its own smaller k.
// No row mixes two episodes.
#ifndef CORSAC_ACTOR_N_STEP_H
#define CORSAC_ACTOR_N_STEP_H

#include "common/base/status.h"
#include "common/wire/message.h"

struct n_step {
  uint32_t n, obs_dim, act_dim;
  uint32_t agent; // that its rows are of, where the batch has that column
  double gamma;
  uint32_t count, first; // pending transitions, and the oldest of them in the ring
  float *obs, *action;   // (n x obs_dim), (n x act_dim)
  float *reward;         // (n)
  uint64_t *version;     // (n)
};

// One step of the environment. Nothing is owned.
struct n_step_transition {
  const float *obs, *action; // (obs_dim), (act_dim)
  float reward;
  uint64_t version;           // of the policy that chose the action
  const float *next_obs;      // (obs_dim); at an episode's end the true final observation
  bool terminated, truncated; // the episode ended here; both: it counts as terminated
};

enum status n_step_init(struct n_step *window, uint32_t n, double gamma, uint32_t obs_dim, uint32_t act_dim,
                        struct error *error);
void n_step_release(struct n_step *window);

// Drops what is pending.
void n_step_clear(struct n_step *window);

// Takes a step in, and appends the rows that it completes to the batch, which must have room for n of them.
void n_step_push(struct n_step *window, const struct n_step_transition *transition, uint32_t environment,
                 struct transition_batch *batch);

// The episode was cut after the last push. The pending transitions become rows that end at next_obs, the last good
// observation, and bootstrap from it.
void n_step_close(struct n_step *window, const float *next_obs, uint32_t environment, struct transition_batch *batch);

// Appends the pending transitions to the snapshot's window fields, oldest first. Returns their number.
uint32_t n_step_save(const struct n_step *window, struct snapshot *snapshot);

// Takes `count` transitions from there, from transition `first` on.
enum status n_step_load(struct n_step *window, const struct snapshot *snapshot, uint32_t first, uint32_t count,
                        struct error *error);
#endif
