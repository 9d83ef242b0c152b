// What --env names: a built-in environment, a plugin, or a program in a child process. A kind is opened once; its
// instances are made of it (actor/environment.h).
#ifndef CORSAC_ACTOR_ENVS_ENVIRONMENT_KIND_H
#define CORSAC_ACTOR_ENVS_ENVIRONMENT_KIND_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/env/env.h"
#include <stdbool.h>
#include <stddef.h>

struct environment_kind {
  const struct corsac_env *abi;
  char id[1024], args[1024];   // --env before and after its first ':'
  struct plugin *plugin;       // the opened shared object; NULL: it is no plugin of this process
  struct mujoco *mujoco;       // the library and the model of a MuJoCo task; NULL: it is none
  struct process *process;     // what a child process runs; NULL: it runs in this process
  struct fmi *fmi;             // the unpacked FMU, in this process or in children; NULL: it is none
  const struct config *config; // not owned; NULL: defaults
  struct group *group;         // not owned: the ranks that step it together (actor/group.h); NULL: one rank steps it
  bool is_guest;               // its code is not this program's, so its calls are guarded (actor/guest/guest.h)

  // While an instance waits for another process it calls waiting(who) at least ten times a second, so that the actor
  // can send heartbeats. Set by the caller before it creates instances, or NULL.
  void (*waiting)(void *who);
  void *who;
  bool heartbeats_in_step; // instances do call it

  // Tells an instance that the host refused what it returned, so that it counts as failed. NULL: it is not told.
  void (*refused)(void *self);

  // Makes an instance where abi->create does not get enough to know; NULL: abi->create makes it.
  void *(*create)(const struct environment_kind *kind, const struct corsac_env_config *, struct corsac_env_spec *,
                  char *error, size_t error_size);

  // Begins to make an instance and returns; `create` of the same index then waits for it. So several are made at once.
  // abandon ends what was begun and not created. NULL: an instance is made as a whole.
  void (*create_begin)(const struct environment_kind *kind, const struct corsac_env_config *);
  void (*create_abandon)(const struct environment_kind *kind);

  // Begins to end an instance and returns; abi->destroy then waits for it. NULL: an instance is destroyed as a whole.
  void (*destroy_begin)(void *self);
};

// Finds the environment that the option --env names (common/config/environment_form.h). exec:, gym: and pettingzoo: run
// in a child process, a plugin with config->isolate, an FMU unless its task says otherwise. The agents of PettingZoo's
// parallel environment share one policy.
//
// A message names what was given and what would be right: a similar built-in name, the missing symbol, both ABI
// numbers. A kind that could not be opened may be closed.
enum status environment_kind_open(struct environment_kind *kind, const char *env, const struct config *config,
                                  struct error *error);

// All instances have to be destroyed before.
void environment_kind_close(struct environment_kind *kind);

// What presets, the checkpoint's /env and HELLO call it: the built-in name, the last component of a plugin's or an
// FMU's path, the simulator's name, or gym:ID without its arguments.
const char *environment_kind_name(const struct environment_kind *kind);
#endif
