#include "actor/fmi/fmi_env.h"

#include "actor/fmi/io.h"
#include "actor/fmi/slave.h"
#include "common/base/c_locale.h"
#include "common/base/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct fmi_env {
  struct fmu fmu;
  struct fmi_io io;
  struct slave *slave;
  uint64_t seed, steps; // of the episode; calls of slave_step in it
  bool runs;            // the FMU is initialised, and no call has failed
  struct error error;   // why the last call failed
};

// What a saved state begins with. The FMU's bytes follow.
struct saved_head {
  uint64_t magic, seed, steps;
};
static const uint64_t MAGIC = 0x31756d6661737263; // "crsafmu1"

// --- create ---

static void destroy(void *data) {
  struct fmi_env *self = data;
  slave_destroy(self->slave);
  fmi_io_release(&self->io);
  fmu_close(&self->fmu);
  memory_free(self);
}

static enum status open_all(struct fmi_env *self, const char *path, const char *task, struct error *error) {
  enum status status = fmu_open(&self->fmu, path, task, error);
  if (status == STATUS_OK) status = fmi_io_init(&self->io, &self->fmu, error);
  if (status != STATUS_OK) return status;
  self->slave = slave_create(&self->fmu.description, self->fmu.description.model_name, self->fmu.directory, error);
  return self->slave ? STATUS_OK : error->status;
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *reason,
                    size_t reason_size) {
  struct error error = {0};
  struct fmi_env *self = memory_alloc(1, sizeof *self, "an FMU", &error);
  if (!self) {
    snprintf(reason, reason_size, "%s", error.text);
    return NULL;
  }
  const locale_t host = locale_enter_c(); // numbers in files have a point
  const enum status status = open_all(self, config->id, config->args, &error);
  locale_restore(host);
  if (status != STATUS_OK) {
    snprintf(reason, reason_size, "%s", error.text);
    destroy(self);
    return NULL;
  }
  spec->obs_dim = (uint32_t)self->io.obs_size;
  spec->act_dim = (uint32_t)self->io.actions.size;
  spec->max_episode_steps = self->fmu.task.max_steps;
  spec->action_low = self->io.low;
  spec->action_high = self->io.high;
  spec->info_dim = (uint32_t)self->fmu.task.info.count;
  spec->info_names = self->io.info_names;
  return self;
}

// --- episodes ---

static int failed(struct fmi_env *self) {
  self->runs = false;
  return -1;
}

static double step_size(const struct fmi_env *self) { return self->fmu.task.step_size / self->fmu.task.substeps; }

// A product, so that it does not drift.
static double time_now(const struct fmi_env *self) {
  return self->fmu.task.start_time + (double)self->steps * step_size(self);
}

static enum status begin_episode(struct fmi_env *self, bool fresh) {
  const struct task *task = &self->fmu.task;
  struct fmi_io *io = &self->io;
  const struct slave_times times = {task->start_time, task->stop_time, task->tolerance};
  enum status status = slave_prepare(self->slave, fresh, times, &self->error);
  if (status == STATUS_OK) status = fmi_vector_set(&io->start, self->slave, io->started, &self->error);
  for (size_t i = 0; status == STATUS_OK && i < task->start.count; i++)
    if (task->start.entries[i].text)
      status = slave_set_text(self->slave, task->start.entries[i].variable->reference, task->start.entries[i].text,
                              &self->error);
  if (status == STATUS_OK) status = fmi_vector_set(&io->vary, self->slave, io->varied, &self->error);
  if (status == STATUS_OK) status = slave_initialize(self->slave, &self->error);
  return status;
}

// Begins the episode of this seed. An FMU that cannot be reset gets a new instance.
static enum status begin(struct fmi_env *self, uint64_t seed) {
  self->error = (struct error){0};
  self->runs = false;
  self->seed = seed;
  self->steps = 0;
  fmi_io_draw(&self->io, seed);
  enum status status = begin_episode(self, self->fmu.task.fresh);
  if (status != STATUS_OK && !self->fmu.task.fresh) {
    self->error = (struct error){0};
    status = begin_episode(self, true);
  }
  self->runs = status == STATUS_OK;
  return status;
}

static enum status observe(struct fmi_env *self, float *obs) {
  struct fmi_io *io = &self->io;
  io->time = time_now(self);
  const enum status status = fmi_vector_get(&io->reads, self->slave, io->read, &self->error);
  for (size_t i = 0; status == STATUS_OK && i < io->obs_size; i++) obs[i] = (float)io->read[i];
  return status;
}

static int reset(void *data, uint64_t seed, float *obs) {
  struct fmi_env *self = data;
  if (begin(self, seed) != STATUS_OK || observe(self, obs) != STATUS_OK) return failed(self);
  return 0;
}

static int step(void *data, const float *action, float *obs, double *reward) {
  struct fmi_env *self = data;
  struct fmi_io *io = &self->io;
  const uint64_t substeps = (uint64_t)self->fmu.task.substeps;
  bool ended = false;
  if (!self->runs) {
    self->error = (struct error){0};
    error_set(&self->error, STATUS_FAILED, "no episode is under way: none has begun, or a call in it failed");
    return -1;
  }
  for (size_t i = 0; i < io->actions.size; i++) io->action[i] = (double)action[i];
  if (fmi_vector_set(&io->actions, self->slave, io->action, &self->error) != STATUS_OK) return failed(self);
  for (uint64_t i = 0; i < substeps && !ended; i++) {
    if (slave_step(self->slave, time_now(self), step_size(self), &ended, &self->error) != STATUS_OK)
      return failed(self);
    self->steps++;
  }
  if (observe(self, obs) != STATUS_OK) return failed(self);
  *reward = expression_value(io->reward);
  if (io->terminated && expression_value(io->terminated) != 0) ended = true;
  return ended ? CORSAC_TERMINATED : 0;
}

static void info(void *data, double *values) {
  const struct fmi_io *io = &((struct fmi_env *)data)->io;
  memcpy(values, io->read + io->obs_size, io->fmu->task.info.count * sizeof *values);
}

static const char *reason(void *data) { return ((struct fmi_env *)data)->error.text; }

// --- state ---

static int64_t save(void *data, void *buffer, size_t size) {
  struct fmi_env *self = data;
  const struct saved_head head = {MAGIC, self->seed, self->steps};
  const size_t room = size > sizeof head ? size - sizeof head : 0;
  size_t need = 0;
  if (!self->runs || !self->fmu.description.can_save) return 0;
  if (slave_save(self->slave, (char *)buffer + (room ? sizeof head : 0), room, &need, &self->error) != STATUS_OK)
    return failed(self); // after an error an FMU may be reset, and no more
  if (need <= room) memcpy(buffer, &head, sizeof head);
  return (int64_t)(sizeof head + need);
}

static int load(void *data, const void *buffer, size_t size) {
  struct fmi_env *self = data;
  struct saved_head head;
  self->error = (struct error){0};
  if (size >= sizeof head) memcpy(&head, buffer, sizeof head);
  if (size < sizeof head || head.magic != MAGIC) {
    error_set(&self->error, STATUS_FORMAT, "these %zu bytes are no saved state of an FMU", size);
    return -1;
  }
  if (begin(self, head.seed) != STATUS_OK) return failed(self);
  self->steps = head.steps;
  const char *bytes = (const char *)buffer + sizeof head;
  if (slave_load(self->slave, bytes, size - sizeof head, &self->error) != STATUS_OK) return failed(self);
  return 0;
}

const struct corsac_env env_fmi = {.abi = CORSAC_ENV_ABI,
                                   .size = sizeof(struct corsac_env),
                                   .name = "fmi",
                                   .create = create,
                                   .reset = reset,
                                   .step = step,
                                   .destroy = destroy,
                                   .error = reason,
                                   .save = save,
                                   .load = load,
                                   .info = info};
