// One instance of an environment, behind checks. The caller gives actions in [-1, 1] and gets observations and rewards
// that are finite, whatever the environment's code does; what breaks the rules of the ABI (common/env/env.h) becomes an
// error with a text.
#ifndef CORSAC_ACTOR_ENVIRONMENT_H
#define CORSAC_ACTOR_ENVIRONMENT_H

#include "actor/envs/environment_kind.h"
#include "actor/guest/guest.h"
#include "common/base/memory.h"
#include "common/base/status.h"
#include <stdbool.h>
#include <stdint.h>

struct environment {
  const struct environment_kind *kind; // not owned
  void *self;                          // what create returned; NULL: there is no instance
  struct guest guest;                  // for messages; the caller of reset and load sets guest.episode before
  uint32_t obs_dim, act_dim;           // as its spec has them
  uint32_t max_episode_steps; // of this host's steps, each of which holds its action for frame_skip; 0: no limit
  const double *action_low, *action_high; // (act_dim)
  float *scaled;                          // (act_dim) the last action as the environment got it
  uint32_t info_dim;                      // named values beside the reward
  const char *const *info_names;          // (info_dim)
  uint8_t info_rules[CORSAC_MAX_INFO];    // (info_dim) of enum corsac_info_rule
  double *bounds;                         // (2 x act_dim) where action_low and action_high point
  uint32_t frame_skip, frames_left;       // steps of its own in a step of the host; in the step under way
  char unsaved[768];                      // why its last save cannot be used; "": nothing is wrong with it
  uint32_t case_index;                    // that its args end with, where cases are given and each environment has one
  uint64_t env_steps;                     // of the job so far; the caller of reset sets it before, as guest.episode
  uint32_t agents;                        // that share the instance; below, what only several of them have
  uint8_t *agent;                         // (agents) flags after the last reset or step, as agent_flags gives them
  uint8_t *acts;                          // (agents) 1: it was PRESENT before the step under way
  double *frame_reward;                   // (agents) of one of its own steps
};

// Every function that returns a status returns STATUS_FAILED where the environment failed. The text names the
// environment, its index, the call and what is wrong.

// Creates an instance and checks what it says of itself: dimensions of 1 to WIRE_MAX_DIM, bounds that are finite with
// low < high, names of its values. The options max_episode_steps, frame_skip, action_low and action_high of
// kind->config change what it says; where they do not fit, the status is STATUS_USAGE. On failure there is nothing to
// destroy. An environment of several agents is refused, since the caller has room for one.
enum status environment_create(struct environment *environment, const struct environment_kind *kind, uint64_t index,
                               bool evaluation, struct error *error);

// The same, where it is known which episode comes first (guest->episode) and how many steps the job has made: a child
// process is told when it is started. The instance may have several agents: then obs (agents x obs_dim), action
// (agents x act_dim) and reward (agents) below have a row for each. What belongs to an agent that is not there is 0,
// and so is the reward of one that did not act.
enum status environment_create_for(struct environment *environment, const struct environment_kind *kind,
                                   const struct guest *guest, uint64_t env_steps, struct error *error);

// Begins to make an instance where that takes a process of its own, and does nothing elsewhere. Begin several
// instances, then create each in turn with the same arguments: their programs start at once. The time limit counts from
// here. A failure is the one of environment_create_for.
void environment_create_begin(const struct environment_kind *kind, const struct guest *guest, uint64_t env_steps);

// Ends what was begun and has not been created.
void environment_create_abandon(const struct environment_kind *kind);

// Whether the instance may play this episode. Where each environment has its own case (common/config/cases.h), an
// instance for another case has to be made, since its args would be another case's.
bool environment_fits(const struct environment *environment, bool evaluation, uint64_t episode);

// Begins to end an instance where that takes a process of its own, and does nothing elsewhere. Begin several, then
// destroy each in turn: their programs end at once.
void environment_destroy_begin(struct environment *environment);

// May be called twice.
void environment_destroy(struct environment *environment);

// Begins an episode and writes its first observation, obs (obs_dim). Its case, which guest.index, guest.episode and
// guest.evaluation say, is set before.
enum status environment_reset(struct environment *environment, uint64_t seed, float *obs, struct error *error);

// The same in two halves, where kind->abi->reset_begin is there: begin several instances, then end each in turn.
enum status environment_reset_begin(struct environment *environment, uint64_t seed, struct error *error);
enum status environment_reset_end(struct environment *environment, uint64_t seed, float *obs, struct error *error);

// Makes a step: action (act_dim) in [-1, 1] -> obs (obs_dim), reward, flags (CORSAC_TERMINATED | CORSAC_TRUNCATED).
//   scaled = low + (action + 1)/2 (high - low)
// An action that is not finite is the policy's failure: STATUS_PEER. max_episode_steps is not applied here: whoever
// counts the steps of the episode applies it. With frame_skip N the environment makes up to N steps with this action;
// the first one that returns flags, or after which other agents are PRESENT than before, is the last. The reward is
// their sum.
enum status environment_step(struct environment *environment, const float *action, float *obs, double *reward,
                             int *flags, struct error *error);

// The same step in two halves, where kind->abi->step_begin is there: begin several instances, then end each in turn.
// While environment_step_goes_on, the step has not ended yet: begin and end it again, with the same action. *reward is
// the sum so far, and may not change in between.
enum status environment_step_begin(struct environment *environment, const float *action, struct error *error);
enum status environment_step_end(struct environment *environment, float *obs, double *reward, int *flags,
                                 struct error *error);
static inline bool environment_step_goes_on(const struct environment *environment) {
  return environment->frames_left > 0;
}

// Writes the named values of the last step, values (info_dim). NAN: the environment did not write that one.
void environment_info(const struct environment *environment, double *values);

bool environment_can_save(const struct environment *environment);

// Replaces the content of `state` with the environment's bytes. false: it cannot save now, since it has no save or its
// save returned 0; or its save breaks the rules (a negative size, a size that no state may have, a larger size each
// time), or there is no memory for the bytes: then `unsaved` says why.
bool environment_save(struct environment *environment, struct buffer *state);

// Puts the instance into a saved state. Which agents are PRESENT there the caller says in `agent`.
enum status environment_load(struct environment *environment, const void *state, size_t size, struct error *error);
#endif
