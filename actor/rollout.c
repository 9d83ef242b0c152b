// The step of a rollout: resets (rollout_reset.c), one batched policy forward, the environments' steps, and the rows
// that come of them. The states of an environment and the invariants are in rollout_impl.h.
#include "actor/rollout_impl.h"

#include "common/base/clock.h"
#include "common/base/random.h"
#include <assert.h>
#include <math.h>
#include <string.h>

#ifdef CORSAC_CHECKS
static void check_invariants(const struct rollout *rollout) {
  uint32_t unreported = 0;
  for (uint32_t i = 0; i < rollout->count; i++) {
    const struct member *member = &rollout->members[i];
    if (member->state == MEMBER_RUNNING) {
      assert(member->environment.self || rollout->is_lent); // I1
      for (size_t j = 0; j < (size_t)member->agents * rollout->obs_dim; j++)
        assert(isfinite(rollout_obs(rollout, i)[j]));
    }
    for (uint32_t j = 0; j < member->agents; j++) {
      const struct slot *slot = &rollout->slots[member->slot + j];
      const bool is_there = member->state == MEMBER_RUNNING && (member->agents == 1 || slot->is_present);
      assert(is_there || slot->window.count == 0); // I3
    }
    if (member->state == MEMBER_FAILED) assert(!member->environment.self); // I2
    unreported += (uint32_t)member->has_failure + (uint32_t)member->has_warning;
  }
  assert(unreported == rollout->unreported);        // I4
  assert(!rollout->is_lent || rollout->count == 1); // I5
}
#else
static void check_invariants(const struct rollout *rollout) { (void)rollout; }
#endif

// --- create and destroy ---

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

// Noise depends on nothing but the numbers of environment and step, so it is drawn for several steps at once: as many
// as give random_normals_at one full run of RANDOM_PAIRS pairs.
static bool alloc_rows(struct rollout *rollout, struct error *error) {
  static const char what[] = "a rollout";
  const size_t slots = rollout->slot_count, obs = slots * rollout->obs_dim, action = slots * rollout->act_dim;
  const size_t input = slots * history_width(&rollout->history);
  const size_t pairs = (action / (rollout->count > 0 ? rollout->count : 1) + 1) / 2;
  rollout->ahead =
      pairs > 0 && pairs < RANDOM_PAIRS && rollout->config->noise_hold <= 1 ? (uint32_t)(RANDOM_PAIRS / pairs) : 1;
  return (rollout->obs = memory_alloc(obs, sizeof(float), what, error)) &&
         (rollout->next_obs = memory_alloc(obs, sizeof(float), what, error)) &&
         (rollout->action = memory_alloc(action, sizeof(float), what, error)) &&
         (rollout->noise = memory_alloc(action * rollout->ahead, sizeof(float), what, error)) &&
         (rollout->history.length == 1 || (rollout->input = memory_alloc(input, sizeof(float), what, error))) &&
         (rollout->reward = memory_alloc(slots, sizeof(double), what, error)) &&
         (rollout->flags = memory_alloc(slots, sizeof(int), what, error));
}

struct rollout *rollout_create(const struct config *config, const struct environment_kind *kind, uint32_t first,
                               uint32_t count, struct error *error) {
  struct rollout *rollout = memory_alloc(1, sizeof *rollout, "a rollout", error);
  if (!rollout) return NULL;
  *rollout = (struct rollout){.config = config, .kind = kind, .first = first, .count = count};
  if (check_members(rollout, kind, error) != STATUS_OK) goto failed;
  rollout->members = memory_alloc(count, sizeof *rollout->members, "a rollout", error);
  if (!rollout->members) goto failed;
  for (uint32_t i = 0; i < count; i++) rollout_begin_environment(rollout, i);
  for (uint32_t i = 0; i < count; i++)
    if (rollout_create_environment(rollout, i, error) != STATUS_OK) goto failed;
  if (rollout_create_slots(rollout, error) != STATUS_OK || !alloc_rows(rollout, error)) goto failed;
  rollout->hold_weight = noise_hold_weight((uint32_t)config->noise_hold);
  return rollout;
failed:
  rollout_destroy(rollout);
  return NULL;
}

void rollout_destroy(struct rollout *rollout) {
  if (!rollout) return;
  environment_create_abandon(rollout->kind);
  for (uint32_t i = 0; rollout->members && i < rollout->count; i++)
    environment_destroy_begin(&rollout->members[i].environment);
  for (uint32_t i = 0; rollout->members && i < rollout->count; i++)
    environment_destroy(&rollout->members[i].environment);
  rollout_destroy_slots(rollout);
  memory_free(rollout->members);
  memory_free(rollout->bounds);
  memory_free(rollout->obs);
  memory_free(rollout->next_obs);
  memory_free(rollout->input);
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

uint32_t rollout_agents(const struct rollout *rollout, uint32_t i) { return rollout->members[i].agents; }

uint32_t rollout_rows_per_step(const struct rollout *rollout) {
  return rollout->slot_count * (uint32_t)config_row_steps(rollout->config);
}

uint32_t rollout_episodes_per_step(const struct rollout *rollout) { return rollout->count; }

// --- one step ---

// The noise of the next step (slot_count x act_dim). The agents of an environment share its stream: agent j has the
// numbers from j act_dim on, so it does not matter how many others there are.
static const float *next_noise(struct rollout *rollout) {
  const size_t dim = rollout->act_dim, row = rollout->slot_count * dim;
  const uint64_t step = rollout->members[0].steps;
  if (!rollout->is_drawn || step - rollout->noise_from >= rollout->ahead) {
    for (uint32_t i = 0; i < rollout->count; i++) {
      const struct member *member = &rollout->members[i];
      random_normals_at(random_stream(rollout->config->seed, RANDOM_ACTOR, rollout->first + i, member->steps),
                        rollout->ahead, member->agents * dim, rollout->noise + member->slot * dim, row);
    }
    rollout->is_drawn = true;
    rollout->noise_from = step;
  }
  return rollout->noise + (step - rollout->noise_from) * row;
}

// The same of agent j of member i where noise is held for some steps.
static void hold_noise(struct rollout *rollout, uint32_t i, uint32_t j) {
  const struct config *config = rollout->config;
  const struct member *member = &rollout->members[i];
  const uint32_t index = rollout->first + i;
  const size_t dim = rollout->act_dim;
  struct slot *slot = &rollout->slots[member->slot + j];
  float *noise = rollout->noise + (member->slot + j) * dim;
  const struct noise_hold_rule rule = {config->seed, index, (uint32_t)config->noise_hold, rollout->hold_weight, j};
  const uint32_t length = member->agents > 1 ? slot->length : member->episode_length;
  if (!noise_hold_find(&rule, &slot->hold, member->steps, length)) return;
  struct random random = random_stream(config->seed, RANDOM_ACTOR, index, slot->hold.from);
  if (j == 0) {
    random_normals_at(random, 1, dim, noise, dim);
    return;
  }
  random_skip_normals(&random, j * dim);
  for (size_t k = 0; k < dim; k++) noise[k] = (float)random_normal(&random);
}

// One that sits this step out keeps its noise.
static const float *held_noise(struct rollout *rollout) {
  for (uint32_t i = 0; i < rollout->count; i++)
    for (uint32_t j = 0; rollout->members[i].steps_now && j < rollout->members[i].agents; j++)
      if (rollout->members[i].agents == 1 || rollout->slots[rollout->members[i].slot + j].is_present)
        hold_noise(rollout, i, j);
  return rollout->noise;
}

// Fills rollout->action: uniform on [-1, 1) while there is no policy yet (version 0), else the policy's action with
// noise.
static void choose_actions(struct rollout *rollout, struct policy *policy, uint64_t version) {
  if (version > 0) {
    const float *noise = rollout->config->noise_hold > 1 ? held_noise(rollout) : next_noise(rollout);
    policy_act(policy, rollout->slot_count, rollout->input ? rollout->input : rollout->obs, noise, rollout->action);
    return;
  }
  for (uint32_t i = 0; i < rollout->count; i++) {
    const struct member *member = &rollout->members[i];
    struct random random = random_stream(rollout->config->seed, RANDOM_WARMUP, rollout->first + i, member->steps);
    float *action = rollout->action + (size_t)member->slot * rollout->act_dim;
    for (size_t j = 0; j < (size_t)member->agents * rollout->act_dim; j++)
      action[j] = (float)(2 * random_uniform(&random) - 1);
  }
}

// Calls environment_step, _step_begin or _step_end of every member that takes part. PART_AGAIN begins the next step of
// the environment in a step that goes on.
enum part { PART_STEP, PART_BEGIN, PART_AGAIN, PART_END };
static enum status step_part(struct rollout *rollout, enum part part, struct transition_batch *batch,
                             struct error *error) {
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (!member->steps_now || (part >= PART_AGAIN && !environment_step_goes_on(&member->environment))) continue;
    const uint32_t slot = member->slot;
    const float *action = rollout->action + (size_t)slot * rollout->act_dim;
    float *next = rollout->next_obs + (size_t)slot * rollout->obs_dim;
    struct error why = {0};
    enum status status;
    if (part == PART_STEP)
      status =
          environment_step(&member->environment, action, next, &rollout->reward[slot], &rollout->flags[slot], &why);
    else if (part != PART_END)
      status = environment_step_begin(&member->environment, action, &why);
    else
      status = environment_step_end(&member->environment, next, &rollout->reward[slot], &rollout->flags[slot], &why);
    rollout_keep_in_touch(rollout);
    if (status == STATUS_OK) continue;
    rollout->stepping--; // I6
    if ((status = rollout_take_failure(rollout, i, &why, batch, error)) != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static enum status step_environments(struct rollout *rollout, struct transition_batch *batch, struct error *error) {
  if (!rollout->kind->abi->step_begin) return step_part(rollout, PART_STEP, batch, error);
  enum status status = STATUS_OK;
  bool goes_on = true;
  for (enum part part = PART_BEGIN; goes_on && status == STATUS_OK; part = PART_AGAIN) {
    status = step_part(rollout, part, batch, error);
    if (status == STATUS_OK) status = step_part(rollout, PART_END, batch, error);
    goes_on = false;
    for (uint32_t i = 0; i < rollout->count; i++)
      goes_on |= rollout->members[i].steps_now && environment_step_goes_on(&rollout->members[i].environment);
  }
  return status;
}

// Without a window every step is a row, and its arrays lie here as they do in the batch.
void rollout_append_rows(const struct rollout *rollout, uint32_t slot, uint32_t count, uint64_t version,
                         struct transition_batch *batch) {
  const size_t row = batch->rows, obs = rollout->obs_dim, action = rollout->act_dim;
  assert(count <= batch->capacity - row && batch->obs_dim == obs && batch->act_dim == action);
  memcpy(batch->obs + row * obs, rollout->obs + slot * obs, count * obs * sizeof(float));
  memcpy(batch->next_obs + row * obs, rollout->next_obs + slot * obs, count * obs * sizeof(float));
  memcpy(batch->action + row * action, rollout->action + slot * action, count * action * sizeof(float));
  const double *reward = rollout->reward + slot;
  const int *flags = rollout->flags + slot;
  const float gamma = (float)rollout->config->gamma;
  for (uint32_t i = 0; i < count; i++) batch->version[row + i] = version;
  for (uint32_t i = 0; i < count; i++)
    batch->reward[row + i] = 0 + (float)reward[i]; // -0 becomes 0, as in the sum of a window
  for (uint32_t i = 0; i < count; i++) batch->discount[row + i] = flags[i] & CORSAC_TERMINATED ? 0 : gamma;
  batch->rows += count;
}

// Appends the step of environments [first, first + count), of one agent each, as rows.
static void append_rows(const struct rollout *rollout, uint32_t first, uint32_t count, uint64_t version,
                        struct transition_batch *batch) {
  const size_t row = batch->rows;
  rollout_append_rows(rollout, first, count, version, batch);
  for (uint32_t i = 0; i < count; i++) batch->environment[row + i] = rollout->first + first + i;
  for (uint32_t i = 0; i < count && batch->episode_step; i++) {
    batch->episode_number[row + i] = rollout->members[first + i].episode;
    batch->episode_step[row + i] = rollout->members[first + i].episode_length;
  }
}

// The same where somebody sat the step out, or has several agents. Who sat it out keeps its observation, and the steps
// of the members are no longer level, so the noise that was drawn ahead is not theirs.
static void append_some_rows(struct rollout *rollout, uint64_t version, struct transition_batch *batch) {
  const size_t dim = rollout->obs_dim;
  rollout->is_drawn &= rollout->stepping == rollout->count;
  for (uint32_t i = 0; i < rollout->count; i++) {
    const struct member *member = &rollout->members[i];
    if (!member->steps_now)
      memcpy(rollout->next_obs + member->slot * dim, rollout->obs + member->slot * dim,
             member->agents * dim * sizeof(float));
    else if (config_row_steps(rollout->config) == 1 && rollout->has_agents)
      rollout_append_agents(rollout, i, version, batch);
    else if (config_row_steps(rollout->config) == 1)
      append_rows(rollout, i, 1, version, batch);
  }
}

// Where an environment has several agents, its flags hold for each that has not ended by itself.
static void spread_flags(struct rollout *rollout) {
  for (uint32_t i = 0; rollout->has_agents && i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (!member->steps_now || member->agents == 1) continue;
    const uint8_t *agent = member->environment.agent;
    int *flags = rollout->flags + member->slot;
    member->ends = *flags;
    for (uint32_t j = 0; j < member->agents; j++) flags[j] = agent[j] == CORSAC_PRESENT ? member->ends : agent[j];
  }
}

static void end_episode(struct rollout *rollout, uint32_t i, struct transition_batch *batch) {
  struct member *member = &rollout->members[i];
  assert(batch->episodes < batch->episode_capacity);
  struct episode_record *record = &batch->episode[batch->episodes++];
  *record = (struct episode_record){.environment = rollout->first + i,
                                    .length = member->episode_length,
                                    .episode = member->episode,
                                    .episode_return = rollout->slots[member->slot].episode_return,
                                    .agents = 1};
  if (member->agents > 1) record->episode_return = rollout_mean_return(rollout, i, &record->agents);
  member->episode++;
  member->state = MEMBER_BETWEEN;
}

// A value that is not finite, or would make its sum so, is left out.
static void add_to_sum(struct message_info *info, uint32_t k, double value) {
  if (!isfinite(info->sum[k] + value)) return;
  info->count[k]++;
  info->sum[k] += value;
}

// Adds the named values of this step to their sums. Where the rule is about an episode, its end adds one number.
static void add_info(struct member *member, bool ends) {
  const struct environment *environment = &member->environment;
  member->info.info_dim = environment->info_dim;
  info_episode_add(&member->info_episode, environment->info_rules, environment->info_dim, member->values);
  for (uint32_t k = 0; k < environment->info_dim; k++) {
    if (environment->info_rules[k] == CORSAC_INFO_MEAN)
      add_to_sum(&member->info, k, member->values[k]);
    else if (ends && member->info_episode.count[k] > 0)
      add_to_sum(&member->info, k, info_episode_result(&member->info_episode, environment->info_rules, k));
  }
}

// Counts the step of the only agent of environment i.
static void record_agent(struct rollout *rollout, uint32_t i, uint64_t version, int ends,
                         struct transition_batch *batch) {
  const uint32_t s = rollout->members[i].slot;
  struct slot *slot = &rollout->slots[s];
  slot->episode_return += rollout->reward[s];
  if (slot->window.n > 1) rollout_push(rollout, i, s, version, ends, batch);
}

// Counts the step that environment i has just made.
static void record_step(struct rollout *rollout, uint32_t i, uint64_t version, struct transition_batch *batch) {
  struct member *member = &rollout->members[i];
  const uint32_t limit = member->environment.max_episode_steps;
  member->steps++;
  member->episode_length++;
  int ends = member->agents > 1 ? member->ends : rollout->flags[member->slot];
  if (limit && member->episode_length >= limit) ends |= CORSAC_TRUNCATED;
  if (member->agents > 1) {
    batch->transitions += rollout_record_agents(rollout, i, version, ends, batch);
  } else {
    batch->transitions++;
    record_agent(rollout, i, version, ends, batch);
  }
  if (member->environment.info_dim > 0) add_info(member, ends);
  if (member->good_steps < ROLLOUT_GOOD_STEPS) member->good_steps++;
  if (ends) {
    member->failures = 0;
    end_episode(rollout, i, batch);
  }
}

static void record_progress(const struct rollout *rollout, struct transition_batch *batch) {
  for (uint32_t i = 0; i < rollout->count; i++)
    batch->progress[i] = (struct environment_progress){
        .environment = rollout->first + i, .steps = rollout->members[i].steps, .episode = rollout->members[i].episode};
  batch->environments = rollout->count;
}

// Takes the named values of the step before anything of it is counted. A guest that ends its process in `info` then
// leaves a batch that holds whole steps.
static void fetch_info(struct rollout *rollout) {
  for (uint32_t i = 0; i < rollout->count; i++) {
    struct member *member = &rollout->members[i];
    if (member->steps_now && member->environment.info_dim > 0) environment_info(&member->environment, member->values);
  }
}

static void record_steps(struct rollout *rollout, uint64_t version, uint64_t newest_version,
                         struct transition_batch *batch) {
  spread_flags(rollout);
  if (rollout->stepping < rollout->count || rollout->has_agents)
    append_some_rows(rollout, version, batch);
  else if (config_row_steps(rollout->config) == 1)
    append_rows(rollout, 0, rollout->count, version, batch);
  for (uint32_t i = 0; i < rollout->count; i++)
    if (rollout->members[i].steps_now) record_step(rollout, i, version, batch);

  record_progress(rollout, batch);
  batch->steps += rollout->stepping;
  const uint64_t lag = newest_version > version ? newest_version - version : 0;
  lag_record_add(&batch->lag, &(struct lag_record){rollout->stepping, lag * rollout->stepping, lag, lag});

  float *swap = rollout->obs;
  rollout->obs = rollout->next_obs;
  rollout->next_obs = swap;
  for (uint32_t i = 0; i < rollout->count && rollout->input; i++)
    if (rollout->members[i].steps_now && rollout->members[i].state == MEMBER_RUNNING) rollout_push_inputs(rollout, i);
}

enum status rollout_step(struct rollout *rollout, struct policy *policy, uint64_t newest_version,
                         struct transition_batch *batch, struct error *error) {
  if (rollout->count == 0) return STATUS_OK;
  assert(batch->environment_capacity >= rollout->count);
  assert(!rollout->is_lent);
  check_invariants(rollout);
  const uint64_t version = policy_version(policy);
  const double start = clock_coarse();

  enum status status = rollout_prepare_step(rollout, batch, error);
  if (status != STATUS_OK) return status;
  if (rollout->stepping > 0) {
    choose_actions(rollout, policy, version);
    status = step_environments(rollout, batch, error);
    if (status != STATUS_OK) return status;
  }
  fetch_info(rollout);

  // The learner waits for a heartbeat as long as the longest step took. Resets count: they keep the actor as long from
  // sending one. The clock's tick is added, so that the number is no smaller than the time.
  const double took = clock_coarse() - start + CLOCK_TICK;
  if (took > batch->longest_step) batch->longest_step = took;
  if (rollout->stepping > 0) record_steps(rollout, version, newest_version, batch);
  check_invariants(rollout);
  return STATUS_OK;
}

void rollout_note_env_steps(struct rollout *rollout, uint64_t env_steps) { rollout->env_steps = env_steps; }

bool rollout_is_level(const struct rollout *rollout) {
  for (uint32_t i = 1; i < rollout->count; i++)
    if (rollout->members[i].steps != rollout->members[0].steps) return false;
  return true;
}

bool rollout_take_info(struct rollout *rollout, uint32_t i, struct message_info *info) {
  struct member *member = &rollout->members[i];
  if (member->info.info_dim == 0) return false;
  *info = member->info;
  info->environment = rollout->first + i;
  member->info = (struct message_info){0};
  return true;
}
