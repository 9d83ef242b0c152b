// The resolved configuration of a job: a plain struct, filled through the table of options.c and then only read.
#ifndef CORSAC_COMMON_CONFIG_CONFIG_H
#define CORSAC_COMMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum { CONFIG_MAX_HIDDEN = 8, CONFIG_TEXT = 1024 };

// A number, or "auto".
struct config_auto {
  bool is_auto;
  double value; // where not auto
};

// The widths of an MLP's hidden layers.
struct config_widths {
  uint32_t count, width[CONFIG_MAX_HIDDEN];
};

struct config {
  // the job
  char env[CONFIG_TEXT];
  uint64_t seed;
  char run_dir[CONFIG_TEXT], config[CONFIG_TEXT], resume[CONFIG_TEXT]; // "" where not given
  uint64_t env_steps;                                                  // total to reach
  double max_hours;                                                    // of this process; 0: no limit
  bool sync;
  uint64_t sync_steps;    // steps of each environment in a round
  uint64_t envs;          // environment indices of the job; 0: one per actor (resolved before anybody else reads it)
  uint64_t ranks_per_env; // ranks that step an environment together
  char init_replay[CONFIG_TEXT]; // file of transitions that replay begins with, "" for none
  char init_policy[CONFIG_TEXT]; // whose policy a new run begins with, "" for none
  // networks
  struct config_widths hidden;
  uint64_t critics, target_subset; // target_subset 0: all
  bool critic_layer_norm;
  bool normalize_observations;
  // the update
  uint64_t batch_size;
  double gamma, tau, lr_actor, lr_critic, lr_alpha;
  struct config_auto alpha, target_entropy;
  double reward_scale;
  uint64_t n_step;
  uint64_t learner_threads; // 0: as many as are worth it (resolved as envs is)
  char backend[16];         // auto (resolved before anybody else reads it), tiles, openblas
  // data
  double utd;         // gradient updates per environment step past learning_starts; 0: the learner runs free
  uint64_t utd_slack; // steps
  uint64_t learning_starts, replay_capacity;
  uint64_t send_steps;  // steps an actor collects before it ships them
  double send_seconds;  // ... or this long
  double actor_timeout; // s of silence after which a rank counts as gone
  uint64_t min_actors;  // with fewer alive the job saves and stops
  // environment
  double env_timeout;        // s that an environment may take to be created, to reset or to step
  uint64_t env_max_failures; // in a row, of an environment, before its actor gives up
  bool isolate;              // plugins in processes of their own
  char python[CONFIG_TEXT], mujoco_dir[CONFIG_TEXT]; // "": found
  // reports
  uint64_t checkpoint_every, checkpoint_keep;
  double checkpoint_minutes; // 0: only by steps
  bool checkpoint_replay;
  uint64_t eval_every, eval_episodes, log_every;
  uint64_t eval_max_steps; // of an episode; 0: see actor/evaluator.h, as for
  double eval_timeout;     // s
  bool tensorboard;        // event files too
  char log_level[16];      // error, warn, info, debug
};

#endif
