// Runs evaluation episodes one step at a time, so that training goes on in between. It has an environment instance of
// its own. The seed of an episode is a function of its number: all evaluations play the same episodes, so their results
// compare. Actions are deterministic, or are sampled with noise that is a function of seed, episode and step.
#ifndef CORSAC_ACTOR_EVALUATOR_H
#define CORSAC_ACTOR_EVALUATOR_H

#include "actor/environment.h"
#include "common/config/config.h"
#include "common/nn/policy.h"
#include "common/wire/message.h"

// Where an episode is cut, and an evaluation, since an episode without an end would be evaluated for ever. The options
// eval_max_steps and eval_timeout come first. Where they are 0 and the environment has no limit of its own, an episode
// has at most EVALUATION_STEPS; where its limit is larger than that, or there is none, an evaluation has at most
// EVALUATION_SECONDS from its first step on. The clock is looked at between two steps.
enum { EVALUATION_STEPS = 100000, EVALUATION_SECONDS = 3600 };

struct evaluator;

// Creates no instance yet: the first evaluation does. index: the environment index that the instance is told.
struct evaluator *evaluator_create(const struct config *config, const struct environment_kind *kind, uint32_t obs_dim,
                                   uint32_t act_dim, uint64_t index, struct error *error);
void evaluator_destroy(struct evaluator *evaluator);

// To be filled before evaluator_begin.
struct policy_weights *evaluator_weights(struct evaluator *evaluator);

// The instance, which is created now if it is not there. NULL: that failed, or its dimensions are not the policy's.
const struct environment *evaluator_environment(struct evaluator *evaluator, struct error *error);

// Uses the caller's instance, where no second one may exist; NULL gives it back. A failure destroys the instance, and
// so does another case. One that was made here instead is destroyed when it is given back, since it was made for
// evaluation.
void evaluator_borrow(struct evaluator *evaluator, struct environment *environment);

// Begins the episodes first, first + stride, ... below count. What was under way is dropped.
void evaluator_begin(struct evaluator *evaluator, const struct message_evaluate *evaluate);

// Whether an episode is under way or yet to begin.
bool evaluator_busy(const struct evaluator *evaluator);

// Makes one step. *done: an episode ended or was cut, and *result is it, with its named values by their rules. Its
// return is the mean of those of the agents that took part. An
// environment that fails is created anew and its episode is run again, once; if that fails, too, *result says so.
// Weights of version 0 act deterministically like any others.
enum status evaluator_step(struct evaluator *evaluator, bool *done, struct message_episode *result,
                           struct error *error);

// Why the environment failed in the last step, or NULL. Valid until the next step.
const struct message_env_failure *evaluator_env_failure(const struct evaluator *evaluator);

// What the last step did, of one agent that acted in it. Valid until the next step.
struct evaluator_transition {
  uint32_t episode, step;       // of the episode, from 0
  uint32_t agent;               // of the environment
  const float *obs, *next_obs;  // (obs_dim)
  const float *action, *scaled; // (act_dim) in [-1, 1], and as the environment got it
  const float *eps;             // (act_dim) the action's noise; 0 where it is deterministic
  const double *info;           // (info_dim of the environment) named values; WIRE_NO_VALUE: not given
  double reward;
  int flags; // CORSAC_TERMINATED | CORSAC_TRUNCATED; the program's own step limit truncates
};

// That of the first agent; NULL where the step failed, or no agent was there.
const struct evaluator_transition *evaluator_made(struct evaluator *evaluator);

// That of the next agent; NULL: there are no more.
const struct evaluator_transition *evaluator_made_next(struct evaluator *evaluator);

// The first observation and the first (scaled) action of the episode that began last, of the first agent.
const float *evaluator_first_observation(const struct evaluator *evaluator);
const float *evaluator_first_action(const struct evaluator *evaluator);
#endif
