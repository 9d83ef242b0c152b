// The n-step window of one environment: up to n - 1 transitions wait for their later rewards.
//
//   r = sum_{i<k} gamma^i r_i,  discount = gamma^k, or 0 if terminated
//
// There are no entropy terms for the steps between: a stated bias.
// k = n in the middle of an episode; at its end every shorter tail is emitted with its own k. Windows do not cross
// episodes.
#ifndef CORSAC_ACTOR_N_STEP_H
#define CORSAC_ACTOR_N_STEP_H

#include "common/base/status.h"
#include "common/wire/message.h"

struct n_step {
  uint32_t n, obs_dim, act_dim;
  double gamma;
  uint32_t count, first; // pending ones, a ring of n places
  float *obs, *action;   // (n x obs_dim), (n x act_dim)
  float *reward;         // (n)
  uint64_t *version;     // (n)
};
enum status n_step_init(struct n_step *window, uint32_t n, double gamma, uint32_t obs_dim, uint32_t act_dim,
                        struct error *error);
void n_step_release(struct n_step *window);
void n_step_clear(struct n_step *window);
// One step was made. Appends the rows it completes to the batch (its capacity holds: see transition_sender). terminated
// and truncated: the episode ended here (terminated wins); next_obs is then the true final observation.
void n_step_push(struct n_step *window, const float *obs, const float *action, float reward, uint64_t version,
                 const float *next_obs, bool terminated, bool truncated, uint32_t environment,
                 struct transition_batch *batch);
// The episode was cut after the last push: the pending ones become rows that end at next_obs, the last good
// observation, and bootstrap from it.
void n_step_close(struct n_step *window, const float *next_obs, uint32_t environment, struct transition_batch *batch);
void n_step_save(const struct n_step *window, struct snapshot *snapshot); // into its window fields, oldest first
enum status n_step_load(struct n_step *window, const struct snapshot *snapshot, struct error *error);
#endif
