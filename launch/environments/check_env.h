// corsac check-env: the rules of the environment ABI, what breaks them, and the calls made to find out. Groups of rules
// run in processes of their own, so that an environment that crashes or hangs costs its group, and what was found lies
// in memory that the process which reports shares with them.
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
  RULE_EPISODES_LEAK,
  RULE_INSTANCES_LEAK,
  RULE_SPEED,
  RULE_ENDS,    // it does not end the process
  RULE_CHANGES, // and leaves alone what it shares with it: one rule for each enum guest_change
  RULES = RULE_CHANGES + GUEST_CHANGES
};
enum verdict { NOT_CHECKED, SKIPPED, GOOD, WARNING, BROKEN };

// The worst that was found out about a rule, the first of its kind, and how many more there were of it.
struct finding {
  enum verdict verdict;
  uint32_t more;
  char text[600];
};

// Shared between the process that calls the environment and the one that watches it.
struct check {
  struct finding findings[RULES];
  _Atomic uint64_t calls; // begun and ended: stands still while one hangs
  _Atomic bool inside;    // of a call
  enum rule rule;         // being checked
  char call[160];         // the last one
  bool done;              // the group came to its end
  bool usable;            // episodes run: the other groups make sense
  uint64_t episodes;      // asked for
  // what the first group learned
  uint32_t obs_dim, act_dim, max_episode_steps, host_flags;
  bool saves, halves;
  double steps_per_s;
  uint64_t fingerprint; // of the first steps of an episode
};

// What was found; GOOD and SKIPPED do not replace anything worse.
void check_note(struct check *check, enum rule rule, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void check_note_changes(struct check *check); // what the last call changed in the process

// One instance, called as the host calls it, with guards around every buffer.
struct probe {
  struct check *check;
  const struct environment_kind *kind;
  void *self;
  uint32_t obs_dim, act_dim, max_episode_steps, info_dim;
  const double *low, *high;
  const char *const *info_names;
  float *obs_guarded, *action_guarded; // GUARD floats, the values, GUARD floats
  float *obs, *action;
  double reward;
  int flags;
  uint64_t episode, step; // of this probe, for messages; step 0: reset
  bool over;              // the episode has ended: reset comes next
  struct guest guest;     // for the guard
  enum guest_function function;
  bool failed;       // a call said no, or what came back cannot be worked with
  uint32_t informed; // bit i: value i of info has been written
};
enum { PROBE_SAVE_MOST = 1 << 30 };

// false: it cannot be made, and why is noted.
bool probe_create(struct probe *probe, struct check *check, const struct environment_kind *kind, uint64_t index);
void probe_destroy(struct probe *probe);
bool probe_reset(struct probe *probe, uint64_t seed);
// Steps with what lies in probe->action; halves: in two.
bool probe_step(struct probe *probe, bool halves);
void probe_info(struct probe *probe); // after a step
// How actions are drawn: component i of step t depends on the seed, t and i only.
enum actions { ACTIONS_RANDOM, ACTIONS_LOW, ACTIONS_HIGH, ACTIONS_CORNERS };
void probe_draw(struct probe *probe, enum actions actions, uint64_t seed, uint64_t t);
int64_t probe_save(struct probe *probe, void *buffer, size_t size);
int probe_load(struct probe *probe, const void *buffer, size_t size);
const char *probe_reason(struct probe *probe); // why the last call failed, or ""

// The groups. Each makes its instances itself.
void check_episodes(struct check *check, const struct environment_kind *kind);
void check_repeats(struct check *check, const struct environment_kind *kind);
void check_process(struct check *check, const struct environment_kind *kind);
void check_interleaved(struct check *check, const struct environment_kind *kind);
void check_state(struct check *check, const struct environment_kind *kind);
void check_refusals(struct check *check, const struct environment_kind *kind);
void check_halves(struct check *check, const struct environment_kind *kind);
void check_growth(struct check *check, const struct environment_kind *kind);

#endif
