#include "learner/checkpoint/job_snapshot.h"

#include <string.h>

enum { ARRAYS = 15 };

// An array of the job that changes, so that a snapshot has its own.
struct array {
  void *memory;
  size_t bytes;
};

static void list_arrays(const struct job *job, struct array array[ARRAYS]) {
  const struct sac *sac = &job->sac;
  const size_t policy = sac->policy_net.parameters * sizeof(real), critics = sac->critics.size * sizeof(real);
  const size_t statistics = sac->critics.count * sac->critics.net.statistics * sizeof(real);
  const struct array all[ARRAYS] = {
      {sac->policy, policy},
      {sac->policy_statistics, sac->policy_net.statistics * sizeof(real)},
      // Without batch norm the policy itself acts, and a snapshot has no numbers here.
      {sac->acting, sac->policy_net.batch ? sac->acting_net.parameters * sizeof(real) : 0},
      {sac->policy_adam.m, policy},
      {sac->policy_adam.v, policy},
      {sac->critics.parameters, critics},
      {sac->critics.targets, critics},
      {sac->critics.statistics, statistics},
      {sac->critics.target_statistics, statistics},
      {sac->critics_adam.m, critics},
      {sac->critics_adam.v, critics},
      {job->normalizer.mean, job->normalizer.dim * sizeof(double)},
      {job->normalizer.m2, job->normalizer.dim * sizeof(double)},
      {job->rewards.returns, job->rewards.returns ? job->rewards.environments * sizeof(double) : 0},
      {job->rewards.last, job->rewards.last ? job->rewards.environments * sizeof(uint64_t) : 0},
  };
  memcpy(array, all, sizeof all);
}

static void put_arrays(struct job *job, const struct array array[ARRAYS]) {
  struct sac *sac = &job->sac;
  int i = 0;
  sac->policy = array[i++].memory;
  sac->policy_statistics = array[i++].memory;
  sac->acting = array[i++].memory;
  sac->policy_adam.m = array[i++].memory;
  sac->policy_adam.v = array[i++].memory;
  sac->critics.parameters = array[i++].memory;
  sac->critics.targets = array[i++].memory;
  sac->critics.statistics = array[i++].memory;
  sac->critics.target_statistics = array[i++].memory;
  sac->critics_adam.m = array[i++].memory;
  sac->critics_adam.v = array[i++].memory;
  job->normalizer.mean = array[i++].memory;
  job->normalizer.m2 = array[i++].memory;
  job->rewards.returns = array[i++].memory;
  job->rewards.last = array[i++].memory;
}

// Copies all values and keeps the snapshot's own memory. It has nothing that only updates need.
static void copy_values(struct job *snapshot, const struct job *job) {
  struct array own[ARRAYS];
  struct snapshot *environments = snapshot->environments;
  struct replay *replay = snapshot->replay;
  list_arrays(snapshot, own);
  *snapshot = *job;
  put_arrays(snapshot, own);
  snapshot->environments = environments;
  snapshot->replay = replay;
  snapshot->team = snapshot->sac.team = NULL;
  snapshot->sac.scratch = NULL;
  snapshot->sac.fold_scratch = snapshot->sac.critics.fold_scratch = snapshot->sac.critics.folded = NULL;
  snapshot->sample = NULL;
  snapshot->shift = snapshot->scale = NULL;
  snapshot->rewards.discount = NULL;
  snapshot->rewards.weight = NULL;
  snapshot->seconds = job_seconds(job);
  snapshot->started = 0; // its time does not go on
}

static enum status copy_memory(struct job *snapshot, const struct job *job, struct error *error) {
  struct array to[ARRAYS], from[ARRAYS];
  list_arrays(snapshot, to);
  list_arrays(job, from);
  for (int i = 0; i < ARRAYS; i++)
    if (from[i].bytes > 0) memcpy(to[i].memory, from[i].memory, from[i].bytes);
  for (uint64_t e = 0; e < job->config.envs; e++) {
    const enum status status = snapshot_copy(&snapshot->environments[e], &job->environments[e], error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

enum status job_snapshot_init(struct job *snapshot, const struct job *job, struct error *error) {
  struct array array[ARRAYS];
  bool good = true;
  *snapshot = (struct job){0};
  list_arrays(job, array);
  for (int i = 0; i < ARRAYS; i++) {
    array[i].memory = memory_alloc(array[i].bytes, 1, "a checkpoint's copy of the networks", error);
    good &= array[i].memory != NULL;
  }
  put_arrays(snapshot, array);
  snapshot->config.envs = job->config.envs;
  snapshot->replay = replay_view_create(job->replay, error);
  snapshot->environments =
      memory_alloc(job->config.envs, sizeof *snapshot->environments, "a checkpoint's copy of the environments", error);
  good &= snapshot->replay && snapshot->environments;
  for (uint64_t e = 0; good && e < job->config.envs; e++)
    good = snapshot_init_for(&snapshot->environments[e], &job->config, job->environment.obs_dim,
                             job->environment.act_dim, job_agents(job, e), error) == STATUS_OK;

  // The first copy also touches the memory, so that taking a snapshot later does not wait for pages.
  if (good) copy_values(snapshot, job);
  if (good && copy_memory(snapshot, job, error) == STATUS_OK) return STATUS_OK;
  job_snapshot_release(snapshot);
  return STATUS_MEMORY;
}

void job_snapshot_release(struct job *snapshot) {
  struct array array[ARRAYS];
  list_arrays(snapshot, array);
  for (int i = 0; i < ARRAYS; i++) memory_free(array[i].memory);
  for (uint64_t e = 0; snapshot->environments && e < snapshot->config.envs; e++)
    snapshot_release(&snapshot->environments[e]);
  memory_free(snapshot->environments);
  replay_destroy(snapshot->replay);
  *snapshot = (struct job){0};
}

enum status job_snapshot_take(struct job *snapshot, const struct job *job, bool with_replay, struct error *error) {
  const enum status status = copy_memory(snapshot, job, error);
  if (status != STATUS_OK) return status;
  copy_values(snapshot, job);
  if (with_replay) replay_view_take(snapshot->replay);
  return STATUS_OK;
}
