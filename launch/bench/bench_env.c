// The actor's side of one environment (scaling, checks) beside the bare thing: libmujoco's steps alone for a MuJoCo
// task, the ABI's step for any other. Both play the same first steps of the same episode over and over.
#include "actor/environment.h"
#include "actor/envs/mujoco.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "launch/bench/bench.h"

#include <stdio.h>
#include <string.h>

enum { MAX_STEPS = 200, SEED = 1 };

struct sides {
  struct environment_kind kind;
  struct environment environment;
  uint32_t steps;         // that the episode has before it ends, at most MAX_STEPS
  float *action, *scaled; // (MAX_STEPS x agents x act_dim) in [-1, 1], and as the environment takes them
  float *obs;             // (agents x obs_dim)
  double *reward;         // (agents)
};

static uint32_t action_size(const struct sides *sides) {
  return sides->environment.agents * sides->environment.act_dim;
}

static enum status host_steps(void *context, struct error *error) {
  struct sides *sides = context;
  const uint32_t dim = action_size(sides);
  int flags;
  enum status status = environment_reset(&sides->environment, SEED, sides->obs, error);
  for (uint32_t i = 0; i < sides->steps && status == STATUS_OK; i++)
    status = environment_step(&sides->environment, sides->action + i * dim, sides->obs, sides->reward, &flags, error);
  return status;
}

static enum status bare_steps(void *context, struct error *error) {
  struct sides *sides = context;
  const struct corsac_env *abi = sides->kind.abi;
  const uint32_t dim = action_size(sides);
  void *self = sides->environment.self;
  int result = abi->reset(self, SEED, sides->obs);
  for (uint32_t i = 0; i < sides->steps && result >= 0; i++) {
    if (sides->kind.mujoco)
      mujoco_bare_step(self, sides->scaled + i * dim);
    else
      result = abi->step(self, sides->scaled + i * dim, sides->obs, sides->reward);
  }
  return result >= 0 ? STATUS_OK : error_set(error, STATUS_FAILED, "%s failed in bench env", sides->kind.id);
}

// Draws the actions and finds out how long the episode is with them.
static enum status prepare(struct sides *sides, const struct bench *bench, struct error *error) {
  const uint32_t dim = action_size(sides), agents = sides->environment.agents;
  sides->action = memory_alloc((size_t)MAX_STEPS * dim, sizeof(float), "the environment's benchmark", error);
  sides->scaled = memory_alloc((size_t)MAX_STEPS * dim, sizeof(float), "the environment's benchmark", error);
  sides->obs =
      memory_alloc((size_t)agents * sides->environment.obs_dim, sizeof(float), "the environment's benchmark", error);
  sides->reward = memory_alloc(agents, sizeof(double), "the environment's benchmark", error);
  if (!sides->action || !sides->scaled || !sides->obs || !sides->reward) return STATUS_MEMORY;
  struct random random = random_stream(bench->config.seed, RANDOM_WARMUP, 0, 0);
  for (uint32_t i = 0; i < MAX_STEPS * dim; i++) sides->action[i] = (float)(2 * random_uniform(&random) - 1);
  int flags = 0;
  enum status status = environment_reset(&sides->environment, SEED, sides->obs, error);
  const uint32_t most = sides->environment.max_episode_steps;
  while (status == STATUS_OK && !flags && sides->steps < MAX_STEPS && (most == 0 || sides->steps < most)) {
    const size_t at = (size_t)sides->steps * dim;
    status = environment_step(&sides->environment, sides->action + at, sides->obs, sides->reward, &flags, error);
    memcpy(sides->scaled + at, sides->environment.scaled, dim * sizeof(float));
    sides->steps++;
  }
  return status;
}

enum status bench_env(struct bench *bench, struct error *error) {
  struct sides sides = {0};
  enum status status = bench_read_environment(bench, error);
  if (status == STATUS_OK) status = environment_kind_open(&sides.kind, bench->config.env, &bench->config, error);
  if (status != STATUS_OK) return status;
  const struct guest guest = {0};
  status = environment_create_for(&sides.environment, &sides.kind, &guest, 0, error);
  if (status == STATUS_OK) status = prepare(&sides, bench, error);
  if (status == STATUS_OK) {
    const struct mujoco *mujoco = sides.kind.mujoco;
    const char *limit = !mujoco                        ? "the environment's own step"
                        : mujoco->task->reads_contacts ? "mj_step and mj_rnePostConstraint alone"
                                                       : "mj_step alone, as many";
    const uint32_t agents = sides.environment.agents;
    char name[BENCH_TEXT] = "environment";
    if (agents > 1) snprintf(name, sizeof name, "environment, %u agents", agents);
    const double amount = (double)sides.steps * agents;
    const struct bench_pair pair = {
        name, agents > 1 ? "transitions/s" : "steps/s", limit, host_steps, bare_steps, amount, amount, &sides};
    status = bench_measure(bench, &pair, error);
  }
  if (sides.environment.self) environment_destroy(&sides.environment);
  environment_kind_close(&sides.kind);
  memory_free(sides.action);
  memory_free(sides.scaled);
  memory_free(sides.obs);
  memory_free(sides.reward);
  return status;
}
