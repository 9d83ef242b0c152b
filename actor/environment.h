// The host's side of the environment ABI: finds an environment by the text of --env, makes instances, checks everything
// they return, and rescales actions. Everything above sees actions in [-1,1] and observations that are finite.
#ifndef CORSAC_ACTOR_ENVIRONMENT_H
#define CORSAC_ACTOR_ENVIRONMENT_H

#include "actor/guest/guest.h"
#include "common/base/memory.h"
#include "common/base/status.h"
#include "common/config/config.h"
#include "common/env/env.h"
#include <stdbool.h>
#include <stdint.h>

// What --env names: a built-in environment, a plugin "path/to/plugin.so[:args]" opened with dlopen (with
// config->isolate in a child process), exec:COMMAND, a simulator in a child process, or gym:ID, an
// environment of Gymnasium in a child process.
struct environment_kind {
  const struct corsac_env *abi;
  char id[1024], args[1024];
  struct plugin *plugin;       // the opened shared object, or NULL: built in
  struct mujoco *mujoco;       // library and model of a MuJoCo task, or NULL: none
  struct process *process;     // what a child process runs, or NULL: in this one
  const struct config *config; // not owned, NULL: defaults. Where things are and how long they may take.
  struct group *group;         // of ranks that step it together (actor/group.h), not owned; NULL: this rank is alone
  // An environment that waits for another process calls this every now and then (speaks says that it does), so that the
  // actor is heard of meanwhile. NULL: nobody wants to know.
  void (*waiting)(void *who);
  void *who;
  bool heartbeats_in_step;
  bool is_guest; // its code is not this program's: calls are guarded (actor/guest/guest.h)
  // Replaces abi->create where an environment of ours needs more than the ABI tells it (kind->config, say); or NULL.
  void *(*create)(const struct environment_kind *kind, const struct corsac_env_config *, struct corsac_env_spec *,
                  char *error, size_t error_size);
};
// An env with '/' in it or ending in .so (before the first ':') is a path. Messages name what was given and what would
// be right: the nearest built-in name, the missing symbol, both ABI numbers.
enum status environment_kind_open(struct environment_kind *kind, const char *env, const struct config *config,
                                  struct error *error);
void environment_kind_close(struct environment_kind *kind);
// The simulator's name in a COMMAND of exec: the last component of its path, not an interpreter's, not a variable's.
void environment_name_command(const char *command, char *name, size_t size);
// The last component of a plugin's path, the built-in's name, or gym:ID: what presets, /env and HELLO call it.
const char *environment_kind_name(const struct environment_kind *kind);

struct environment {
  const struct environment_kind *kind; // not owned
  void *self;
  struct guest guest; // its name, which one, and where it stands: whoever resets it sets the episode
  uint32_t obs_dim, act_dim, max_episode_steps;
  const double *action_low, *action_high; // (act_dim), the environment's
  float *scaled;                          // (act_dim) the last action as the environment got it
  uint32_t info_dim;                      // named values beside the reward
  const char *const *info_names;          // (info_dim)
  char unsaved[768];                      // why its save cannot be used; "": it can, or has not been asked
};
// Creates one instance and checks its spec: dimensions > 0, bounds finite and low < high.
enum status environment_create(struct environment *environment, const struct environment_kind *kind, uint64_t index,
                               bool evaluation, struct error *error);
void environment_destroy(struct environment *environment);
// obs (obs_dim) is written; every value is finite or it is STATUS_FAILED with a message that names environment, index,
// call and component.
enum status environment_reset(struct environment *environment, uint64_t seed, float *obs, struct error *error);
// STATUS_FAILED is the environment's failure; an action that is not finite is the policy's: STATUS_PEER.
// action (act_dim) in [-1,1] goes to the environment as low + (a + 1)/2 (high - low). flags: CORSAC_TERMINATED |
// CORSAC_TRUNCATED. The host's own step limit is not applied here (who counts the episode's steps applies it).
enum status environment_step(struct environment *environment, const float *action, float *obs, double *reward,
                             int *flags, struct error *error);
// The same in two halves, for environments that offer it: begin several, then end each in turn.
bool environment_can_overlap(const struct environment *environment);
enum status environment_step_begin(struct environment *environment, const float *action, struct error *error);
enum status environment_step_end(struct environment *environment, float *obs, double *reward, int *flags,
                                 struct error *error);
// values (info_dim), of the last step.
void environment_info(const struct environment *environment, double *values);
bool environment_can_save(const struct environment *environment);
// The environment's own bytes replace what buffer holds. *saved false: it cannot save now: there is no save, or save
// said no (0 bytes), or it broke its rules (a size below 0, absurd, or larger each time), which `unsaved` then tells.
enum status environment_save(struct environment *environment, struct buffer *state, bool *saved, struct error *error);
enum status environment_load(struct environment *environment, const void *state, size_t size, struct error *error);

#endif
