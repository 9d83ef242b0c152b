// Runs evaluation episodes on an environment instance of its own, a step at a time, so that training goes on between:
// deterministic actions, seeds from the evaluation stream by episode number (the same episodes in every evaluation, so
// results compare).
#ifndef CORSAC_ACTOR_EVALUATOR_H
#define CORSAC_ACTOR_EVALUATOR_H

#include "actor/environment.h"
#include "common/config/config.h"
#include "common/nn/policy.h"
#include "common/wire/message.h"

// What an episode is cut after, and an evaluation, where the options eval_max_steps and eval_timeout say 0 and the
// environment has no limit (for the seconds: none of at most so many steps) of its own: one that never ends would be
// evaluated for ever. An evaluation's time begins with its first step, and the clock is looked at between steps.
enum { EVALUATION_STEPS = 100000, EVALUATION_SECONDS = 3600 };

struct evaluator;
// The instance is created at the first evaluation. `index`: the environment index it tells the environment.
struct evaluator *evaluator_create(const struct config *config, const struct environment_kind *kind, uint32_t obs_dim,
                                   uint32_t act_dim, uint64_t index, struct error *error);
void evaluator_destroy(struct evaluator *evaluator);
struct policy_weights *evaluator_weights(struct evaluator *evaluator); // filled before evaluator_begin
// The instance, created now if it is not yet there. NULL: failed, or its dimensions are not the policy's.
const struct environment *evaluator_environment(struct evaluator *evaluator, struct error *error);
// An instance of somebody else's to use instead, where no second one may exist; NULL: given back. It may come back
// destroyed, after a failure.
void evaluator_borrow(struct evaluator *evaluator, struct environment *environment);
void evaluator_begin(struct evaluator *evaluator, const struct message_evaluate *evaluate); // drops what was under way
bool evaluator_busy(const struct evaluator *evaluator);
// One step. An environment that fails is made anew and its episode run again, once: if that fails too, *result says so.
// *done: an episode ended, or was cut; *result is it. Version 0 weights act deterministically like any others (of the
// initial network).
enum status evaluator_step(struct evaluator *evaluator, bool *done, struct message_episode *result,
                           struct error *error);
// What the last step failed with, or NULL; valid until the next step.
const struct message_env_failure *evaluator_env_failure(const struct evaluator *evaluator);
// What the last step did, or NULL if it failed; valid until the next step.
struct evaluator_transition {
  uint32_t episode, step;       // step of the episode, from 0
  const float *obs, *next_obs;  // (obs_dim)
  const float *action, *scaled; // (act_dim) in [-1,1], and as the environment got it
  double reward;
  int flags; // CORSAC_TERMINATED | CORSAC_TRUNCATED, the host's own step limit included
};
const struct evaluator_transition *evaluator_made(const struct evaluator *evaluator);
// The first observation and the (rescaled) first action of the last episode that began, for checks from outside.
const float *evaluator_first_observation(const struct evaluator *evaluator);
const float *evaluator_first_action(const struct evaluator *evaluator);
#endif
