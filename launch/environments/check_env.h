// corsac check-env: the rules of the environment ABI, the findings about them, and the calls that are made to find out.
// Each group of rules runs in a process of its own, so that an environment that crashes or hangs costs its group only.
// The findings lie in memory that these processes share with the one that reports.
#ifndef CORSAC_LAUNCH_ENVIRONMENTS_CHECK_ENV_H
#define CORSAC_LAUNCH_ENVIRONMENTS_CHECK_ENV_H

#include "actor/environment.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum rule {
  RULE_OPEN,
  RULE_CREATE,
  RULE_SPEC,
  RULE_RESET,
  RULE_STEP,
  RULE_OBSERVATION,
  RULE_REWARD,
  RULE_FLAGS,
  RULE_AGENTS,
  RULE_INFO,
  RULE_BUFFERS,
  RULE_FINAL,
  RULE_LENGTH,
  RULE_REPEAT,
  RULE_FRESH,
  RULE_PROCESS,
  RULE_INTERLEAVED,
  RULE_SEEDS,
  RULE_SAVE,
  RULE_LOAD,
  RULE_REFUSE,
  RULE_HALVES,
  RULE_RESET_HALVES,
  RULE_EPISODES_LEAK,
  RULE_INSTANCES_LEAK,
  RULE_CASES,
  RULE_SPEED,
  RULE_ENDS,    // an environment does not end the process
  RULE_CHANGES, // an environment changes nothing that it shares with the host: one rule for each enum guest_change
  RULES = RULE_CHANGES + GUEST_CHANGES
};
enum verdict { NOT_CHECKED, SKIPPED, GOOD, WARNING, BROKEN };

// The worst finding about a rule: the first of its kind, and how many more there were.
struct finding {
  enum verdict verdict;
  uint32_t more;
  char text[600];
};

// Shared between the process that calls the environment and the one that watches it.
struct check {
  struct finding findings[RULES];
  _Atomic uint64_t calls; // that began or ended; the number stays while a call hangs
  _Atomic bool inside;    // a call is under way
  enum rule rule;         // being checked
  char call[160];         // the last one
  bool done;              // the group has ended
  bool usable;            // episodes run, so the other groups make sense
  uint64_t episodes;      // of --episodes
  // what the first group found out
  uint32_t obs_dim, act_dim, agents, max_episode_steps, host_flags;
  bool saves, halves, reset_halves;
  double steps_per_s;
  uint64_t fingerprint; // of the first steps of an episode
};

// Notes a finding; it replaces a better one only.
void check_note(struct check *check, enum rule rule, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Notes what the last call changed in the process.
void check_note_changes(struct check *check);

// One instance, called as the host calls it, with guards around every buffer.
struct probe {
  struct check *check;
  const struct environment_kind *kind;
  void *self;
  uint32_t agents;
  uint32_t obs_dim, act_dim; // of all agents together
  uint32_t max_episode_steps, info_dim;
  double *bounds;           // (2 x act_dim of one agent) where low and high point
  const double *low, *high; // (act_dim of one agent)
  const char *const *info_names;
  float *obs_guarded, *action_guarded; // GUARD floats, the values, GUARD floats
  float *obs, *action;
  double reward; // the sum of all agents'
  int flags;
  uint8_t *agent, *acts; // (agents) flags; 1: it acts in the step under way. These and the next where there are several
  double *rewards;       // (agents)
  uint8_t *flags_guarded; // as obs_guarded
  double *rewards_guarded;
  uint64_t came, left;    // agents, in all calls
  uint64_t episode, step; // of this probe, for messages; step 0: reset
  uint64_t steps;         // of all its episodes
  bool over;              // the episode has ended: reset comes next
  uint32_t case_index;    // that it plays, where cases are given (common/config/cases.h): index mod their number
  struct guest guest;     // for the guard
  enum guest_function function;
  bool failed;       // a call failed, or its result makes further calls impossible
  uint32_t informed; // bit i: value i of info has been written
};
enum { PROBE_SAVE_MOST = 1 << 30 };

// Makes an instance. False: that failed, and the reason is noted. probe_destroy also after a failure.
bool probe_create(struct probe *probe, struct check *check, const struct environment_kind *kind, uint64_t index);
void probe_destroy(struct probe *probe);

// The seed of a reset, from all 64 bits as a training of that seed draws it.
uint64_t probe_seed(uint64_t training_seed, uint64_t episode);

// Each notes what breaks a rule. False: the call failed, or its result makes further calls
// impossible.
// halves: by reset_begin and reset_end, step_begin and step_end, where these are there.
bool probe_reset(struct probe *probe, uint64_t seed, bool halves);

// Steps with probe->action.
bool probe_step(struct probe *probe, bool halves);

// Notes how many agents it has, where nothing is wrong with them.
void check_note_agents(struct check *check, const struct probe *probe);

// Asks for the named values, after a step.
void probe_info(struct probe *probe);

// Draws an action: component i of step t depends on the seed, t and i only.
enum actions { ACTIONS_RANDOM, ACTIONS_LOW, ACTIONS_HIGH, ACTIONS_CORNERS };
void probe_draw(struct probe *probe, enum actions actions, uint64_t seed, uint64_t t);
int64_t probe_save(struct probe *probe, void *buffer, size_t size);
int probe_load(struct probe *probe, const void *buffer, size_t size);

// Why the last call failed, as the environment says; "" where it says nothing.
const char *probe_reason(struct probe *probe);

// The groups. Each makes its own instances.
void check_episodes(struct check *check, const struct environment_kind *kind);
void check_repeats(struct check *check, const struct environment_kind *kind);
void check_process(struct check *check, const struct environment_kind *kind);
void check_interleaved(struct check *check, const struct environment_kind *kind);
void check_state(struct check *check, const struct environment_kind *kind);
void check_refusals(struct check *check, const struct environment_kind *kind);
void check_halves(struct check *check, const struct environment_kind *kind);
void check_growth(struct check *check, const struct environment_kind *kind);
void check_cases(struct check *check, const struct environment_kind *kind);

#endif
