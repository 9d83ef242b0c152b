#include "actor/evaluator.h"

#include "actor/info_episode.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// One agent in the episode under way.
struct evaluator_agent {
  double episode_return;
  bool acted, took_part; // in the last step, in the episode
};

struct evaluator {
  const struct config *config;         // not owned
  const struct environment_kind *kind; // not owned
  uint32_t obs_dim, act_dim;
  uint64_t index;
  struct environment own, *environment; // environment points to own, or to a borrowed one
  bool is_remade;                       // the borrowed instance was made here, for evaluation
  struct policy *policy;
  uint32_t agents, capacity;        // of the environment; that there is room for
  float *obs, *previous_obs;        // (agents x obs_dim)
  struct history history;           // that the policy sees
  float *input;                     // (agents x history_width) obs with its history; NULL: there is none
  float *action;                    // (agents x act_dim)
  float *eps;                       // (agents x act_dim) noise of the action; 0 where none is asked for
  double *reward;                   // (agents)
  struct evaluator_agent *agent;    // (agents)
  float *first_obs;                 // (obs_dim)
  float *first_action;              // (act_dim)
  struct evaluator_transition made; // by the last step, where made_now, of the agent that was asked for last
  bool made_now;
  uint32_t made_episode; // its episode
  int ends;              // how the last step ended the episode
  enum episode_cut cut;  // what the last step cut its episode for
  struct message_evaluate evaluate;
  uint32_t episode; // the current or the next one; evaluate.count or more: none is left
  bool running, failed_before;
  double deadline;      // s, of this evaluation; 0: its first step is yet to come
  bool env_failure_now; // the last step failed with env_failure
  struct message_env_failure env_failure;
  uint32_t length;
  double values[WIRE_INFO]; // named values of the last step
  struct info_episode info; // of the episode
};

static void release_agents(struct evaluator *evaluator) {
  memory_free(evaluator->obs);
  memory_free(evaluator->previous_obs);
  memory_free(evaluator->input);
  memory_free(evaluator->action);
  memory_free(evaluator->eps);
  memory_free(evaluator->reward);
  memory_free(evaluator->agent);
  evaluator->obs = evaluator->previous_obs = evaluator->input = evaluator->action = evaluator->eps = NULL;
  evaluator->reward = NULL;
  evaluator->agent = NULL;
  evaluator->capacity = 0;
}

// Makes room for the agents of an instance, between two episodes.
static enum status reserve_agents(struct evaluator *evaluator, uint32_t agents, struct error *error) {
  static const char what[] = "the evaluator";
  const size_t obs = (size_t)agents * evaluator->obs_dim, action = (size_t)agents * evaluator->act_dim;
  const size_t input = evaluator->history.length > 1 ? agents * history_width(&evaluator->history) : 0;
  evaluator->agents = agents;
  if (agents <= evaluator->capacity) return STATUS_OK;
  release_agents(evaluator);
  if (!(evaluator->obs = memory_alloc(obs, sizeof(float), what, error)) ||
      !(evaluator->previous_obs = memory_alloc(obs, sizeof(float), what, error)) ||
      (input > 0 && !(evaluator->input = memory_alloc(input, sizeof(float), what, error))) ||
      !(evaluator->action = memory_alloc(action, sizeof(float), what, error)) ||
      !(evaluator->eps = memory_alloc(action, sizeof(float), what, error)) ||
      !(evaluator->reward = memory_alloc(agents, sizeof(double), what, error)) ||
      !(evaluator->agent = memory_alloc(agents, sizeof *evaluator->agent, what, error)))
    return STATUS_MEMORY;
  evaluator->capacity = agents;
  return STATUS_OK;
}

struct evaluator *evaluator_create(const struct config *config, const struct environment_kind *kind, uint32_t obs_dim,
                                   uint32_t act_dim, uint64_t index, struct error *error) {
  static const char what[] = "the evaluator";
  struct evaluator *evaluator = memory_alloc(1, sizeof *evaluator, what, error);
  if (!evaluator) return NULL;
  *evaluator = (struct evaluator){.config = config,
                                  .kind = kind,
                                  .obs_dim = obs_dim,
                                  .act_dim = act_dim,
                                  .history = history_of(config, obs_dim, act_dim),
                                  .index = index};
  evaluator->environment = &evaluator->own;
  if ((evaluator->policy = policy_create(config, network_input(config, obs_dim, act_dim), act_dim, error)) &&
      (evaluator->first_obs = memory_alloc(obs_dim, sizeof(float), what, error)) &&
      (evaluator->first_action = memory_alloc(act_dim, sizeof(float), what, error)) &&
      reserve_agents(evaluator, 1, error) == STATUS_OK)
    return evaluator;
  evaluator_destroy(evaluator);
  return NULL;
}

void evaluator_destroy(struct evaluator *evaluator) {
  if (!evaluator) return;
  environment_destroy(&evaluator->own);
  policy_destroy(evaluator->policy);
  release_agents(evaluator);
  memory_free(evaluator->first_obs);
  memory_free(evaluator->first_action);
  memory_free(evaluator);
}

struct policy_weights *evaluator_weights(struct evaluator *evaluator) {
  return policy_weights(evaluator->policy);
}

void evaluator_begin(struct evaluator *evaluator, const struct message_evaluate *evaluate) {
  assert(evaluate->stride > 0);
  evaluator->evaluate = *evaluate;
  evaluator->episode = evaluate->first;
  evaluator->running = evaluator->failed_before = false;
  evaluator->deadline = 0;
  memset(evaluator->eps, 0, (size_t)evaluator->capacity * evaluator->act_dim * sizeof *evaluator->eps);
}

void evaluator_borrow(struct evaluator *evaluator, struct environment *environment) {
  if (evaluator->is_remade) environment_destroy(evaluator->environment); // its owner makes one for training
  evaluator->is_remade = false;
  evaluator->environment = environment ? environment : &evaluator->own;
}

bool evaluator_busy(const struct evaluator *evaluator) { return evaluator->episode < evaluator->evaluate.count; }

static enum status create_environment(struct evaluator *evaluator, struct error *error) {
  struct environment *environment = evaluator->environment;
  const struct guest guest = {.index = evaluator->index, .evaluation = true, .episode = evaluator->episode};
  enum status status =
      environment_create_for(environment, evaluator->kind, &guest, evaluator->evaluate.env_steps, error);
  if (status != STATUS_OK) return status;
  evaluator->is_remade = environment != &evaluator->own;
  if (environment->obs_dim != evaluator->obs_dim || environment->act_dim != evaluator->act_dim) {
    error_set(error, STATUS_MISMATCH, "%s has obs_dim %u and act_dim %u in evaluation, but the policy's are %u and %u",
              environment_kind_name(evaluator->kind), environment->obs_dim, environment->act_dim, evaluator->obs_dim,
              evaluator->act_dim);
    environment_destroy(environment);
    return STATUS_MISMATCH;
  }
  return reserve_agents(evaluator, environment->agents, error);
}

const struct environment *evaluator_environment(struct evaluator *evaluator, struct error *error) {
  if (!evaluator->environment->self && create_environment(evaluator, error) != STATUS_OK) return NULL;
  return evaluator->environment;
}

static float *input_of(const struct evaluator *evaluator, uint32_t j) {
  return evaluator->input + j * (size_t)history_width(&evaluator->history);
}

static void reset_inputs(struct evaluator *evaluator) {
  for (uint32_t j = 0; evaluator->input && j < evaluator->agents; j++)
    history_reset(&evaluator->history, input_of(evaluator, j), evaluator->obs + (size_t)j * evaluator->obs_dim);
}

// After a step. An agent that came in it begins its history.
static void push_inputs(struct evaluator *evaluator) {
  const uint8_t *agent = evaluator->environment->agent;
  for (uint32_t j = 0; evaluator->input && j < evaluator->agents; j++) {
    const float *obs = evaluator->obs + (size_t)j * evaluator->obs_dim;
    if (evaluator->agents > 1 && agent[j] != CORSAC_PRESENT) continue;
    if (evaluator->agent[j].acted)
      history_push(&evaluator->history, input_of(evaluator, j), evaluator->action + (size_t)j * evaluator->act_dim,
                   obs);
    else
      history_reset(&evaluator->history, input_of(evaluator, j), obs);
  }
}

static enum status begin_episode(struct evaluator *evaluator, struct error *error) {
  struct random random = random_stream(evaluator->config->seed, RANDOM_EVALUATION, 0, evaluator->episode);
  evaluator->environment->guest.evaluation = true;
  evaluator->environment->guest.episode = evaluator->episode;
  evaluator->environment->env_steps = evaluator->evaluate.env_steps;
  enum status status = reserve_agents(evaluator, evaluator->environment->agents, error); // it may be a borrowed one
  if (status != STATUS_OK) return status;
  status = environment_reset(evaluator->environment, random_u64(&random), evaluator->obs, error);
  if (status != STATUS_OK) return status;
  memcpy(evaluator->first_obs, evaluator->obs, evaluator->obs_dim * sizeof(float));
  reset_inputs(evaluator);
  evaluator->running = true;
  evaluator->length = 0;
  for (uint32_t j = 0; j < evaluator->agents; j++) evaluator->agent[j] = (struct evaluator_agent){0};
  evaluator->info = (struct info_episode){0};
  return STATUS_OK;
}

// The environment's own limit always holds. One that is no larger than EVALUATION_STEPS bounds the seconds, too.
static uint64_t step_limit(const struct evaluator *evaluator) {
  const uint64_t asked = evaluator->config->eval_max_steps, own = evaluator->environment->max_episode_steps;
  const uint64_t most = asked > 0 ? asked : own > 0 ? own : EVALUATION_STEPS;
  return own > 0 && own < most ? own : most;
}

static double seconds_limit(const struct evaluator *evaluator) {
  const uint32_t own = evaluator->environment->max_episode_steps;
  if (evaluator->config->eval_timeout > 0) return evaluator->config->eval_timeout;
  return own > 0 && own <= EVALUATION_STEPS ? INFINITY : EVALUATION_SECONDS;
}

static enum episode_cut cut_by(const struct evaluator *evaluator, int flags) {
  const uint32_t own = evaluator->environment->max_episode_steps;
  if (flags || (own && evaluator->length >= own)) return EPISODE_WHOLE;
  if (evaluator->length >= step_limit(evaluator)) return EPISODE_OUT_OF_STEPS;
  return clock_coarse() > evaluator->deadline ? EPISODE_OUT_OF_TIME : EPISODE_WHOLE;
}

static void act(struct evaluator *evaluator) {
  const size_t dim = (size_t)evaluator->agents * evaluator->act_dim;
  const bool sampled = evaluator->evaluate.sampled;
  if (sampled)
    random_normals_at(random_stream(evaluator->config->seed, RANDOM_SAMPLED, 0,
                                    (uint64_t)evaluator->episode << 32 | evaluator->length),
                      1, dim, evaluator->eps, dim);
  policy_act(evaluator->policy, evaluator->agents, evaluator->input ? evaluator->input : evaluator->obs,
             sampled ? evaluator->eps : NULL, evaluator->action);
}

static void take_info(struct evaluator *evaluator) {
  const struct environment *environment = evaluator->environment;
  const uint32_t dim = environment->info_dim;
  if (dim == 0) return;
  environment_info(environment, evaluator->values);
  info_episode_add(&evaluator->info, environment->info_rules, dim, evaluator->values);
  for (uint32_t i = 0; i < dim; i++)
    if (!isfinite(evaluator->values[i])) evaluator->values[i] = WIRE_NO_VALUE;
}

// Before a step: who acts in it.
static void note_agents(struct evaluator *evaluator) {
  const uint8_t *agent = evaluator->environment->agent;
  for (uint32_t j = 0; j < evaluator->agents; j++)
    evaluator->agent[j].acted = evaluator->agents == 1 || agent[j] == CORSAC_PRESENT;
}

static void add_rewards(struct evaluator *evaluator) {
  for (uint32_t j = 0; j < evaluator->agents; j++) {
    if (!evaluator->agent[j].acted) continue;
    evaluator->agent[j].took_part = true;
    evaluator->agent[j].episode_return += evaluator->reward[j];
  }
}

// The mean over the agents that took part.
static double mean_return(const struct evaluator *evaluator) {
  double sum = 0;
  uint32_t count = 0;
  for (uint32_t j = 0; j < evaluator->agents; j++) {
    sum += evaluator->agent[j].episode_return;
    count += evaluator->agent[j].took_part;
  }
  return count > 1 ? sum / count : sum;
}

static enum status make_step(struct evaluator *evaluator, bool *done, struct error *error) {
  struct environment *environment = evaluator->environment;
  enum status status = STATUS_OK;
  if (environment->self && !evaluator->running && !environment_fits(environment, true, evaluator->episode))
    environment_destroy(environment);
  if (!environment->self) status = create_environment(evaluator, error);
  if (status != STATUS_OK) return status;
  if (evaluator->deadline == 0) evaluator->deadline = clock_coarse() + seconds_limit(evaluator);
  if (!evaluator->running) status = begin_episode(evaluator, error);
  if (status != STATUS_OK) return status;

  int flags;
  memcpy(evaluator->previous_obs, evaluator->obs, (size_t)evaluator->agents * evaluator->obs_dim * sizeof(float));
  act(evaluator);
  note_agents(evaluator);
  status = environment_step(environment, evaluator->action, evaluator->obs, evaluator->reward, &flags, error);
  if (status != STATUS_OK) return status;
  if (evaluator->length == 0) memcpy(evaluator->first_action, environment->scaled, evaluator->act_dim * sizeof(float));
  evaluator->length++;
  push_inputs(evaluator);
  add_rewards(evaluator);
  evaluator->cut = cut_by(evaluator, flags);
  *done = evaluator->cut != EPISODE_WHOLE || flags ||
          (environment->max_episode_steps && evaluator->length >= environment->max_episode_steps);
  take_info(evaluator);
  evaluator->ends = *done && !flags ? CORSAC_TRUNCATED : flags;
  evaluator->made_now = true;
  evaluator->made_episode = evaluator->episode;
  return STATUS_OK;
}

static void note_failure(struct evaluator *evaluator, const struct error *why) {
  evaluator->env_failure_now = true;
  evaluator->env_failure = (struct message_env_failure){
      .environment = (uint32_t)evaluator->index, .evaluation = true, .in_a_row = 1 + evaluator->failed_before};
  snprintf(evaluator->env_failure.text, sizeof evaluator->env_failure.text, "%s", why->text);
  environment_destroy(evaluator->environment);
  evaluator->running = false;
}

// Ends the episode that is under way, and makes the next one of this evaluator the current one.
static void next_episode(struct evaluator *evaluator) {
  const struct message_evaluate *evaluate = &evaluator->evaluate;
  const uint32_t left = evaluate->count - evaluator->episode; // episode + stride could overflow
  evaluator->running = false;
  evaluator->episode = evaluate->stride < left ? evaluator->episode + evaluate->stride : evaluate->count;
}

// No time is left for the next episode.
static bool is_too_late(const struct evaluator *evaluator) {
  return !evaluator->running && evaluator->deadline > 0 && clock_coarse() > evaluator->deadline;
}

enum status evaluator_step(struct evaluator *evaluator, bool *done, struct message_episode *result,
                           struct error *error) {
  assert(evaluator_busy(evaluator));
  struct error why = {0};
  *done = evaluator->env_failure_now = evaluator->made_now = false;
  evaluator->cut = EPISODE_WHOLE;
  if (is_too_late(evaluator)) {
    *result = (struct message_episode){
        .number = evaluator->evaluate.number, .episode = evaluator->episode, .failed = true, .cut = EPISODE_NOT_BEGUN};
    *done = true;
    next_episode(evaluator);
    return STATUS_OK;
  }
  const enum status status = make_step(evaluator, done, &why);
  const bool failed = status == STATUS_FAILED;
  if (status != STATUS_OK && !failed) return error_set(error, status, "%s", why.text);
  if (failed) note_failure(evaluator, &why);
  if (failed && evaluator->failed_before) *done = true;
  evaluator->failed_before = (failed || evaluator->failed_before) && !*done;
  if (!*done) return STATUS_OK;

  *result = (struct message_episode){.number = evaluator->evaluate.number,
                                     .episode = evaluator->episode,
                                     .length = evaluator->length,
                                     .episode_return = mean_return(evaluator),
                                     .failed = failed,
                                     .cut = (uint32_t)evaluator->cut};
  const struct environment *environment = evaluator->environment;
  result->info_dim = failed ? 0 : environment->info_dim; // one that failed is destroyed
  for (uint32_t i = 0; i < result->info_dim; i++)
    result->info[i] = info_episode_result(&evaluator->info, environment->info_rules, i);
  next_episode(evaluator);
  return STATUS_OK;
}

const struct message_env_failure *evaluator_env_failure(const struct evaluator *evaluator) {
  return evaluator->env_failure_now ? &evaluator->env_failure : NULL;
}

// That of the first agent from number j on that acted in the last step.
static const struct evaluator_transition *find_made(struct evaluator *evaluator, uint32_t j) {
  const struct environment *environment = evaluator->environment;
  const size_t obs_dim = evaluator->obs_dim, act_dim = evaluator->act_dim;
  while (j < evaluator->agents && !evaluator->agent[j].acted) j++;
  if (!evaluator->made_now || j >= evaluator->agents) return NULL;
  const bool has_ended = evaluator->agents > 1 && environment->agent[j] != CORSAC_PRESENT;
  evaluator->made = (struct evaluator_transition){.episode = evaluator->made_episode,
                                                  .step = evaluator->length - 1,
                                                  .agent = j,
                                                  .obs = evaluator->previous_obs + j * obs_dim,
                                                  .action = evaluator->action + j * act_dim,
                                                  .scaled = environment->scaled + j * act_dim,
                                                  .eps = evaluator->eps + j * act_dim,
                                                  .next_obs = evaluator->obs + j * obs_dim,
                                                  .info = evaluator->values,
                                                  .reward = evaluator->reward[j],
                                                  .flags = has_ended ? environment->agent[j] : evaluator->ends};
  return &evaluator->made;
}

const struct evaluator_transition *evaluator_made(struct evaluator *evaluator) { return find_made(evaluator, 0); }

const struct evaluator_transition *evaluator_made_next(struct evaluator *evaluator) {
  return find_made(evaluator, evaluator->made.agent + 1);
}

const float *evaluator_first_observation(const struct evaluator *evaluator) { return evaluator->first_obs; }

const float *evaluator_first_action(const struct evaluator *evaluator) { return evaluator->first_action; }
