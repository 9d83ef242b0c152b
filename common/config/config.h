// The resolved configuration of a job: a plain struct. The table of options (options_table.c) fills it; afterwards it
// is only read.
#ifndef CORSAC_COMMON_CONFIG_CONFIG_H
#define CORSAC_COMMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum { CONFIG_MAX_HIDDEN = 8, CONFIG_MAX_NUMBERS = 40, CONFIG_TEXT = 1024, CONFIG_CHOICE = 16 };
enum { CONFIG_MAX_CASES = 128, CONFIG_CASES = 16384 }; // CONFIG_CASES: bytes of all cases, with a 0

// A number, or "auto".
struct config_auto {
  bool is_auto;
  double value; // where not auto
};

// The entropy that a learned alpha aims at: "auto", -3, -0.5n or sigma:0.15. config_target_entropy resolves it.
enum config_entropy_form {
  CONFIG_ENTROPY_NATS,
  CONFIG_ENTROPY_PER_ACTION, // value is a multiple of the action dimensions
  CONFIG_ENTROPY_SIGMA       // value is the standard deviation of a Gaussian with that entropy
};
struct config_entropy {
  bool is_auto;
  enum config_entropy_form form; // where not auto
  double value;
};

// The widths of an MLP's hidden layers.
struct config_widths {
  uint32_t count, width[CONFIG_MAX_HIDDEN];
};

// A number for every component of something, or one for all of them.
struct config_numbers {
  uint32_t count; // 0: not given
  double value[CONFIG_MAX_NUMBERS];
};

struct config {
  // the job
  char env[CONFIG_TEXT];
  uint64_t seed;
  char run_dir[CONFIG_TEXT], config[CONFIG_TEXT], resume[CONFIG_TEXT]; // "" where not given
  char recipe[CONFIG_TEXT];                                            // likewise; a name or a path
  uint64_t env_steps;                                                  // to reach in total
  double max_hours;                                                    // of this process; 0: no limit
  bool sync;
  uint64_t sync_steps;           // steps of each environment in a round
  uint64_t envs;                 // environment indices of the job; 0, one per actor, is resolved at start
  uint64_t ranks_per_env;        // ranks that step an environment together
  char init_replay[CONFIG_TEXT]; // file of transitions that replay begins with, "" for none
  char init_policy[CONFIG_TEXT]; // file of the policy that a new run begins with, "" for none
  // networks
  struct config_widths hidden;
  struct config_widths critic_hidden, policy_hidden; // count 0: as hidden; config_critic_hidden, config_policy_hidden
  char network[CONFIG_CHOICE];                       // dense, residual
  uint64_t expansion;                                // residual: of a block's inner layer
  char critic_norm[CONFIG_CHOICE],
      policy_norm[CONFIG_CHOICE];  // none, layer (critics), batch; critic_layer_norm says layer, too
  char output_norm[CONFIG_CHOICE]; // none, rms
  bool unit_weights;
  char init[CONFIG_CHOICE];        // uniform, orthogonal
  uint64_t critics, target_subset; // target_subset 0: all
  bool critic_layer_norm;
  char critic_loss[CONFIG_CHOICE]; // mse, categorical
  uint64_t value_atoms;
  double value_min, value_max;
  double log_std_min, log_std_max;
  char log_std_form[CONFIG_CHOICE]; // clamp, tanh
  bool normalize_observations;
  // the update
  uint64_t batch_size;
  double gamma, tau, lr_actor, lr_critic, lr_alpha;
  char lr_schedule[CONFIG_CHOICE]; // constant, linear, cosine, over env_steps
  double lr_final;                 // share of the first rate
  struct config_auto alpha;
  struct config_entropy target_entropy;
  double alpha_start;
  uint64_t policy_delay;                 // updates of the critics for one of the policy
  bool policy_first;                     // the policy's half of an update comes first
  bool policy_joint;                     // the policy's batch statistics are of [s ; s']
  double gradient_clip;                  // 0: off
  char normalize_rewards[CONFIG_CHOICE]; // none, deviation, bounded
  uint64_t history;                      // newest observations that the networks see
  bool history_actions;                  // and the actions between them
  uint64_t noise_hold;                   // most steps that one draw of noise is held
  double reward_scale;
  uint64_t n_step;
  uint64_t learner_threads;    // 0, as many as pay off, is resolved at start
  char backend[CONFIG_CHOICE]; // tiles, openblas; auto is resolved at start
  // data
  double utd;                  // gradient updates per environment step past learning_starts; 0: the learner runs free
  char utd_per[CONFIG_CHOICE]; // step, transition: what utd counts
  uint64_t utd_slack;          // of these
  uint64_t learning_starts, replay_capacity;
  uint64_t send_steps;  // steps an actor collects before it ships them
  double send_seconds;  // s after which it ships them in any case
  double actor_timeout; // s of silence after which a rank is presumed dead
  uint64_t min_actors;  // with fewer actors alive the job saves and stops
  // environment
  double env_timeout;                                 // s that a creation, a reset or a step may take
  double create_timeout, reset_timeout, step_timeout; // s, of each; 0: env_timeout
  uint64_t env_max_failures;                          // failures of an environment in a row before its actor gives up
  uint64_t max_episode_steps;                         // after which an episode is truncated; 0: the environment's own
  uint64_t frame_skip;                                // steps of the environment for which one action is held
  struct config_numbers action_low, action_high;      // bounds of its actions; count 0: its own
  char cases[CONFIG_CASES];         // lines (common/config/cases.h), or the path of their file; "": none
  char cases_per[CONFIG_CHOICE];    // environment, episode
  bool isolate;                     // run each plugin instance in a process of its own
  bool restart_each_episode;        // start the program of a child process anew for each episode
  char scratch[CONFIG_TEXT];        // directory of the children's working directories; "": none
  char scratch_from[CONFIG_TEXT];   // directory that each of these is a copy of; "": they are empty
  char scratch_keep[CONFIG_CHOICE]; // never, failed, always
  uint64_t child_cores;             // cores of each child process; 0: all that its actor may use
  char channel[CONFIG_CHOICE];      // memory, unix, tcp: to a simulator in a process of its own
  char channel_host[CONFIG_TEXT];   // of tcp: the address or interface where it is awaited
  char gym_wrap[CONFIG_TEXT];       // module:name of what wraps a gym: environment; "": nothing
  char gym_info[CONFIG_TEXT];       // auto, none, or names of numbers in its info, with rules
  char python[CONFIG_TEXT], mujoco_dir[CONFIG_TEXT]; // "": searched for
  // reports
  uint64_t checkpoint_every, checkpoint_keep;
  double checkpoint_minutes; // 0: only by steps
  bool checkpoint_replay;
  uint64_t eval_every, eval_episodes, log_every;
  uint64_t eval_max_steps;       // of an episode; 0: the default of actor/evaluator.h
  double eval_timeout;           // s; 0: likewise
  bool tensorboard;              // write event files too
  char log_level[CONFIG_CHOICE]; // error, warn, info, debug
};

// The hidden layers of each critic, and of the policy: their own, or hidden where they have none.
const struct config_widths *config_critic_hidden(const struct config *config);
const struct config_widths *config_policy_hidden(const struct config *config);

// Steps that a row sums. With a history rows are single steps, and the learner sums those of n_step.
static inline uint64_t config_row_steps(const struct config *config) {
  return config->history > 1 ? 1 : config->n_step;
}

// Whether rows say where in their episodes they stand, so that the learner's replay can hold each observation once:
// with a history, and where single observations are long. From CONFIG_LONG_OBS floats on this gathers no slower than
// rows that hold both observations (corsac bench history --history 1), and takes half of their memory.
enum { CONFIG_LONG_OBS = 1024 };
static inline bool config_links_rows(const struct config *config, uint32_t obs_dim) {
  return config->history > 1 || (config->n_step == 1 && obs_dim >= CONFIG_LONG_OBS);
}

// target_entropy in nats, for n = act_dim:   auto: -n,  -0.5n: -0.5 n,  sigma:s: n/2 log(2 pi e s^2)
double config_target_entropy(const struct config *config, uint32_t act_dim);

// Seconds that a call of an environment may take, and the longest of them.
enum config_call { CONFIG_CREATE, CONFIG_RESET, CONFIG_STEP, CONFIG_OTHER };
double config_call_timeout(const struct config *config, enum config_call call);
double config_longest_timeout(const struct config *config);

// The name of the option that limits this call: "reset_timeout", or "env_timeout" where that one is 0.
const char *config_call_option(const struct config *config, enum config_call call);

#endif
