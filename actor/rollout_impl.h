// Inside of a rollout: its data, shared by the step (rollout.c), instances and resets (rollout_reset.c), failures of
// environments (rollout_failures.c), and saved states and loans (rollout_snapshot.c).
//
// The states of one environment
//
//   BETWEEN   an instance is there, and no episode is under way: the next step begins with a reset
//             prepare_step -> begin_reset, end_reset: it is RUNNING
//   RUNNING   in an episode
//             record_step, at the episode's end: it is BETWEEN
//   FAILED    its instance was destroyed; a new one is made at the first step after retry_at
//             prepare_step -> rollout_create_environment: it is BETWEEN
//
//   In every state: rollout_take_failure: it is FAILED. rollout_restore: it is RUNNING or BETWEEN, as the snapshot
//   says. rollout_lend gives the only instance away, and then no step is made; rollout_take_back ends that: RUNNING (in
//   the episode as it was), BETWEEN or FAILED.
//
//   An environment sits a step out while it is FAILED and retry_at has not come, and, in sync mode, while another one
//   has made fewer steps than it has.
//
// Invariants, between two calls (check_invariants in rollout.c):
//
//   I1. A RUNNING environment has an instance, unless that is lent, and its rows of obs are finite.
//   I2. A FAILED environment has no instance.
//   I3. The n-step windows of an environment that is not RUNNING, and of an agent that is not there, are empty: no row
//       mixes two episodes.
//   I4. unreported is the number of failures and warnings that rollout_env_failure has yet to return.
//   I5. An instance is lent only by a rollout of one environment.
//   I6. A failed step counts nowhere: it is in no row, no counter and no sum.
//
// An agent of an environment is a slot: a row of obs, an n-step window, an episode of its own within the environment's.
// The slots of a member stand side by side, in the order of its agents. An environment of one agent has one slot, so
// member i of such environments has slot i.
#ifndef CORSAC_ACTOR_ROLLOUT_IMPL_H
#define CORSAC_ACTOR_ROLLOUT_IMPL_H

#include "actor/info_episode.h"
#include "actor/n_step.h"
#include "actor/noise_hold.h"
#include "actor/rollout.h"

// A row of failures ends with an episode, or with so many steps without a failure, since an episode may have no end.
enum { ROLLOUT_GOOD_STEPS = 1000 };

enum member_state { MEMBER_BETWEEN, MEMBER_RUNNING, MEMBER_FAILED };

// One environment of the job, with its episode and its counters.
struct member {
  struct environment environment;
  enum member_state state;
  uint32_t slot, agents;   // its slots are [slot, slot + agents)
  int ends;                // flags of the step under way, where it has several agents
  uint64_t steps, episode; // of its life; the episode under way, or the next one
  uint32_t episode_length; // of the episode under way
  bool steps_now;          // it takes part in the step under way
  bool resets_now;         // its reset was begun and has to be ended

  double retry_at;                           // s: when a FAILED one is made anew
  uint32_t failures;                         // in a row
  uint32_t good_steps;                       // since the last failure, at most ROLLOUT_GOOD_STEPS
  bool has_failure, has_warning, was_warned; // to be reported; a warning is given once
  struct message_env_failure env_failure;    // the last failure, where has_failure
  char warning[768];                         // where has_warning

  double values[WIRE_INFO];         // named values of the step under way
  struct message_info info;         // their sums since rollout_take_info
  struct info_episode info_episode; // those of the episode under way, where the rule is not CORSAC_INFO_MEAN
};

// One agent of an environment, in the episode under way.
struct slot {
  struct n_step window;
  bool is_present, took_part; // it acts in the next step; it has acted in the episode
  double episode_return;
  uint32_t length;        // steps since it came
  struct noise_hold hold; // of its noise, where noise_hold > 1
};

struct rollout {
  const struct config *config;         // not owned
  const struct environment_kind *kind; // not owned
  uint32_t first, count, obs_dim, act_dim, info_dim;
  struct member *members; // (count)
  uint32_t slot_count;    // agents of all members
  bool has_agents;        // a member has several
  struct slot *slots;     // (slot_count)
  float *obs, *next_obs;  // (slot_count x obs_dim)
  struct history history; // that the policy sees
  float *input;           // (slot_count x history_width) obs with its history; NULL: there is none
  float *action;          // (slot_count x act_dim)
  double *reward;         // (slot_count)
  int *flags;             // (slot_count) how the step ended the agent's episode
  uint32_t stepping;      // members with steps_now

  uint64_t env_steps;  // of the job, as the learner said last; not in sync mode
  double *bounds;      // (2 x act_dim) lowest and highest actions of the first instance, which all others have too
  double hold_weight;  // noise_hold_weight of noise_hold
  uint32_t ahead;      // steps whose noise is drawn at once
  float *noise;        // (ahead x slot_count x act_dim)
  bool is_drawn;       // noise holds the first member's steps noise_from to noise_from + ahead - 1
  uint64_t noise_from; // a step of the first member

  uint32_t unreported;                // failures and warnings
  struct message_env_failure warning; // what rollout_env_failure returned
  bool is_lent;
  struct buffer lent; // the state of the episode that a loan interrupts; size 0: none
};

// The input of slot s (history_width).
static inline float *rollout_input(const struct rollout *rollout, uint32_t s) {
  return rollout->input + s * (size_t)history_width(&rollout->history);
}

// The current observations of member i (agents x obs_dim).
static inline float *rollout_obs(const struct rollout *rollout, uint32_t i) {
  return rollout->obs + (size_t)rollout->members[i].slot * rollout->obs_dim;
}

// --- rollout_agents.c ---

// Makes the slots, once all members have their instances.
enum status rollout_create_slots(struct rollout *rollout, struct error *error);
void rollout_destroy_slots(struct rollout *rollout);

// Appends rows of slots [slot, slot + count), but for their columns environment and agent (rollout.c).
void rollout_append_rows(const struct rollout *rollout, uint32_t slot, uint32_t count, uint64_t version,
                         struct transition_batch *batch);

// After a reset: an episode of each agent that is there begins.
void rollout_begin_agents(struct rollout *rollout, uint32_t i);

// Appends the rows of a step without a window, of the agents of member i that acted.
void rollout_append_agents(const struct rollout *rollout, uint32_t i, uint64_t version, struct transition_batch *batch);

// Pushes the step of slot s, an agent of member i, into its window. ends: CORSAC_TERMINATED | CORSAC_TRUNCATED where
// the agent's episode ends; likewise below.
void rollout_push(const struct rollout *rollout, uint32_t i, uint32_t s, uint64_t version, int ends,
                  struct transition_batch *batch);

// Counts the step that the agents of member i have made, in their windows and returns, and notes which of them are
// there for the next one. Returns how many acted.
uint32_t rollout_record_agents(struct rollout *rollout, uint32_t i, uint64_t version, int ends,
                               struct transition_batch *batch);

// The mean return of the agents that took part in the episode of member i, and their number.
double rollout_mean_return(const struct rollout *rollout, uint32_t i, uint32_t *agents);

// Where the agents of member i stand, and back.
void rollout_save_agents(const struct rollout *rollout, uint32_t i, struct snapshot *snapshot);
enum status rollout_load_agents(struct rollout *rollout, uint32_t i, const struct snapshot *snapshot,
                                struct error *error);

// --- rollout_history.c ---

// The history of each agent of member i begins with its present observation, or goes on with the action that led to it.
void rollout_reset_inputs(struct rollout *rollout, uint32_t i);
void rollout_push_inputs(struct rollout *rollout, uint32_t i);

// The histories of the agents of member i, and back. They lie before obs.
void rollout_save_inputs(const struct rollout *rollout, uint32_t i, struct snapshot *snapshot);
void rollout_load_inputs(struct rollout *rollout, uint32_t i, const struct snapshot *snapshot);

// --- rollout_agents.c ---

// Tells the instance of member i which of its agents are there, after a load.
void rollout_tell_agents(struct rollout *rollout, uint32_t i);

// After a call of one of several environments, each of which may take minutes: a heartbeat may be due.
static inline void rollout_keep_in_touch(const struct rollout *rollout) {
  const struct environment_kind *kind = rollout->kind;
  if (rollout->count > 1 && kind->waiting) kind->waiting(kind->who);
}

// Begins to make the instance of member i, where that takes a program's start: those of all members then start at once.
void rollout_begin_environment(const struct rollout *rollout, uint32_t i);

// Makes the instance of member i.
enum status rollout_create_environment(struct rollout *rollout, uint32_t i, struct error *error);

// Decides who takes part in this step: everyone who is not waiting for retry_at. Makes FAILED members anew, and begins
// an episode where none is under way: all resets begin before the first one is waited for (rollout_reset.c). In sync
// mode a round has the same steps of each environment, so only those take part who have made the fewest.
enum status rollout_prepare_step(struct rollout *rollout, struct transition_batch *batch, struct error *error);

// Ends the running episode of member i, if there is one, at its current observation: no step of it is lost, none is
// added. The next episode is the next number.
void rollout_cut_episode(struct rollout *rollout, uint32_t i, struct transition_batch *batch);

// Member i failed: its episode is cut and its instance destroyed, and it is FAILED. Fails with `why` where that ends
// the rollout: `why` is no failure of an environment, it was the last one that env_max_failures allows, or the group of
// ranks is broken.
enum status rollout_take_failure(struct rollout *rollout, uint32_t i, const struct error *why,
                                 struct transition_batch *batch, struct error *error);

// Saves the state of member i into `state`. false: it cannot now. The first time that its save breaks the rules, a
// warning waits for rollout_env_failure.
bool rollout_save_member(struct rollout *rollout, uint32_t i, struct buffer *state);
#endif
