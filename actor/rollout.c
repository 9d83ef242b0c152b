#include "actor/rollout.h"

#include "actor/group.h"
#include "actor/n_step.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Failures in a row end with an episode, or so many steps without one: an endless episode may fail once a day.
enum { GOOD_STEPS = 1000 };
static const double PAUSE_FIRST = 0.1, PAUSE_LONGEST = 5; // s, doubling in between; after a first failure none

// One environment of the job and where it stands.
struct member {
  struct environment environment;
  struct n_step window;
  uint64_t steps, episode;
  bool live; // mid-episode; else a reset into `episode` is due
  double episode_return;
  uint32_t episode_length;
  bool steps_now;           // in the step that is being made
  bool broken;              // it failed, and is made anew from `again` on
  double again;             // s
  uint32_t failures, since; // in a row; good steps since the last one
  double values[WIRE_INFO]; // named, of the step that is being made
  struct message_info info; // sums that nobody has taken yet
  bool reported;
  struct message_env_failure env_failure; // of the last failure, where not reported
  bool warned, warns;                     // that it cannot save; nobody has taken that yet
  char warning[768];
};

struct rollout {
  const struct config *config; // not owned
  const struct environment_kind *kind;
  uint32_t first, count, obs_dim, act_dim;
  struct member *members; // (count)
  float *obs, *next_obs;  // (count x obs_dim)
  float *action;          // (count x act_dim)
  uint32_t ahead;         // steps whose noise is drawn at once: it depends on nothing but their numbers
  float *noise;           // (ahead x count x act_dim)
  bool is_drawn;          // from the first member's step noise_from on
  uint64_t noise_from;
  double *reward;                     // (count)
  int *flags;                         // (count)
  uint32_t stepping;                  // members that make the step under way
  uint32_t env_failures;              // that nobody has taken yet, warnings among them
  struct message_env_failure warning; // the one that is being taken
  bool is_lent;
  struct buffer lent; // the state of the episode that a loan interrupts; size 0: none
};

static enum status check_members(const struct rollout *rollout, const struct environment_kind *kind,
                                 struct error *error) {
  if (rollout->count > 1 && kind->abi->flags & CORSAC_ONE_PER_PROCESS)
    return error_set(error, STATUS_USAGE,
                     "%s allows one environment in a process, but this actor would have %u: start more actors, "
                     "or %sset --envs to their number",
                     environment_kind_name(kind), rollout->count, rollout->config->sync ? "in a new run " : "");
  if ((uint64_t)rollout->first + rollout->count > (uint64_t)RANDOM_MAX_ENVIRONMENT + 1)
    return error_set(error, STATUS_USAGE, "a job has at most %d environments", RANDOM_MAX_ENVIRONMENT + 1);
  return STATUS_OK;
}

static enum status create_environment(struct rollout *rollout, uint32_t i, struct error *error) {
  struct environment *environment = &rollout->members[i].environment;
  enum status status = environment_create(environment, rollout->kind, rollout->first + i, false, error);
  if (status != STATUS_OK) return status;
  if (rollout->obs_dim == 0) {
    rollout->obs_dim = environment->obs_dim;
    rollout->act_dim = environment->act_dim;
  }
  if (environment->obs_dim != rollout->obs_dim || environment->act_dim != rollout->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "%s: environment %u has obs_dim %u and act_dim %u, environment %u has %u and %u; they have "
                     "to be the same",
                     environment_kind_name(rollout->kind), rollout->first + i, environment->obs_dim,
                     environment->act_dim, rollout->first, rollout->obs_dim, rollout->act_dim);
  return STATUS_OK;
}

static enum status create_member(struct rollout *rollout, uint32_t i, struct error *error) {
  struct member *member = &rollout->members[i];
  member->reported = true;
  const enum status status = create_environment(rollout, i, error);
  if (status != STATUS_OK) return status;
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
  *rollout = (struct rollout){.config = config, .kind = kind, .first = first, .count = count};
  if (check_members(rollout, kind, error) != STATUS_OK) goto failed;
  rollout->members = memory_alloc(count, sizeof *rollout->members, "a rollout", error);
  if (!rollout->members) goto failed;
  for (uint32_t i = 0; i < count; i++)
    if (create_member(rollout, i, error) != STATUS_OK) goto failed;
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
  buffer_release(&rollout->lent);
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

// The running episode, if there is one, ends here: no step of it is lost, none is added.
static void cut_episode(struct rollout *rollout, uint32_t i, struct transition_batch *batch) {
  struct member *member = &rollout->members[i];
  if (member->live && member->window.n > 1)
    n_step_close(&member->window, rollout->obs + (size_t)i * rollout->obs_dim, rollout->first + i, batch);
  member->live = false;
  member->episode++;
}

static double pause_after(uint32_t failures) {
  double pause = failures > 1 ? PAUSE_FIRST : 0;
  for (uint32_t i = 2; i < failures && pause < PAUSE_LONGEST; i++) pause *= 2;
  return pause < PAUSE_LONGEST ? pause : PAUSE_LONGEST;
}

// An environment failed: that costs its episode. What else is wrong (why is of another status), and one failure too
// many in a row, ends the rollout.
static enum status take_failure(struct rollout *rollout, uint32_t i, const struct error *why,
                                struct transition_batch *batch, struct error *error) {
  struct member *member = &rollout->members[i];
  if (why->status != STATUS_FAILED) return error_set(error, why->status, "%s", why->text);
  if (member->environment.self) cut_episode(rollout, i, batch);
  environment_destroy(&member->environment);
  member->steps_now = false;
  member->broken = true;
  member->failures = member->since >= GOOD_STEPS ? 1 : member->failures + 1;
  member->since = 0;
  const uint64_t most = rollout->config->env_max_failures;
  // No instance can be made anew in a group of which somebody does not answer.
  if (group_is_broken(rollout->kind->group)) return error_set(error, STATUS_FAILED, "%s", why->text);
  if (member->failures >= most)
    return most > 1 ? error_set(error, STATUS_FAILED, "%u failures in a row (env_max_failures), the last one: %.900s",
                                member->failures, why->text)
                    : error_set(error, STATUS_FAILED, "%s", why->text);
  const double pause = pause_after(member->failures);
  member->again = clock_now() + pause;
  member->env_failure =
      (struct message_env_failure){.environment = rollout->first + i, .in_a_row = member->failures, .pause = pause};
  snprintf(member->env_failure.text, sizeof member->env_failure.text, "%s", why->text);
  rollout->env_failures += member->reported;
  member->reported = false;
  return STATUS_OK;
}

static enum status reset_member(struct rollout *rollout, uint32_t i, struct error *error) {
  struct member *member = &rollout->members[i];
  struct random random = random_stream(rollout->config->seed, RANDOM_RESET, rollout->first + i, member->episode);
  float *obs = rollout->obs + (size_t)i * rollout->obs_dim;
  member->environment.guest.episode = member->episode;
  const enum status status = environment_reset(&member->environment, random_u64(&random), obs, error);
  if (status != STATUS_OK) return status;
  n_step_clear(&member->window);
  member->live = true;
  member->episode_return = 0;
  member->episode_length = 0;
  return STATUS_OK;
}

static uint64_t fewest_steps(const struct rollout *rollout) {
  uint64_t fewest = UINT64_MAX;
  for (uint32_t i = 0; i < rollout->count; i++)
    if (rollout->members[i].steps < fewest) fewest = rollout->members[i].steps;
  return fewest;
}

// Who makes this step: everyone who works; in sync, whose rounds have the same steps of each, only those who have made
// the fewest. What failed is made anew when its time has come, and who is between two episodes begins one.
static enum status prepare_step(struct rollout *rollout, struct transition_batch *batch, struct error *error) {
  const uint64_t fewest = rollout->config->sync ? fewest_steps(rollout) : UINT64_MAX;
  rollout->stepping = 0;
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    struct error why = {0};
    enum status status = STATUS_OK;
    member->steps_now = member->steps <= fewest && !(member->broken && clock_now() < member->again);
    if (!member->steps_now) continue;
    if (member->broken) status = create_environment(rollout, i, &why);
    if (status == STATUS_OK && !member->live) status = reset_member(rollout, i, &why);
    if (status == STATUS_OK)
      member->broken = false;
    else if ((status = take_failure(rollout, i, &why, batch, error)) != STATUS_OK)
      return status;
    rollout->stepping += member->steps_now;
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

// One member's part of a step: which of environment_step, _begin, _end.
enum part { PART_STEP, PART_BEGIN, PART_END };
static enum status step_part(struct rollout *rollout, enum part part, struct transition_batch *batch,
                             struct error *error) {
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (!member->steps_now) continue;
    const float *action = rollout->action + (size_t)i * rollout->act_dim;
    float *next = rollout->next_obs + (size_t)i * rollout->obs_dim;
    struct error why = {0};
    enum status status;
    if (part == PART_STEP)
      status = environment_step(&member->environment, action, next, &rollout->reward[i], &rollout->flags[i], &why);
    else if (part == PART_BEGIN)
      status = environment_step_begin(&member->environment, action, &why);
    else
      status = environment_step_end(&member->environment, next, &rollout->reward[i], &rollout->flags[i], &why);
    if (status == STATUS_OK) continue;
    rollout->stepping--;
    if ((status = take_failure(rollout, i, &why, batch, error)) != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static enum status step_environments(struct rollout *rollout, struct transition_batch *batch, struct error *error) {
  if (!rollout->kind->abi->step_begin) return step_part(rollout, PART_STEP, batch, error);
  const enum status status = step_part(rollout, PART_BEGIN, batch, error);
  return status == STATUS_OK ? step_part(rollout, PART_END, batch, error) : status;
}

// Without a window every step is a row, and the rows of environments [first, first + count) lie side by side already.
static void append_rows(const struct rollout *rollout, uint32_t first, uint32_t count, uint64_t version,
                        struct transition_batch *batch) {
  const size_t row = batch->rows, obs = rollout->obs_dim, action = rollout->act_dim;
  assert(count <= batch->capacity - row && batch->obs_dim == obs && batch->act_dim == action);
  memcpy(batch->obs + row * obs, rollout->obs + first * obs, count * obs * sizeof(float));
  memcpy(batch->next_obs + row * obs, rollout->next_obs + first * obs, count * obs * sizeof(float));
  memcpy(batch->action + row * action, rollout->action + first * action, count * action * sizeof(float));
  const double *reward = rollout->reward + first;
  const int *flags = rollout->flags + first;
  const float gamma = (float)rollout->config->gamma;
  for (uint32_t i = 0; i < count; i++) batch->environment[row + i] = rollout->first + first + i;
  for (uint32_t i = 0; i < count; i++) batch->version[row + i] = version;
  for (uint32_t i = 0; i < count; i++) batch->reward[row + i] = 0 + (float)reward[i]; // a sum: -0 becomes 0
  for (uint32_t i = 0; i < count; i++) batch->discount[row + i] = flags[i] & CORSAC_TERMINATED ? 0 : gamma;
  batch->rows += count;
}

// Those who sat the step out stay where they are, and there is a gap in the noise that was drawn ahead.
static void append_some_rows(struct rollout *rollout, uint64_t version, struct transition_batch *batch) {
  const size_t dim = rollout->obs_dim;
  rollout->is_drawn = false;
  for (uint32_t i = 0; i < rollout->count; i++) {
    if (!rollout->members[i].steps_now)
      memcpy(rollout->next_obs + i * dim, rollout->obs + i * dim, dim * sizeof(float));
    else if (rollout->config->n_step == 1)
      append_rows(rollout, i, 1, version, batch);
  }
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

static void add_info(struct member *member) {
  const double *values = member->values;
  member->info.info_dim = member->environment.info_dim;
  for (uint32_t k = 0; k < member->info.info_dim; k++) {
    if (!isfinite(member->info.sum[k] + values[k])) continue; // nor a sum that would not be
    member->info.count[k]++;
    member->info.sum[k] += values[k];
  }
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
  if (member->environment.info_dim > 0) add_info(member);
  if (member->since < GOOD_STEPS) member->since++;
  if (terminated || truncated) {
    member->failures = 0;
    end_episode(member, index, batch);
  }
}

static void record_progress(const struct rollout *rollout, struct transition_batch *batch) {
  for (uint32_t i = 0; i < rollout->count; i++)
    batch->progress[i] = (struct environment_progress){
        .environment = rollout->first + i, .steps = rollout->members[i].steps, .episode = rollout->members[i].episode};
  batch->environments = rollout->count;
}

enum status rollout_step(struct rollout *rollout, struct policy *policy, uint64_t newest_version,
                         struct transition_batch *batch, struct error *error) {
  if (rollout->count == 0) return STATUS_OK;
  assert(batch->environment_capacity >= rollout->count);
  uint64_t version = policy_version(policy);
  const double start = clock_coarse(); // resets, too: they keep the actor as long from answering
  enum status status = prepare_step(rollout, batch, error);
  if (status != STATUS_OK) return status;
  if (rollout->stepping > 0) {
    choose_actions(rollout, policy, version);
    status = step_environments(rollout, batch, error);
    if (status != STATUS_OK) return status;
  }
  // Before anything is booked: an environment that ends here leaves a batch that makes sense.
  for (uint32_t i = 0; i < rollout->count; i++)
    if (rollout->members[i].steps_now && rollout->members[i].environment.info_dim > 0)
      environment_info(&rollout->members[i].environment, rollout->members[i].values);
  const double took = clock_coarse() - start + CLOCK_TICK; // at least: others are patient for so long
  if (took > batch->longest_step) batch->longest_step = took;
  if (rollout->stepping == 0) return STATUS_OK;

  if (rollout->stepping < rollout->count)
    append_some_rows(rollout, version, batch);
  else if (rollout->config->n_step == 1)
    append_rows(rollout, 0, rollout->count, version, batch);
  for (uint32_t i = 0; i < rollout->count; i++)
    if (rollout->members[i].steps_now) record_step(rollout, i, version, batch);
  record_progress(rollout, batch);
  batch->steps += rollout->stepping;
  uint64_t lag = newest_version > version ? newest_version - version : 0;
  lag_record_add(&batch->lag, &(struct lag_record){rollout->stepping, lag * rollout->stepping, lag, lag});
  float *swap = rollout->obs;
  rollout->obs = rollout->next_obs;
  rollout->next_obs = swap;
  return STATUS_OK;
}

bool rollout_is_level(const struct rollout *rollout) {
  for (uint32_t i = 1; i < rollout->count; i++)
    if (rollout->members[i].steps != rollout->members[0].steps) return false;
  return true;
}

const struct message_env_failure *rollout_env_failure(struct rollout *rollout) {
  for (uint32_t i = 0; rollout->env_failures > 0 && i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (!member->reported) {
      member->reported = true;
      rollout->env_failures--;
      return &member->env_failure;
    }
    if (!member->warns) continue;
    member->warns = false;
    rollout->env_failures--;
    rollout->warning = (struct message_env_failure){.environment = rollout->first + i};
    snprintf(rollout->warning.text, sizeof rollout->warning.text, "%s", member->warning);
    return &rollout->warning;
  }
  return NULL;
}

bool rollout_take_info(struct rollout *rollout, uint32_t i, struct message_info *info) {
  struct member *member = &rollout->members[i];
  if (member->info.info_dim == 0) return false;
  *info = member->info;
  info->environment = rollout->first + i;
  member->info = (struct message_info){0};
  return true;
}

// Saves environment i. The first time that its save breaks the rules, a warning of it waits for rollout_env_failure.
static bool save_member(struct rollout *rollout, uint32_t i, struct buffer *state) {
  struct member *member = &rollout->members[i];
  const bool saved = environment_save(&member->environment, state);
  if (!member->environment.unsaved[0] || member->warned) return saved;
  member->warned = member->warns = true;
  snprintf(member->warning, sizeof member->warning, "%s", member->environment.unsaved);
  rollout->env_failures++;
  return saved;
}

// ---- loans ----

struct environment *rollout_lend(struct rollout *rollout, bool now, struct transition_batch *batch) {
  assert(rollout->count == 1);
  struct member *member = &rollout->members[0];
  rollout->lent.size = 0;
  if (member->live) {
    const bool saved = save_member(rollout, 0, &rollout->lent);
    if (!saved && !now) return NULL;
    if (!saved) cut_episode(rollout, 0, batch);
  }
  rollout->is_lent = true;
  return &member->environment;
}

enum status rollout_take_back(struct rollout *rollout, struct transition_batch *batch, struct error *error) {
  struct member *member = &rollout->members[0];
  struct error why = {0};
  rollout->is_lent = false;
  member->environment.guest.evaluation = false;
  member->broken = !member->environment.self; // it failed while it was lent
  if (!member->live) return STATUS_OK;
  enum status status = STATUS_OK;
  if (member->broken) status = create_environment(rollout, 0, &why);
  member->environment.guest.episode = member->episode;
  if (status == STATUS_OK)
    status = environment_load(&member->environment, rollout->lent.data, rollout->lent.size, &why);
  member->environment.guest.step = member->episode_length;
  if (status != STATUS_OK) return take_failure(rollout, 0, &why, batch, error);
  member->broken = false;
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
  bool saved = true;
  if (rollout->is_lent) { // it is somewhere else; where it has to be again is kept
    const enum status status = buffer_reserve(&snapshot->state, rollout->lent.size, error);
    if (status != STATUS_OK) return status;
    memcpy(snapshot->state.data, rollout->lent.data, rollout->lent.size);
    snapshot->state.size = rollout->lent.size;
  } else {
    saved = save_member(rollout, i, &snapshot->state);
  }
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

  member->environment.guest.episode = member->episode;
  enum status status = environment_load(&member->environment, snapshot->state.data, snapshot->state.size, error);
  if (status == STATUS_OK) status = n_step_load(&member->window, snapshot, error);
  if (status != STATUS_OK) return status;
  member->environment.guest.step = snapshot->episode_length;
  member->live = true;
  member->episode_return = snapshot->episode_return;
  member->episode_length = snapshot->episode_length;
  memcpy(rollout->obs + (size_t)i * rollout->obs_dim, snapshot->obs, rollout->obs_dim * sizeof(float));
  return STATUS_OK;
}
