// One environment with an environment_kind of its own, for tests of environments in child processes.
#ifndef CORSAC_TESTS_SUPPORT_ENV_SCENE_H
#define CORSAC_TESTS_SUPPORT_ENV_SCENE_H

#include "actor/environment.h"

struct env_scene {
  // What is set of run_dir, the timeouts, isolate, the scratch options, restart_each_episode, child_cores and channels
  // is kept. The rest becomes the defaults.
  struct config config;
  struct environment_kind kind;
  struct environment environment; // of index 3
  struct error error;
  float obs[2];
  double reward;
  int flags;
  void (*waiting)(void *who); // for kind, which opening clears
  void *who;
};

enum status env_scene_open(struct env_scene *s, const char *env);

// Opens the simulator that commits the fault `what` (tests/support/simulators/faulty.c).
enum status env_scene_open_faulty(struct env_scene *s, const char *what);
enum status env_scene_step(struct env_scene *s, float action);
void env_scene_close(struct env_scene *s);
#endif
