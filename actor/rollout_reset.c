// The instances of a rollout and the begin of their episodes. The states and the invariants are in rollout_impl.h.
#include "actor/rollout_impl.h"

#include "common/base/clock.h"
#include "common/base/random.h"
#include <string.h>

// --- instances ---

// What the job has done, as `progress` of the ABI tells it. In sync mode it must not depend on ranks.
static uint64_t env_steps(const struct rollout *rollout, uint32_t i) {
  return rollout->config->sync ? rollout->members[i].steps * rollout->config->envs : rollout->env_steps;
}

// Takes the shape of the first instance.
static enum status take_shape(struct rollout *rollout, const struct environment *environment, struct error *error) {
  const size_t dim = environment->act_dim;
  rollout->bounds = memory_alloc(2 * dim, sizeof *rollout->bounds, "a rollout", error);
  if (!rollout->bounds) return STATUS_MEMORY;
  memcpy(rollout->bounds, environment->action_low, dim * sizeof(double));
  memcpy(rollout->bounds + dim, environment->action_high, dim * sizeof(double));
  rollout->obs_dim = environment->obs_dim;
  rollout->act_dim = environment->act_dim;
  rollout->info_dim = environment->info_dim;
  rollout->history = history_of(rollout->config, environment->obs_dim, environment->act_dim);
  return history_check(rollout->config, environment_kind_name(rollout->kind), environment->obs_dim,
                       environment->act_dim, environment->max_episode_steps, WIRE_MAX_DIM, error);
}

static enum status check_shape(const struct rollout *rollout, uint32_t i, struct error *error) {
  const struct environment *environment = &rollout->members[i].environment;
  if (environment->info_dim != rollout->info_dim)
    return error_set(error, STATUS_MISMATCH,
                     "%s: environment %u has %u named values, and the first one had %u; they have to be the same",
                     environment_kind_name(rollout->kind), rollout->first + i, environment->info_dim,
                     rollout->info_dim);
  if (environment->obs_dim != rollout->obs_dim || environment->act_dim != rollout->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "%s: environment %u has obs_dim %u and act_dim %u, environment %u has %u and %u; they have "
                     "to be the same",
                     environment_kind_name(rollout->kind), rollout->first + i, environment->obs_dim,
                     environment->act_dim, rollout->first, rollout->obs_dim, rollout->act_dim);
  if (environment->agents != rollout->members[i].agents)
    return error_set(error, STATUS_MISMATCH,
                     "%s: environment %u has %u agents now and had %u: the number of an environment's agents stays",
                     environment_kind_name(rollout->kind), rollout->first + i, environment->agents,
                     rollout->members[i].agents);
  for (uint32_t k = 0; k < rollout->act_dim; k++) {
    const double low = environment->action_low[k], high = environment->action_high[k];
    const double first_low = rollout->bounds[k], first_high = rollout->bounds[rollout->act_dim + k];
    if (low < first_low || low > first_low || high < first_high || high > first_high)
      return error_set(error, STATUS_MISMATCH,
                       "%s: environment %u has bounds [%g, %g] of action component %u, environment %u had [%g, %g]; "
                       "they have to be the same",
                       environment_kind_name(rollout->kind), rollout->first + i, low, high, k, rollout->first,
                       first_low, first_high);
  }
  return STATUS_OK;
}

static struct guest guest_of(const struct rollout *rollout, uint32_t i) {
  return (struct guest){.index = rollout->first + i, .episode = rollout->members[i].episode};
}

void rollout_begin_environment(const struct rollout *rollout, uint32_t i) {
  const struct guest guest = guest_of(rollout, i);
  environment_create_begin(rollout->kind, &guest, env_steps(rollout, i));
}

enum status rollout_create_environment(struct rollout *rollout, uint32_t i, struct error *error) {
  struct member *member = &rollout->members[i];
  const struct guest guest = guest_of(rollout, i);
  enum status status =
      environment_create_for(&member->environment, rollout->kind, &guest, env_steps(rollout, i), error);
  if (status == STATUS_OK && rollout->obs_dim == 0) status = take_shape(rollout, &member->environment, error);
  if (member->agents == 0) member->agents = member->environment.agents; // the first instance
  return status == STATUS_OK ? check_shape(rollout, i, error) : status;
}

// --- episodes ---

static uint64_t reset_seed(const struct rollout *rollout, uint32_t i) {
  struct random random =
      random_stream(rollout->config->seed, RANDOM_RESET, rollout->first + i, rollout->members[i].episode);
  return random_u64(&random);
}

// Begins the reset of a member that is BETWEEN two episodes. Where the environment has no halves, end_reset does it
// all.
static enum status begin_reset(struct rollout *rollout, uint32_t i, struct error *error) {
  struct member *member = &rollout->members[i];
  member->environment.guest.episode = member->episode;
  member->environment.env_steps = env_steps(rollout, i);
  member->resets_now = true;
  if (!rollout->kind->abi->reset_begin) return STATUS_OK;
  return environment_reset_begin(&member->environment, reset_seed(rollout, i), error);
}

static enum status end_reset(struct rollout *rollout, uint32_t i, struct error *error) {
  struct member *member = &rollout->members[i];
  const uint64_t seed = reset_seed(rollout, i);
  const enum status status = rollout->kind->abi->reset_begin
                                 ? environment_reset_end(&member->environment, seed, rollout_obs(rollout, i), error)
                                 : environment_reset(&member->environment, seed, rollout_obs(rollout, i), error);
  rollout_keep_in_touch(rollout);
  if (status != STATUS_OK) return status;
  rollout_begin_agents(rollout, i);
  rollout_reset_inputs(rollout, i);
  member->state = MEMBER_RUNNING;
  member->episode_length = 0;
  member->info_episode = (struct info_episode){0};
  return STATUS_OK;
}

static enum status make_anew(struct rollout *rollout, uint32_t i, struct error *error) {
  const enum status status = rollout_create_environment(rollout, i, error);
  rollout_keep_in_touch(rollout);
  if (status != STATUS_OK) return status;
  rollout->members[i].state = MEMBER_BETWEEN;
  return begin_reset(rollout, i, error);
}

// --- the step's begin ---

static void choose_members(struct rollout *rollout) {
  uint64_t fewest = UINT64_MAX;
  for (uint32_t i = 0; i < rollout->count && rollout->config->sync; i++)
    if (rollout->members[i].steps < fewest) fewest = rollout->members[i].steps;
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    const bool pauses = member->state == MEMBER_FAILED && clock_now() < member->retry_at;
    member->steps_now = member->steps <= fewest && !pauses;
    member->resets_now = false;
  }
}

// The parts of a step's begin. A new instance may take minutes, so the other environments reset meanwhile.
enum part { PART_BEGIN, PART_MAKE, PART_END };
static enum status prepare_member(struct rollout *rollout, uint32_t i, enum part part, struct error *error) {
  const struct member *member = &rollout->members[i];
  if (!member->steps_now) return STATUS_OK;
  switch (part) {
  case PART_BEGIN:
    if (member->state == MEMBER_FAILED) rollout_begin_environment(rollout, i);
    return member->state == MEMBER_BETWEEN ? begin_reset(rollout, i, error) : STATUS_OK;
  case PART_MAKE: return member->state == MEMBER_FAILED ? make_anew(rollout, i, error) : STATUS_OK;
  case PART_END: return member->resets_now ? end_reset(rollout, i, error) : STATUS_OK;
  }
  return STATUS_OK;
}

enum status rollout_prepare_step(struct rollout *rollout, struct transition_batch *batch, struct error *error) {
  choose_members(rollout);
  for (enum part part = PART_BEGIN; part <= PART_END; part++)
    for (uint32_t i = 0; i < rollout->count; i++) {
      struct error why = {0};
      if (prepare_member(rollout, i, part, &why) == STATUS_OK) continue;
      const enum status status = rollout_take_failure(rollout, i, &why, batch, error); // it takes no part any more
      if (status != STATUS_OK) return status;
    }
  rollout->stepping = 0;
  for (uint32_t i = 0; i < rollout->count; i++) rollout->stepping += rollout->members[i].steps_now;
  return STATUS_OK;
}
