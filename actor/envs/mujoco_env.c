// What all MuJoCo tasks share: the functions of the environment ABI. The tasks are in mujoco_tasks.c.
#include "actor/envs/mujoco.h"

#include "common/base/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STATE_VERSION = 1 };
// What save writes in front of the numbers of mj_getState.
struct header {
  uint32_t state_version, mujoco_version;
  uint64_t count;
  double before;
};

static void mujoco_destroy(void *self) {
  struct mujoco_instance *instance = self;
  if (instance->data) instance->mujoco->delete_data(instance->data);
  mujoco_close(instance->own);
  memory_free(instance->state);
  memory_free(instance->qpos0);
  memory_free(instance);
}

// Checks that the model is the one that the task was written for.
static bool check_model(struct mujoco_instance *instance, char *error, size_t error_size) {
  const struct mujoco_task *task = instance->mujoco->task;
  if (instance->view.nu != (int)task->act_dim || instance->view.na != 0) {
    snprintf(error, error_size, "the model %s has %d actuators and %d activations; %s has %u and 0", task->xml,
             instance->view.nu, instance->view.na, task->name, task->act_dim);
    return false;
  }
  for (size_t i = 0; i < sizeof task->body / sizeof *task->body && task->body[i]; i++) {
    instance->body[i] = instance->mujoco->name2id(instance->mujoco->model, instance->view.body, task->body[i]);
    if (instance->body[i] >= 0) continue;
    snprintf(error, error_size, "the model %s has no body \"%s\"", task->xml, task->body[i]);
    return false;
  }
  return true;
}

static bool take_memory(struct mujoco_instance *instance) {
  const size_t nq = (size_t)instance->view.nq, nv = (size_t)instance->view.nv;
  instance->state_count = (size_t)instance->mujoco->state_size(instance->mujoco->model, instance->view.state);
  instance->saved_size = sizeof(struct header) + instance->state_count * sizeof(double);
  instance->state = memory_alloc(instance->state_count, sizeof(double), "a MuJoCo state", NULL);
  instance->qpos0 = memory_alloc(2 * (nq + nv), sizeof(double), "a MuJoCo state", NULL);
  if (!instance->state || !instance->qpos0) return false;
  instance->qvel0 = instance->qpos0 + nq;
  instance->qpos = instance->qvel0 + nv;
  instance->qvel = instance->qpos + nq;
  memcpy(instance->qpos0, instance->view.qpos, nq * sizeof(double));
  memcpy(instance->qvel0, instance->view.qvel, nv * sizeof(double));
  return true;
}

void *mujoco_create(const struct mujoco *mujoco, const struct corsac_env_config *config, struct corsac_env_spec *spec,
                    char *error, size_t error_size) {
  const struct mujoco_task *task = mujoco->task;
  if (*config->args) {
    snprintf(error, error_size, "%s takes no arguments, \"%s\" was given", task->name, config->args);
    return NULL;
  }
  struct mujoco_instance *instance = memory_alloc(1, sizeof *instance, "a MuJoCo environment", NULL);
  if (!instance) goto no_memory;
  instance->mujoco = mujoco;
  instance->data = mujoco->make_data(mujoco->model);
  if (!instance->data) goto no_memory;
  mujoco->fill_view(&instance->view, mujoco->model, instance->data);
  if (!check_model(instance, error, error_size)) goto failed;
  if (!take_memory(instance)) goto no_memory;
  for (uint32_t i = 0; i < task->act_dim; i++) { // Gymnasium's bounds are float32
    instance->low[i] = (double)(float)instance->view.ctrlrange[2 * i];
    instance->high[i] = (double)(float)instance->view.ctrlrange[2 * i + 1];
  }
  spec->obs_dim = task->obs_dim;
  spec->act_dim = task->act_dim;
  spec->max_episode_steps = task->max_episode_steps;
  spec->action_low = instance->low;
  spec->action_high = instance->high;
  return instance;
no_memory:
  snprintf(error, error_size, "out of memory");
failed:
  if (instance) mujoco_destroy(instance);
  return NULL;
}

static void *create_alone(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                          size_t error_size) {
  struct error why = {0};
  const struct mujoco_task *task = mujoco_task_find(config->id);
  struct mujoco *mujoco = task ? mujoco_open(task, NULL, &why) : NULL;
  if (!mujoco) {
    snprintf(error, error_size, "%s", task ? why.text : "there is no such MuJoCo task");
    return NULL;
  }
  struct mujoco_instance *instance = mujoco_create(mujoco, config, spec, error, error_size);
  if (instance)
    instance->own = mujoco;
  else
    mujoco_close(mujoco);
  return instance;
}

void mujoco_begin(void *self, const double *qpos, const double *qvel, float *obs) {
  struct mujoco_instance *instance = self;
  const struct mujoco *mujoco = instance->mujoco;
  mujoco->reset_data(mujoco->model, instance->data);
  memcpy(instance->view.qpos, qpos, (size_t)instance->view.nq * sizeof *qpos);
  memcpy(instance->view.qvel, qvel, (size_t)instance->view.nv * sizeof *qvel);
  mujoco->forward(mujoco->model, instance->data);
  instance->before = mujoco->task->position ? mujoco->task->position(instance) : 0;
  mujoco->task->observe(instance, obs);
}

static double around(double middle, double noise, struct random *random) {
  return middle + (-noise + 2 * noise * random_uniform(random));
}

static int mujoco_reset(void *self, uint64_t seed, float *obs) {
  struct mujoco_instance *instance = self;
  const struct mujoco_task *task = instance->mujoco->task;
  struct random random = random_stream(seed, RANDOM_RESET, 0, 0);
  for (int i = 0; i < instance->view.nq; i++)
    instance->qpos[i] = around(instance->qpos0[i], task->position_noise, &random);
  for (int i = 0; i < instance->view.nv; i++)
    instance->qvel[i] = task->normal_velocity ? instance->qvel0[i] + task->velocity_noise * random_normal(&random)
                                              : around(instance->qvel0[i], task->velocity_noise, &random);
  if (task->draw) task->draw(instance, &random, instance->qpos, instance->qvel);
  mujoco_begin(instance, instance->qpos, instance->qvel, obs);
  return 0;
}

void mujoco_bare_step(void *self, const float *action) {
  struct mujoco_instance *instance = self;
  const struct mujoco *mujoco = instance->mujoco;
  for (int i = 0; i < instance->view.nu; i++) instance->view.ctrl[i] = (double)action[i];
  for (int i = 0; i < mujoco->task->frame_skip; i++) mujoco->step(mujoco->model, instance->data);
  if (mujoco->task->reads_contacts) mujoco->rne_post_constraint(mujoco->model, instance->data);
}

static int mujoco_step(void *self, const float *action, float *obs, double *reward) {
  struct mujoco_instance *instance = self;
  const struct mujoco_task *task = instance->mujoco->task;
  mujoco_bare_step(instance, action);
  const double after = task->position ? task->position(instance) : 0;
  const double velocity = (after - instance->before) / (instance->view.timestep * task->frame_skip);
  bool terminated = false;
  instance->before = after;
  task->observe(instance, obs);
  *reward = task->reward(instance, action, velocity, &terminated);
  return terminated ? CORSAC_TERMINATED : 0;
}

static int64_t mujoco_save(void *self, void *buffer, size_t size) {
  struct mujoco_instance *instance = self;
  const struct mujoco *mujoco = instance->mujoco;
  if (size >= instance->saved_size) {
    const struct header header = {STATE_VERSION, (uint32_t)mujoco->version(), instance->state_count, instance->before};
    memcpy(buffer, &header, sizeof header);
    mujoco->get_state(mujoco->model, instance->data, instance->state, instance->view.state);
    memcpy((char *)buffer + sizeof header, instance->state, instance->state_count * sizeof(double));
  }
  return (int64_t)instance->saved_size;
}

static int mujoco_load(void *self, const void *buffer, size_t size) {
  struct mujoco_instance *instance = self;
  const struct mujoco *mujoco = instance->mujoco;
  struct header header;
  instance->error = "the bytes are not a saved state of this task";
  if (size != instance->saved_size) return -1;
  memcpy(&header, buffer, sizeof header);
  if (header.state_version != STATE_VERSION || header.count != instance->state_count || !isfinite(header.before))
    return -1;
  instance->error = "the state was saved with another version of MuJoCo";
  if (header.mujoco_version != (uint32_t)mujoco->version()) return -1;
  memcpy(instance->state, (const char *)buffer + sizeof header, instance->state_count * sizeof(double));
  instance->error = "the saved state holds a number that is not finite";
  for (size_t i = 0; i < instance->state_count; i++)
    if (!isfinite(instance->state[i])) return -1;
  mujoco->reset_data(mujoco->model, instance->data);
  mujoco->set_state(mujoco->model, instance->data, instance->state, instance->view.state);
  instance->before = header.before;
  instance->error = NULL;
  return 0;
}

static const char *mujoco_error(void *self) { return ((struct mujoco_instance *)self)->error; }

#define DEFINE(c_name, task)                                                                                           \
  const struct corsac_env env_##c_name = {.abi = CORSAC_ENV_ABI,                                                       \
                                          .size = sizeof(struct corsac_env),                                           \
                                          .name = task,                                                                \
                                          .create = create_alone,                                                      \
                                          .reset = mujoco_reset,                                                       \
                                          .step = mujoco_step,                                                         \
                                          .destroy = mujoco_destroy,                                                   \
                                          .error = mujoco_error,                                                       \
                                          .save = mujoco_save,                                                         \
                                          .load = mujoco_load};
MUJOCO_ENVIRONMENTS(DEFINE)
