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
// Appends rows, episodes, steps, lag and progress to the batch, which must have room for rollout_rows_per_step.
// An environment that fails loses its episode, which is cut after the last good step (the rows of that step and all
// before it stay), and is made anew, after a pause that grows with its failures in a row; until then the others step
// without it, or, in sync, it catches up before they go on. batch->steps says what was made. env_max_failures of one
// in a row fail the rollout: the message names it.
enum status rollout_step(struct rollout *rollout, struct policy *policy, uint64_t newest_version,
                         struct transition_batch *batch, struct error *error);
uint32_t rollout_rows_per_step(const struct rollout *rollout);     // the most rows that one rollout_step can append
uint32_t rollout_episodes_per_step(const struct rollout *rollout); // = count
bool rollout_is_level(const struct rollout *rollout);              // everyone has made the same number of steps
// A failure since the last call, or (in_a_row 0) a warning that an environment's save breaks its rules, once for each;
// or NULL; valid until the next call or step.
const struct message_env_failure *rollout_env_failure(struct rollout *rollout);
// The sums of environment i's named values since the last call, into *info; false: it has none, or made no step.
bool rollout_take_info(struct rollout *rollout, uint32_t i, struct message_info *info);
// For a rollout of one environment, which no other may stand beside: lends it out, say for an evaluation, if it is
// between two episodes, or can be put back to where it is (its state is kept meanwhile), or must be lent now (then the
// episode is cut). NULL: not yet. No step until it is taken back. The borrower may have destroyed it.
struct environment *rollout_lend(struct rollout *rollout, bool now, struct transition_batch *batch);
enum status rollout_take_back(struct rollout *rollout, struct transition_batch *batch, struct error *error);
// Environment i as it stands between two steps. `live` is true when its state is whole (mid-episode, state saved), else
// counters only.
enum status rollout_snapshot(struct rollout *rollout, uint32_t i, struct snapshot *snapshot, struct error *error);
#endif
