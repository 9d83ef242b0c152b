// The environment of the simulated jobs: a point on a line that is pushed. Its steps take the time that the plan says,
// and it fails where the plan says.
#include "actor/envs/environment_kind.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/seams.h"
#include "tests/simulation/world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_EPISODE = 40 };
static const double FAILING_EPISODES = 0.3; // of an environment that fails

struct state { // what it saves
  double x, v;
  uint64_t seed, steps, length; // steps of this instance; of the episode
};

struct instance {
  const struct environment_kind *kind;
  uint64_t index;
  bool evaluates;
  struct state state;
};

static void *create(const struct environment_kind *kind, const struct corsac_env_config *config,
                    struct corsac_env_spec *spec, char *error, size_t error_size) {
  static const double low[] = {-1}, high[] = {1};
  struct instance *instance = calloc(1, sizeof *instance);
  if (!instance) {
    snprintf(error, error_size, "no memory");
    return NULL;
  }
  *instance = (struct instance){.kind = kind, .index = config->index, .evaluates = config->evaluation};
  spec->obs_dim = 2;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  return instance;
}

static void observe(const struct instance *instance, float *obs) {
  obs[0] = (float)instance->state.x;
  obs[1] = (float)instance->state.v;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct instance *instance = self;
  const uint64_t steps = instance->state.steps;
  instance->state = (struct state){.x = plan_uniform(&world->plan, 5, seed, 0) - 0.5, .seed = seed, .steps = steps};
  observe(instance, obs);
  return 0;
}

// Sleeps for the length of a step. Where environments are processes of their own, the actor sends heartbeats meanwhile.
static void take_time(const struct instance *instance, double seconds) {
  const struct environment_kind *kind = instance->kind;
  const double until = world->now + seconds, slice = fmin(1, world->plan.actor_timeout / 8);
  while (kind->heartbeats_in_step && kind->waiting && world->now + slice < until) {
    world_sleep(slice);
    kind->waiting(kind->who);
  }
  world_sleep(until - world->now);
}

// The fault of this step, or FAULT_KINDS. Whether an episode fails depends on its seed alone, so a sync job that is
// played again fails at the same step; an environment hangs once.
static enum fault_kind fault_of(const struct instance *instance) {
  const struct plan *plan = &world->plan;
  const struct state *state = &instance->state;
  for (uint32_t i = 0; i < plan->faults && !instance->evaluates; i++) {
    const struct fault *fault = &plan->fault[i];
    if (fault->kind < FAULT_ENV_FAILS || fault->who != instance->index || fault->step != state->length) continue;
    if (plan_uniform(plan, 8, state->seed, fault->step) > FAILING_EPISODES) continue;
    if (fault->kind == FAULT_ENV_HANGS && world->hung) continue;
    world->hung |= fault->kind == FAULT_ENV_HANGS;
    return fault->kind;
  }
  return FAULT_KINDS;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct instance *instance = self;
  struct state *state = &instance->state;
  const enum fault_kind fault = fault_of(instance);
  world->current->in_step = true;
  if (fault == FAULT_ENV_HANGS && !instance->kind->heartbeats_in_step) world_wait(instance, INFINITY); // for ever
  take_time(instance, fault == FAULT_ENV_HANGS ? world->plan.env_timeout
                                               : plan_step_seconds(&world->plan, instance->index, state->steps));
  world->current->in_step = false;
  state->steps++;
  state->length++;
  if (fault == FAULT_ENV_FAILS || fault == FAULT_ENV_HANGS) return -1;
  state->v = 0.9 * state->v + 0.1 * (double)action[0] +
             0.02 * (plan_uniform(&world->plan, 6, state->seed, state->length) - 0.5);
  state->x += state->v;
  observe(instance, obs);
  if (fault == FAULT_ENV_NAN) obs[0] = NAN;
  *reward = -state->x * state->x;
  if (!instance->evaluates && fault == FAULT_KINDS) checks_step(world->checks);
  return fabs(state->x) > 1 ? CORSAC_TERMINATED : state->length >= LONGEST_EPISODE ? CORSAC_TRUNCATED : 0;
}

static const char *reason(void *self) {
  (void)self;
  return "the plan says so";
}

static int64_t save(void *self, void *buffer, size_t size) {
  const struct instance *instance = self;
  if (!world->plan.saves) return 0;
  if (size >= sizeof instance->state) memcpy(buffer, &instance->state, sizeof instance->state);
  return sizeof instance->state;
}

static int load(void *self, const void *buffer, size_t size) {
  struct instance *instance = self;
  if (size != sizeof instance->state) return -1;
  memcpy(&instance->state, buffer, size);
  return 0;
}

static void destroy(void *self) { free(self); }

static const struct corsac_env functions = {.abi = CORSAC_ENV_ABI,
                                            .size = sizeof(struct corsac_env),
                                            .name = "Simulated",
                                            .reset = reset,
                                            .step = step,
                                            .destroy = destroy,
                                            .error = reason,
                                            .save = save,
                                            .load = load};

enum status SEAM(environment_kind_open)(struct environment_kind *kind, const char *env, const struct config *config,
                                        struct error *error);
enum status SEAM(environment_kind_open)(struct environment_kind *kind, const char *env, const struct config *config,
                                        struct error *error) {
  (void)error;
  *kind = (struct environment_kind){
      .abi = &functions, .config = config, .create = create, .heartbeats_in_step = world->plan.heartbeats_in_step};
  snprintf(kind->id, sizeof kind->id, "%s", env);
  return STATUS_OK;
}
