// The steps of a few episodes, recorded so that a second time can be compared with the first, bit for bit.
#ifndef CORSAC_LAUNCH_ENVIRONMENTS_TRAJECTORY_H
#define CORSAC_LAUNCH_ENVIRONMENTS_TRAJECTORY_H

#include "launch/environments/check_env.h"

enum { TRAJECTORY_SEED = 7, TRAJECTORY_OTHER_SEED = 1000007 };

// What is lost with an environment that does not repeat. It trains all the same.
#define TRAJECTORY_LOST                                                                                                \
  "; it trains all the same. Lost are the exact resume, the same bits in sync mode, and evaluations that compare"

// Events are resets and steps, episode after episode.
struct trajectory {
  uint32_t events, dim, agents; // dim: of the observation of all agents
  float *obs;                   // (events x dim)
  double *reward;               // (events x agents)
  int *flags;                   // (events)
  uint8_t *agent;               // (events x agents) flags of each; 0 where there is one agent
};

// Plays the events of a trajectory on one instance: every player draws the same actions.
struct player {
  struct probe *probe;
  uint64_t seed, episodes; // the next reset's seed is probe_seed(seed, episodes)
  bool begins;             // the next event is a reset
};

// Makes the first instance and records its trajectory. Both are to be released, also after a failure.
bool trajectory_begin(struct check *check, const struct environment_kind *kind, struct trajectory *trajectory,
                      struct probe *probe);
void trajectory_release(struct trajectory *trajectory);

// Plays one event; halves: a step, and a reset, in two calls each where there are such. False: a call failed, which is
// noted.
bool trajectory_play(struct player *player, uint32_t event, bool halves);

// The probe has loaded a state that was saved before this event, which is not the first, after `step` steps of an
// episode.
void trajectory_return(const struct trajectory *trajectory, uint32_t event, uint64_t step, struct probe *probe);

// Whether the instance gave at this event what was recorded, bit for bit (-0 equals 0); if not, the text says the
// difference.
bool trajectory_matches(const struct trajectory *trajectory, uint32_t event, const struct probe *probe, char *text,
                        size_t size);

// Whether check_repeats found that the same seed and actions give the same bits, in the same instance and in a new one.
// Where they do not, the rule is noted as skipped.
bool trajectory_compares(struct check *check, enum rule rule);

// Plays the events from..events-1 and compares. A difference breaks the rule;
// of RULE_REPEAT and RULE_FRESH it is a warning. Notes the result under `rule`; `how` says how they were played.
bool trajectory_repeat(const struct trajectory *trajectory, struct player *player, uint32_t from, bool halves,
                       enum rule rule, const char *how);

// A hash of all that was recorded.
uint64_t trajectory_fingerprint(const struct trajectory *trajectory);

#endif
