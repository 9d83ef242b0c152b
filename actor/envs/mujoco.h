// The MuJoCo tasks. libmujoco is opened at run time. All instances of an environment_kind share it and the task's
// model.
#ifndef CORSAC_ACTOR_ENVS_MUJOCO_H
#define CORSAC_ACTOR_ENVS_MUJOCO_H

#include "actor/envs/mujoco_view.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/env/env.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mujoco_task;
struct mujoco {
  const struct mujoco_task *task;
  void *library, *view_library; // dlopen's handles
  void *model;                  // mjModel
  // libmujoco's functions; model is an mjModel, data an mjData
  int (*version)(void);
  void *(*load_xml)(const char *file, const void *vfs, char *error, int error_size);
  void (*delete_model)(void *model);
  void *(*make_data)(const void *model);
  void (*delete_data)(void *data);
  void (*reset_data)(const void *model, void *data);
  void (*forward)(const void *model, void *data);
  void (*step)(const void *model, void *data);
  void (*rne_post_constraint)(const void *model, void *data);
  int (*state_size)(const void *model, int what);
  void (*get_state)(const void *model, const void *data, double *state, int what);
  void (*set_state)(const void *model, void *data, const double *state, int what);
  int (*name2id)(const void *model, int type, const char *name);
  // libcorsac_mujoco's function
  void (*fill_view)(struct mujoco_view *view, const void *model, void *data);
};

enum { MUJOCO_MAX_ACT = 32 };
struct mujoco_instance {
  const struct mujoco *mujoco;
  struct mujoco *own; // closed with the instance; NULL: `mujoco` is the kind's
  void *data;         // mjData
  struct mujoco_view view;
  double before; // task->position before the next step; a resume cannot compute it from qpos
  int body[3];   // the bodies that task->body names
  double *state; // scratch of save and load
  size_t state_count, saved_size;
  double *qpos0, *qvel0, *qpos, *qvel; // as the model starts, and scratch of reset: (nq) (nv)
  double low[MUJOCO_MAX_ACT], high[MUJOCO_MAX_ACT];
  const char *error;
};

// A task as Gymnasium defines it.
struct mujoco_task {
  const char *name, *xml;
  int frame_skip;
  uint32_t max_episode_steps, obs_dim, act_dim;
  double position_noise, velocity_noise;
  bool normal_velocity; // the velocity's noise is N(0, velocity_noise^2), not uniform
  bool reads_contacts;  // it needs cfrc_ext, which mj_rnePostConstraint fills after the steps
  const char *body[3];  // names of the bodies that it needs

  // Draws what a reset needs beside the noise; or NULL.
  void (*draw)(const struct mujoco_instance *, struct random *, double *qpos, double *qvel);

  // The position whose velocity over a step the reward gets; or NULL.
  double (*position)(const struct mujoco_instance *);

  void (*observe)(const struct mujoco_instance *, float *obs);
  double (*reward)(const struct mujoco_instance *, const float *action, double velocity, bool *terminated);
};
extern const struct mujoco_task mujoco_tasks[];
extern const size_t mujoco_task_count;
const struct mujoco_task *mujoco_task_find(const char *name);

// Opens libmujoco and the task's model in `directory` (NULL or "": the default, where install-deps.sh puts them). NULL:
// STATUS_IO or STATUS_MISMATCH, with what is missing and what to do.
struct mujoco *mujoco_open(const struct mujoco_task *task, const char *directory, struct error *error);

// After all of its instances. NULL is fine.
void mujoco_close(struct mujoco *mujoco);

// Writes the directory that libmujoco is looked for in. false: there is no home directory, or the path is too long.
bool mujoco_directory(const char *given, char *path, size_t size);

void *mujoco_create(const struct mujoco *mujoco, const struct corsac_env_config *config, struct corsac_env_spec *spec,
                    char *error, size_t error_size);

// Begins an episode in this state, and writes its first observation, obs (obs_dim).
void mujoco_begin(void *self, const double *qpos, const double *qvel, float *obs);

// What a step costs in libmujoco alone: mj_step frame_skip times, and mj_rnePostConstraint where the task reads
// contacts.
void mujoco_bare_step(void *self, const float *action);

// The struct corsac_env of each task. Its create opens libmujoco for the instance alone; an environment_kind opens it
// once for all.
#define MUJOCO_ENVIRONMENTS(X)                                                                                         \
  X(half_cheetah, "HalfCheetah-v5")                                                                                    \
  X(hopper, "Hopper-v5")                                                                                               \
  X(walker2d, "Walker2d-v5")                                                                                           \
  X(ant, "Ant-v5")                                                                                                     \
  X(humanoid, "Humanoid-v5")                                                                                           \
  X(swimmer, "Swimmer-v5")                                                                                             \
  X(reacher, "Reacher-v5")                                                                                             \
  X(pusher, "Pusher-v5")                                                                                               \
  X(inverted_pendulum, "InvertedPendulum-v5")                                                                          \
  X(inverted_double_pendulum, "InvertedDoublePendulum-v5")                                                             \
  X(humanoid_standup, "HumanoidStandup-v5")
#define DECLARE(c_name, name) extern const struct corsac_env env_##c_name;
MUJOCO_ENVIRONMENTS(DECLARE)
#undef DECLARE

#endif
