// What actors and the learner send each other: plain structs. codec.h turns them into bytes and back.
//
//   an actor sends                                    the learner sends
//   HELLO          what its environment is            START             begin; who does what follows from the config
//   TRANSITIONS    a batch of rows                    CREDIT            so many more batches may be sent
//   ROUND_END      sync: the round's rows are sent    ROUND             sync: make one round with this policy version
//   WEIGHTS_TAKEN  ready for newer weights            WEIGHTS           a policy version; newest wins, one under way
//   SNAPSHOT       one environment, whole             RESTORE           the same, back (before START)
//   EPISODE        one evaluation episode's result    EVALUATE          run these evaluation episodes
//   STOP_REQUEST   this rank was asked to stop        SNAPSHOT_REQUEST  send a snapshot of every environment
//   ENV_FAILURE    an environment failed, goes on     STOP              leave
//   FAILED         why this actor cannot go on        HEARTBEAT         both ways, when there is nothing else to send
//   INFO           sums of an environment's values
//   STEP           one step of an evaluation episode
//   BYE            the last message
//
// README.md says when each is sent.
#ifndef CORSAC_COMMON_WIRE_MESSAGE_H
#define CORSAC_COMMON_WIRE_MESSAGE_H

#include "common/base/memory.h"
#include "common/base/status.h"
#include "common/nn/policy.h"
#include <float.h>
#include <stdbool.h>
#include <stdint.h>

enum { WIRE_VERSION = 8, WIRE_TEXT = 512, WIRE_MAX_DIM = 1 << 20, WIRE_INFO = 16, WIRE_INFO_NAME = 32 };
enum { WIRE_FLAGS = 3 };          // a step's: CORSAC_TERMINATED | CORSAC_TRUNCATED
enum { WIRE_MAX_AGENTS = 65536 }; // of an environment: CORSAC_MAX_AGENTS
#define WIRE_NO_VALUE (-DBL_MAX)  // in place of a named value that has none
// Ranges. Whatever is sent is within them, and whatever is received is checked against them.
#define WIRE_MAX_MESSAGE ((size_t)1 << 30)   // bytes of a message
#define WIRE_MAX_COUNT   ((uint64_t)1 << 53) // steps, episodes, versions: what a double holds exactly
#define WIRE_MAX_SECONDS 1e9                 // any duration
#define WIRE_MAX_CREDITS 64                  // granted at once, or held: far more than a learner grants

enum message_type {
  MESSAGE_HELLO = 1,
  MESSAGE_FAILED,
  MESSAGE_TRANSITIONS,
  MESSAGE_ROUND_END,
  MESSAGE_WEIGHTS_TAKEN,
  MESSAGE_SNAPSHOT,
  MESSAGE_EPISODE,
  MESSAGE_STOP_REQUEST,
  MESSAGE_BYE,
  MESSAGE_START,
  MESSAGE_CREDIT,
  MESSAGE_ROUND,
  MESSAGE_WEIGHTS,
  MESSAGE_RESTORE,
  MESSAGE_EVALUATE,
  MESSAGE_SNAPSHOT_REQUEST,
  MESSAGE_STOP,
  MESSAGE_HEARTBEAT,
  MESSAGE_ENV_FAILURE,
  MESSAGE_INFO,
  MESSAGE_STEP,
  MESSAGE_TYPES
};

// HELLO: the environment as its create() described it.
struct message_hello {
  char environment[WIRE_TEXT]; // its name
  uint32_t obs_dim, act_dim, max_episode_steps, flags;
  bool can_save;
  double *action_low, *action_high; // (act_dim), owned
  uint32_t info_dim;
  char info_name[WIRE_INFO][WIRE_INFO_NAME]; // (info_dim)
  uint32_t environments;                     // of the sender, or after the handshake of the job; 0: each has one agent
  uint32_t *agents;                          // (environments) of each of them, owned
};
void message_hello_release(struct message_hello *hello);

// Whether a named value may have this name: 1 to WIRE_INFO_NAME - 1 of a-z, 0-9 and _. It becomes a column of
// metrics.csv.
bool message_is_info_name(const char *name);

// FAILED: an error's text and status.
struct message_failed {
  uint32_t status;
  char text[1024];
};

// ENV_FAILURE: an environment failed. Its episode is cut, it is created anew, and the job goes on.
struct message_env_failure {
  uint32_t environment;
  bool evaluation;
  uint32_t in_a_row; // this and the failures before it without an episode or many steps in between; 0: a mere warning
  double pause;      // s until it is created anew
  char text[1024];
};

// INFO: sums of one environment's named values since the last such message, in sync over one round. Of a value whose
// rule is not CORSAC_INFO_MEAN each episode that ended gives one.
struct message_info {
  uint32_t environment, info_dim;
  uint64_t count[WIRE_INFO]; // (info_dim) finite values
  double sum[WIRE_INFO];     // (info_dim) of these
};

// One finished training episode.
struct episode_record {
  uint32_t environment, length;
  uint64_t episode;
  double episode_return; // the mean of those of its agents
  uint32_t agents;       // that took part
};

// Where an environment stands after the batch. A resume needs it even where there is no snapshot.
struct environment_progress {
  uint32_t environment;
  uint64_t steps, episode; // steps made in all; number of the current episode
};

// Policy lag at action time: the newest version that the actor knew of minus the version it used.
struct lag_record {
  uint64_t count, sum, low, high; // low is UINT64_MAX where count is 0
};
void lag_record_add(struct lag_record *into, const struct lag_record *from);

// TRANSITIONS: columns of rows in the order in which they arose. Steps are counted apart from rows, because n-step
// holds rows back and emits tails, and because several agents of one environment make a transition each in its step.
// Capacities are fixed at init.
struct transition_batch {
  uint32_t obs_dim, act_dim, capacity, rows;
  uint64_t steps;
  uint64_t transitions;     // of the agents that acted in these steps; of one agent each, steps
  uint32_t *environment;    // (rows)
  uint32_t *agent;          // (rows) of the environment; NULL where every environment has one
  uint64_t *version;        // (rows) policy version that chose the row's first action
  uint64_t *episode_number; // (rows) of the environment; NULL where rows are not linked (config_links_rows)
  uint32_t *episode_step;   // (rows) the agent's, of the episode: 0: obs is its first observation; NULL likewise
  float *obs, *action;      // (rows x obs_dim), (rows x act_dim)
  float *reward;            // (rows)
  float *next_obs;          // (rows x obs_dim)
  float *discount;          // (rows)
  uint32_t episodes, episode_capacity;
  struct episode_record *episode; // (episodes)
  uint32_t environments, environment_capacity;
  struct environment_progress *progress; // (environments)
  struct lag_record lag;
  double blocked;      // s the actor waited for credits since the last batch
  double longest_step; // s, of all steps so far
};
enum status transition_batch_init(struct transition_batch *batch, uint32_t obs_dim, uint32_t act_dim, uint32_t capacity,
                                  uint32_t episode_capacity, uint32_t environment_capacity, struct error *error);
// Gives it the column `agent`.
enum status transition_batch_use_agents(struct transition_batch *batch, struct error *error);
// Gives it the columns `episode_number` and `episode_step`.
enum status transition_batch_use_episodes(struct transition_batch *batch, struct error *error);
void transition_batch_release(struct transition_batch *batch);
// Rows, episodes, steps, lag and blocked become none. longest_step and progress stay.
void transition_batch_clear(struct transition_batch *batch);

// SNAPSHOT and RESTORE: one environment of the job between two steps.
struct snapshot {
  uint32_t environment, obs_dim, act_dim;
  uint64_t steps, episode; // as in environment_progress
  bool live;               // false: counters only; the next thing is to reset into episode `episode`
  bool exact;              // resuming from it continues bit for bit
  double episode_return;   // of the running episode so far
  uint32_t episode_length; // steps of the running episode (the host's step limit counts with it)
  uint32_t info_dim;       // named values of the running episode: a count and a number of each, as in info_episode
  uint64_t info_count[WIRE_INFO];
  double info_number[WIRE_INFO];
  uint32_t window;                                   // pending n-step transitions, oldest first
  float *obs;                                        // (obs_dim) current observation
  uint32_t history_dim;                              // floats of the networks' input before it
  float *history;                                    // (history_dim) these
  float *window_obs, *window_action, *window_reward; // (window x obs_dim), (window x act_dim), (window)
  uint64_t *window_version;                          // (window)
  struct buffer state;                               // the environment's own bytes

  // Of several agents obs is (agents x obs_dim), history likewise, episode_return is their sum, and window is the sum
  // of agent_window: the windows stand one behind the other. Arrays (agents), NULL where agent_capacity is 1:
  uint32_t agents, agent_capacity;
  uint8_t *agent_state;   // enum snapshot_agent
  double *agent_return;   // of the running episode so far
  uint32_t *agent_length; // steps of its own running episode, which began when it came
  uint32_t *agent_window;
};
enum snapshot_agent { SNAPSHOT_PRESENT = 1, SNAPSHOT_TOOK_PART = 2 }; // it acts next; it acted in the running episode
// window_capacity: n_step - 1
enum status snapshot_init(struct snapshot *snapshot, uint32_t obs_dim, uint32_t act_dim, uint32_t window_capacity,
                          struct error *error);
// The same for up to so many agents, each with a window.
enum status snapshot_init_agents(struct snapshot *snapshot, uint32_t obs_dim, uint32_t act_dim,
                                 uint32_t window_capacity, uint32_t agents, struct error *error);
// The same with a window and a history as the configuration says.
enum status snapshot_init_for(struct snapshot *snapshot, const struct config *config, uint32_t obs_dim,
                              uint32_t act_dim, uint32_t agents, struct error *error);
void snapshot_release(struct snapshot *snapshot);
// Both have the same shape; `to` may have room for more agents.
enum status snapshot_copy(struct snapshot *to, const struct snapshot *from, struct error *error);
// Drops the running episode, of all agents. The counters stay.
void snapshot_forget_episode(struct snapshot *snapshot);

struct message_credit {
  uint32_t batches; // that may be sent, more than before
  uint64_t newest_version;
  uint64_t env_steps; // of the job so far
};

// Sync.
struct message_round {
  uint64_t round, version;
};
struct message_round_end {
  uint64_t round;
};

// The policy's weights follow in the same message. Episodes first, first + stride, ... below count are this actor's.
struct message_evaluate {
  uint64_t number; // of this evaluation in the job
  uint32_t first, stride, count;
  uint32_t steps;     // so many first steps of each episode are sent as STEP
  bool sampled;       // actions are drawn from the policy; false: each is the deterministic one
  uint64_t env_steps; // of the job when the policy was taken
};

// STEP: one step of an evaluation episode, as eval gathers it from other ranks. The arrays are not the message's.
struct message_step {
  uint64_t number; // of the evaluation
  uint32_t episode, step;
  uint32_t agent; // a step of several agents is a message for each that acted
  uint32_t obs_dim, act_dim;
  uint32_t flags; // CORSAC_TERMINATED | CORSAC_TRUNCATED
  double reward;
  float *obs, *next_obs; // (obs_dim)
  float *action;         // (act_dim) in [-1, 1]
  float *scaled;         // (act_dim) as the environment got it
  uint32_t info_dim;     // named values; WIRE_NO_VALUE: not given
  double info[WIRE_INFO];
  float *eps; // (act_dim) the noise of the action: 0 where it is deterministic
};

enum episode_cut {
  EPISODE_WHOLE,
  EPISODE_OUT_OF_STEPS,
  EPISODE_OUT_OF_TIME,
  EPISODE_NOT_BEGUN // there was no time left for it
};
// One episode of an evaluation.
struct message_episode {
  uint64_t number;
  uint32_t episode, length;
  double episode_return;  // so far, where it is cut
  bool failed;            // it has no return: the environment failed in it twice, or it was not begun
  uint32_t cut;           // enum episode_cut
  uint32_t info_dim;      // 0 where it failed
  double info[WIRE_INFO]; // (info_dim) each by its rule; WIRE_NO_VALUE: none was given
};

struct message_stop {
  uint32_t exit_code; // what the job ends with: EXIT_*
  bool together;      // every rank is there to leave; false: one is dead, and MPI_Finalize would wait for it
};

struct message_bye {
  uint64_t unsent; // steps made whose rows are not sent, because the job needs no more
};

// A call of an environment that an actor waits for.
enum wait_call { WAIT_NONE, WAIT_CREATE, WAIT_RESET, WAIT_STEP, WAIT_OTHER, WAIT_CALLS };
struct message_wait {
  uint32_t call; // enum wait_call; WAIT_NONE: there is none
  uint32_t environment;
  bool evaluation;
  double seconds; // so far
};

// "create", "reset", ...
const char *wait_call_name(uint32_t call);

struct message_heartbeat {
  uint64_t newest_version; // from the learner; 0 from an actor
  // from an actor:
  double longest_step;    // s
  uint64_t pid_namespace; // in which pid is its process: process_pid_namespace
  uint32_t pid;
  bool heartbeats_in_step; // also while its environments step
  struct message_wait wait;
};

#endif
