// Several environments of the job, stepped together with one batched policy forward, with their episodes, n-step
// windows and counters.
#ifndef CORSAC_ACTOR_ROLLOUT_H
#define CORSAC_ACTOR_ROLLOUT_H

#include "actor/environment.h"
#include "common/config/config.h"
#include "common/nn/policy.h"
#include "common/wire/message.h"

struct rollout;

// Creates environments [first, first + count) of the job; none is reset yet. count may be 0 (a surplus rank).
struct rollout *rollout_create(const struct config *config, const struct environment_kind *kind, uint32_t first,
                               uint32_t count, struct error *error);
void rollout_destroy(struct rollout *rollout);

uint32_t rollout_count(const struct rollout *rollout);
const struct environment *rollout_environment(const struct rollout *rollout, uint32_t i); // i < count

// Agents of environment i.
uint32_t rollout_agents(const struct rollout *rollout, uint32_t i);

// The most rows, and episodes, that one rollout_step can append.
uint32_t rollout_rows_per_step(const struct rollout *rollout);
uint32_t rollout_episodes_per_step(const struct rollout *rollout);

// Makes one step of every environment, after a reset where one is due. Actions come from the policy, or are uniform
// where its version is 0. The noise is a function of environment and step, so nothing depends on how environments are
// spread over ranks.
//
// Appends rows, episodes, steps, lag (against newest_version) and progress to the batch, which must have room for
// rollout_rows_per_step, and the column `agent` where an environment has several.
//
// An environment that fails loses its episode: that is cut after the last good step, whose rows stay. It is made anew
// after a pause that grows with its failures in a row. Until then the others step without it; in sync mode they wait
// until it has caught up. So batch->steps says how many steps were made. The rollout fails at the env_max_failures-th
// failure in a row of one environment; the message names it.
enum status rollout_step(struct rollout *rollout, struct policy *policy, uint64_t newest_version,
                         struct transition_batch *batch, struct error *error);

// Says how many steps the job has made, for environments that want to know (`progress` of the ABI). In sync mode the
// rollout knows that by itself: the steps of one environment times their number.
void rollout_note_env_steps(struct rollout *rollout, uint64_t env_steps);

// Whether all environments have made the same number of steps.
bool rollout_is_level(const struct rollout *rollout);

// Returns each failure once, and each warning that the save of an environment breaks the rules (in_a_row is 0). NULL:
// there is none left. Valid until the next call or step.
const struct message_env_failure *rollout_env_failure(struct rollout *rollout);

// Moves the sums of environment i's named values since the last call into *info. false: there are none.
bool rollout_take_info(struct rollout *rollout, uint32_t i, struct message_info *info);

// Lends the only environment, for an evaluation, where no second instance may exist beside it. A running episode is
// saved before. Where it cannot be saved the result is NULL (not yet: ask again after more steps), or, with `now`, the
// episode is cut. No step may be made until rollout_take_back. The borrower may have destroyed the instance.
struct environment *rollout_lend(struct rollout *rollout, bool now, struct transition_batch *batch);

// Ends the loan, and puts the saved episode back into the instance.
enum status rollout_take_back(struct rollout *rollout, struct transition_batch *batch, struct error *error);

// Writes where environment i stands between two steps. snapshot->live: in an episode, whose state is in it; else it
// holds counters only.
enum status rollout_snapshot(struct rollout *rollout, uint32_t i, struct snapshot *snapshot, struct error *error);

// Puts an environment where a snapshot says: into the saved episode; or, where the snapshot holds counters only or the
// environment can save no state, before a new episode.
enum status rollout_restore(struct rollout *rollout, const struct snapshot *snapshot, struct error *error);
#endif
