#include "actor/rollout.h"

#include "actor/n_step.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include <assert.h>
#include <string.h>

// One environment of the job and where it stands.
struct member {
  struct environment environment;
  struct n_step window;
  uint64_t steps, episode;
  bool live; // mid-episode; else a reset into `episode` is due
  double episode_return;
  uint32_t episode_length;
};

struct rollout {
  const struct config *config; // not owned
  uint32_t first, count, obs_dim, act_dim;
  struct member *members; // (count)
  float *obs, *next_obs;  // (count x obs_dim)
  float *action;          // (count x act_dim)
  uint32_t ahead;         // steps whose noise is drawn at once: it depends on nothing but their numbers
  float *noise;           // (ahead x count x act_dim)
  bool is_drawn;          // from the first member's step noise_from on
  uint64_t noise_from;
  double *reward; // (count)
  int *flags;     // (count)
};

static enum status check_members(const struct rollout *rollout, const struct environment_kind *kind,
                                 struct error *error) {
  if (rollout->count > 1 && kind->abi->flags & CORSAC_ONE_PER_PROCESS)
    return error_set(error, STATUS_USAGE,
                     "%s allows one environment in a process, but this actor would have %u: start more actors, "
                     "or set --envs to their number",
                     environment_kind_name(kind), rollout->count);
  if ((uint64_t)rollout->first + rollout->count > (uint64_t)RANDOM_MAX_ENVIRONMENT + 1)
    return error_set(error, STATUS_USAGE, "a job has at most %d environments", RANDOM_MAX_ENVIRONMENT + 1);
  return STATUS_OK;
}

static enum status create_member(struct rollout *rollout, const struct environment_kind *kind, uint32_t i,
                                 struct error *error) {
  struct member *member = &rollout->members[i];
  struct environment *environment = &member->environment;
  enum status status = environment_create(environment, kind, rollout->first + i, false, error);
  if (status != STATUS_OK) return status;
  if (i == 0) {
    rollout->obs_dim = environment->obs_dim;
    rollout->act_dim = environment->act_dim;
  } else if (environment->obs_dim != rollout->obs_dim || environment->act_dim != rollout->act_dim) {
    return error_set(error, STATUS_MISMATCH,
                     "%s: environment %u has obs_dim %u and act_dim %u, environment %u has %u and %u; they have "
                     "to be the same",
                     environment_kind_name(kind), rollout->first + i, environment->obs_dim, environment->act_dim,
                     rollout->first, rollout->obs_dim, rollout->act_dim);
  }
  return n_step_init(&member->window, (uint32_t)rollout->config->n_step, rollout->config->gamma, rollout->obs_dim,
                     rollout->act_dim, error);
}

static bool alloc_rows(struct rollout *rollout, struct error *error) {
  static const char what[] = "a rollout";
  size_t obs = (size_t)rollout->count * rollout->obs_dim, action = (size_t)rollout->count * rollout->act_dim;
  const uint32_t pairs = (rollout->act_dim + 1) / 2;
  rollout->ahead = pairs > 0 && pairs < RANDOM_PAIRS ? RANDOM_PAIRS / pairs : 1;
  return (rollout->obs = memory_alloc(obs, sizeof(float), what, error)) &&
         (rollout->next_obs = memory_alloc(obs, sizeof(float), what, error)) &&
         (rollout->action = memory_alloc(action, sizeof(float), what, error)) &&
         (rollout->noise = memory_alloc(action * rollout->ahead, sizeof(float), what, error)) &&
         (rollout->reward = memory_alloc(rollout->count, sizeof(double), what, error)) &&
         (rollout->flags = memory_alloc(rollout->count, sizeof(int), what, error));
}

struct rollout *rollout_create(const struct config *config, const struct environment_kind *kind, uint32_t first,
                               uint32_t count, struct error *error) {
  struct rollout *rollout = memory_alloc(1, sizeof *rollout, "a rollout", error);
  if (!rollout) return NULL;
  *rollout = (struct rollout){.config = config, .first = first, .count = count};
  if (check_members(rollout, kind, error) != STATUS_OK) goto failed;
  rollout->members = memory_alloc(count, sizeof *rollout->members, "a rollout", error);
  if (!rollout->members) goto failed;
  for (uint32_t i = 0; i < count; i++)
    if (create_member(rollout, kind, i, error) != STATUS_OK) goto failed;
  if (!alloc_rows(rollout, error)) goto failed;
  return rollout;
failed:
  rollout_destroy(rollout);
  return NULL;
}

void rollout_destroy(struct rollout *rollout) {
  if (!rollout) return;
  for (uint32_t i = 0; rollout->members && i < rollout->count; i++) {
    environment_destroy(&rollout->members[i].environment);
    n_step_release(&rollout->members[i].window);
  }
  memory_free(rollout->members);
  memory_free(rollout->obs);
  memory_free(rollout->next_obs);
  memory_free(rollout->action);
  memory_free(rollout->noise);
  memory_free(rollout->reward);
  memory_free(rollout->flags);
  memory_free(rollout);
}

uint32_t rollout_count(const struct rollout *rollout) { return rollout->count; }

const struct environment *rollout_environment(const struct rollout *rollout, uint32_t i) {
  assert(i < rollout->count);
  return &rollout->members[i].environment;
}

uint32_t rollout_rows_per_step(const struct rollout *rollout) {
  return rollout->count * (uint32_t)rollout->config->n_step;
}

uint32_t rollout_episodes_per_step(const struct rollout *rollout) { return rollout->count; }

// ---- one step ----

static enum status reset_due(struct rollout *rollout, struct error *error) {
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (member->live) continue;
    struct random random = random_stream(rollout->config->seed, RANDOM_RESET, rollout->first + i, member->episode);
    float *obs = rollout->obs + (size_t)i * rollout->obs_dim;
    enum status status = environment_reset(&member->environment, random_u64(&random), obs, error);
    if (status != STATUS_OK) return status;
    n_step_clear(&member->window);
    member->live = true;
    member->episode_return = 0;
    member->episode_length = 0;
  }
  return STATUS_OK;
}

// The noise of the next step (count x act_dim).
static const float *next_noise(struct rollout *rollout) {
  const size_t dim = rollout->act_dim, row = rollout->count * dim;
  const uint64_t step = rollout->members[0].steps;
  if (!rollout->is_drawn || step - rollout->noise_from >= rollout->ahead) {
    for (uint32_t i = 0; i < rollout->count; i++)
      random_normals_at(rollout->config->seed, RANDOM_ACTOR, rollout->first + i, rollout->members[i].steps,
                        rollout->ahead, dim, rollout->noise + i * dim, row);
    rollout->is_drawn = true;
    rollout->noise_from = step;
  }
  return rollout->noise + (step - rollout->noise_from) * row;
}

// Fills action: uniform on [-1, 1) while there is no policy yet (version 0), else the policy's with the environments'
// own noise.
static void choose_actions(struct rollout *rollout, struct policy *policy, uint64_t version) {
  if (version > 0) {
    policy_act(policy, rollout->count, rollout->obs, next_noise(rollout), rollout->action);
    return;
  }
  for (uint32_t i = 0; i < rollout->count; i++) {
    const uint64_t step = rollout->members[i].steps;
    struct random random = random_stream(rollout->config->seed, RANDOM_WARMUP, rollout->first + i, step);
    float *action = rollout->action + (size_t)i * rollout->act_dim;
    for (uint32_t j = 0; j < rollout->act_dim; j++) action[j] = (float)(2 * random_uniform(&random) - 1);
  }
}

static enum status step_environments(struct rollout *rollout, struct error *error) {
  size_t obs_dim = rollout->obs_dim, act_dim = rollout->act_dim;
  bool overlap = environment_can_overlap(&rollout->members[0].environment);
  enum status status = STATUS_OK;
  for (uint32_t i = 0; overlap && i < rollout->count && status == STATUS_OK; i++)
    status = environment_step_begin(&rollout->members[i].environment, rollout->action + i * act_dim, error);
  for (uint32_t i = 0; i < rollout->count && status == STATUS_OK; i++) {
    struct environment *environment = &rollout->members[i].environment;
    float *next = rollout->next_obs + i * obs_dim;
    if (overlap)
      status = environment_step_end(environment, next, &rollout->reward[i], &rollout->flags[i], error);
    else
      status = environment_step(environment, rollout->action + i * act_dim, next, &rollout->reward[i],
                                &rollout->flags[i], error);
  }
  return status;
}

// Without a window every step is a row, and the rows of all environments lie side by side already.
static void append_rows(struct rollout *rollout, uint64_t version, struct transition_batch *batch) {
  const size_t row = batch->rows, count = rollout->count, obs = rollout->obs_dim, action = rollout->act_dim;
  assert(count <= batch->capacity - row && batch->obs_dim == obs && batch->act_dim == action);
  memcpy(batch->obs + row * obs, rollout->obs, count * obs * sizeof(float));
  memcpy(batch->next_obs + row * obs, rollout->next_obs, count * obs * sizeof(float));
  memcpy(batch->action + row * action, rollout->action, count * action * sizeof(float));
  const float gamma = (float)rollout->config->gamma;
  for (uint32_t i = 0; i < count; i++) batch->environment[row + i] = rollout->first + i;
  for (uint32_t i = 0; i < count; i++) batch->version[row + i] = version;
  for (uint32_t i = 0; i < count; i++) batch->reward[row + i] = 0 + (float)rollout->reward[i]; // a sum: -0 becomes 0
  for (uint32_t i = 0; i < count; i++) batch->discount[row + i] = rollout->flags[i] & CORSAC_TERMINATED ? 0 : gamma;
  batch->rows += rollout->count;
}

static void end_episode(struct member *member, uint32_t index, struct transition_batch *batch) {
  assert(batch->episodes < batch->episode_capacity);
  batch->episode[batch->episodes++] = (struct episode_record){.environment = index,
                                                              .length = member->episode_length,
                                                              .episode = member->episode,
                                                              .episode_return = member->episode_return};
  member->episode++;
  member->live = false;
}

// Books the step that environment i has just made.
static void record_step(struct rollout *rollout, uint32_t i, uint64_t version, struct transition_batch *batch) {
  struct member *member = &rollout->members[i];
  const uint32_t index = rollout->first + i, limit = member->environment.max_episode_steps;
  const double reward = rollout->reward[i];
  member->steps++;
  member->episode_length++;
  member->episode_return += reward;
  const bool terminated = rollout->flags[i] & CORSAC_TERMINATED;
  const bool truncated = rollout->flags[i] & CORSAC_TRUNCATED || (limit && member->episode_length >= limit);
  if (member->window.n > 1) {
    const size_t obs = (size_t)i * rollout->obs_dim, action = (size_t)i * rollout->act_dim;
    n_step_push(&member->window, rollout->obs + obs, rollout->action + action, (float)reward, version,
                rollout->next_obs + obs, terminated, truncated, index, batch);
  }
  if (terminated || truncated) end_episode(member, index, batch);
  struct environment_progress *progress = &batch->progress[i];
  progress->environment = index;
  progress->steps = member->steps;
  progress->episode = member->episode;
}

enum status rollout_step(struct rollout *rollout, struct policy *policy, uint64_t newest_version,
                         struct transition_batch *batch, struct error *error) {
  if (rollout->count == 0) return STATUS_OK;
  assert(batch->environment_capacity >= rollout->count);
  uint64_t version = policy_version(policy);
  const double start = clock_coarse(); // resets, too: they keep the actor as long from answering
  enum status status = reset_due(rollout, error);
  if (status != STATUS_OK) return status;
  choose_actions(rollout, policy, version);
  status = step_environments(rollout, error);
  if (status != STATUS_OK) return status;
  const double took = clock_coarse() - start + CLOCK_TICK; // at least: others are patient for so long
  if (took > batch->longest_step) batch->longest_step = took;

  if (rollout->config->n_step == 1) append_rows(rollout, version, batch);
  for (uint32_t i = 0; i < rollout->count; i++) record_step(rollout, i, version, batch);
  batch->environments = rollout->count;
  batch->steps += rollout->count;
  uint64_t lag = newest_version > version ? newest_version - version : 0;
  lag_record_add(&batch->lag, &(struct lag_record){rollout->count, lag * rollout->count, lag, lag});
  float *swap = rollout->obs;
  rollout->obs = rollout->next_obs;
  rollout->next_obs = swap;
  return STATUS_OK;
}

// ---- snapshots ----

enum status rollout_snapshot(struct rollout *rollout, uint32_t i, struct snapshot *snapshot, struct error *error) {
  assert(i < rollout->count && snapshot->obs_dim == rollout->obs_dim && snapshot->act_dim == rollout->act_dim);
  struct member *member = &rollout->members[i];
  snapshot->environment = rollout->first + i;
  snapshot->steps = member->steps;
  snapshot->episode = member->episode;
  snapshot->live = false;
  snapshot->exact = !member->live; // between two episodes the counters are everything
  snapshot->episode_return = 0;
  snapshot->episode_length = snapshot->window = 0;
  snapshot->state.size = 0;
  memset(snapshot->obs, 0, rollout->obs_dim * sizeof(float));
  if (!member->live) return STATUS_OK;
  bool saved = false;
  enum status status = environment_save(&member->environment, &snapshot->state, &saved, error);
  if (status != STATUS_OK) return status;
  if (!saved) {
    snapshot->episode++; // the running episode cannot be taken up again
    return STATUS_OK;
  }
  snapshot->live = snapshot->exact = true;
  snapshot->episode_return = member->episode_return;
  snapshot->episode_length = member->episode_length;
  memcpy(snapshot->obs, rollout->obs + (size_t)i * rollout->obs_dim, rollout->obs_dim * sizeof(float));
  n_step_save(&member->window, snapshot);
  return STATUS_OK;
}

enum status rollout_restore(struct rollout *rollout, const struct snapshot *snapshot, struct error *error) {
  if (snapshot->environment < rollout->first || snapshot->environment - rollout->first >= rollout->count)
    return error_set(error, STATUS_MISMATCH,
                     "a snapshot of environment %u came to an actor that has environments %u to %u",
                     snapshot->environment, rollout->first, rollout->first + rollout->count - 1);
  uint32_t i = snapshot->environment - rollout->first;
  struct member *member = &rollout->members[i];
  if (snapshot->obs_dim != rollout->obs_dim || snapshot->act_dim != rollout->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "the snapshot of environment %u has obs_dim %u and act_dim %u, here they are %u and %u",
                     snapshot->environment, snapshot->obs_dim, snapshot->act_dim, rollout->obs_dim, rollout->act_dim);
  bool stateless = snapshot->live && snapshot->state.size == 0;
  if (stateless && environment_can_save(&member->environment))
    return error_set(error, STATUS_FORMAT,
                     "the snapshot of environment %u is in the middle of an episode, but holds no state",
                     snapshot->environment);
  n_step_clear(&member->window);
  rollout->is_drawn = false;
  member->steps = snapshot->steps;
  member->episode = snapshot->episode + stateless;
  member->live = false;
  if (!snapshot->live || stateless) return STATUS_OK;

  enum status status = environment_load(&member->environment, snapshot->state.data, snapshot->state.size, error);
  if (status == STATUS_OK) status = n_step_load(&member->window, snapshot, error);
  if (status != STATUS_OK) return status;
  member->environment.step = snapshot->episode_length;
  member->live = true;
  member->episode_return = snapshot->episode_return;
  member->episode_length = snapshot->episode_length;
  memcpy(rollout->obs + (size_t)i * rollout->obs_dim, snapshot->obs, rollout->obs_dim * sizeof(float));
  return STATUS_OK;
}
