// Several environments of the job, stepped together with one batched policy forward; their episodes, n-step windows and
// counters.
#ifndef CORSAC_ACTOR_ROLLOUT_H
#define CORSAC_ACTOR_ROLLOUT_H

#include "actor/environment.h"
#include "common/config/config.h"
#include "common/nn/policy.h"
#include "common/wire/message.h"

struct rollout;
// Environments [first, first + count) of the job; none is reset yet. count may be 0 (a surplus rank).
struct rollout *rollout_create(const struct config *config, const struct environment_kind *kind, uint32_t first,
                               uint32_t count, struct error *error);
void rollout_destroy(struct rollout *rollout);
uint32_t rollout_count(const struct rollout *rollout);
const struct environment *rollout_environment(const struct rollout *rollout, uint32_t i); // i-th of this rollout
// Puts one environment where a snapshot says: live with its state loaded, or (not live, or state empty while the
// environment can save nothing) counters only, with a fresh episode to begin.
enum status rollout_restore(struct rollout *rollout, const struct snapshot *snapshot, struct error *error);
// One step of every environment (a reset first where one is due): actions from the policy, or uniform where its version
// is 0; noise from the streams by environment and step, so nothing depends on how environments are spread over ranks.
// Appends rows, episodes, steps, lag and progress to the batch, which must have room for rollout_rows_per_step. A
// failed environment ends it: the message names it.
enum status rollout_step(struct rollout *rollout, struct policy *policy, uint64_t newest_version,
                         struct transition_batch *batch, struct error *error);
uint32_t rollout_rows_per_step(const struct rollout *rollout);     // the most rows that one rollout_step can append
uint32_t rollout_episodes_per_step(const struct rollout *rollout); // = count
// Environment i as it stands between two steps. `live` is true when its state is whole (mid-episode, state saved), else
// counters only.
enum status rollout_snapshot(struct rollout *rollout, uint32_t i, struct snapshot *snapshot, struct error *error);
#endif
