#include "actor/evaluator.h"

#include "actor/info_episode.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct evaluator {
  const struct config *config;         // not owned
  const struct environment_kind *kind; // not owned
  uint32_t obs_dim, act_dim;
  uint64_t index;
  struct environment own, *environment; // environment points to own, or to a borrowed one
  struct policy *policy;
  float *obs, *previous_obs, *first_obs; // (obs_dim)
  float *action, *first_action;          // (act_dim)
  float *eps;                            // (act_dim) noise of the action; 0 where none is asked for
  struct evaluator_transition made;      // by the last step, where made_now
  bool made_now;
  enum episode_cut cut; // what the last step cut its episode for
  struct message_evaluate evaluate;
  uint32_t episode; // the current or the next one; evaluate.count or more: none is left
  bool running, failed_before;
  double deadline;      // s, of this evaluation; 0: its first step is yet to come
  bool env_failure_now; // the last step failed with env_failure
  struct message_env_failure env_failure;
  uint32_t length;
  double episode_return;
  double values[WIRE_INFO]; // named values of the last step
  struct info_episode info; // of the episode
};

struct evaluator *evaluator_create(const struct config *config, const struct environment_kind *kind, uint32_t obs_dim,
                                   uint32_t act_dim, uint64_t index, struct error *error) {
  static const char what[] = "the evaluator";
  struct evaluator *evaluator = memory_alloc(1, sizeof *evaluator, what, error);
  if (!evaluator) return NULL;
  *evaluator =
      (struct evaluator){.config = config, .kind = kind, .obs_dim = obs_dim, .act_dim = act_dim, .index = index};
  evaluator->environment = &evaluator->own;
  if ((evaluator->policy = policy_create(config, obs_dim, act_dim, error)) &&
      (evaluator->obs = memory_alloc(obs_dim, sizeof(float), what, error)) &&
      (evaluator->previous_obs = memory_alloc(obs_dim, sizeof(float), what, error)) &&
      (evaluator->first_obs = memory_alloc(obs_dim, sizeof(float), what, error)) &&
      (evaluator->action = memory_alloc(act_dim, sizeof(float), what, error)) &&
      (evaluator->eps = memory_alloc(act_dim, sizeof(float), what, error)) &&
      (evaluator->first_action = memory_alloc(act_dim, sizeof(float), what, error)))
    return evaluator;
  evaluator_destroy(evaluator);
  return NULL;
}

void evaluator_destroy(struct evaluator *evaluator) {
  if (!evaluator) return;
  environment_destroy(&evaluator->own);
  policy_destroy(evaluator->policy);
  memory_free(evaluator->obs);
  memory_free(evaluator->previous_obs);
  memory_free(evaluator->first_obs);
  memory_free(evaluator->action);
  memory_free(evaluator->eps);
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
  memset(evaluator->eps, 0, evaluator->act_dim * sizeof *evaluator->eps);
}

void evaluator_borrow(struct evaluator *evaluator, struct environment *environment) {
  evaluator->environment = environment ? environment : &evaluator->own;
}

bool evaluator_busy(const struct evaluator *evaluator) { return evaluator->episode < evaluator->evaluate.count; }

static enum status create_environment(struct evaluator *evaluator, struct error *error) {
  struct environment *environment = evaluator->environment;
  const struct guest guest = {.index = evaluator->index, .evaluation = true, .episode = evaluator->episode};
  enum status status =
      environment_create_for(environment, evaluator->kind, &guest, evaluator->evaluate.env_steps, error);
  if (status != STATUS_OK) return status;
  if (environment->obs_dim != evaluator->obs_dim || environment->act_dim != evaluator->act_dim) {
    error_set(error, STATUS_MISMATCH, "%s has obs_dim %u and act_dim %u in evaluation, but the policy's are %u and %u",
              environment_kind_name(evaluator->kind), environment->obs_dim, environment->act_dim, evaluator->obs_dim,
              evaluator->act_dim);
    environment_destroy(environment);
    return STATUS_MISMATCH;
  }
  return STATUS_OK;
}

const struct environment *evaluator_environment(struct evaluator *evaluator, struct error *error) {
  if (!evaluator->environment->self && create_environment(evaluator, error) != STATUS_OK) return NULL;
  return evaluator->environment;
}

static enum status begin_episode(struct evaluator *evaluator, struct error *error) {
  struct random random = random_stream(evaluator->config->seed, RANDOM_EVALUATION, 0, evaluator->episode);
  evaluator->environment->guest.evaluation = true;
  evaluator->environment->guest.episode = evaluator->episode;
  evaluator->environment->env_steps = evaluator->evaluate.env_steps;
  enum status status = environment_reset(evaluator->environment, random_u64(&random), evaluator->obs, error);
  if (status != STATUS_OK) return status;
  memcpy(evaluator->first_obs, evaluator->obs, evaluator->obs_dim * sizeof(float));
  evaluator->running = true;
  evaluator->length = 0;
  evaluator->episode_return = 0;
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
  const size_t dim = evaluator->act_dim;
  const bool sampled = evaluator->evaluate.sampled;
  if (sampled)
    random_normals_at(random_stream(evaluator->config->seed, RANDOM_SAMPLED, 0,
                                    (uint64_t)evaluator->episode << 32 | evaluator->length),
                      1, dim, evaluator->eps, dim);
  policy_act(evaluator->policy, 1, evaluator->obs, sampled ? evaluator->eps : NULL, evaluator->action);
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

  double reward;
  int flags;
  memcpy(evaluator->previous_obs, evaluator->obs, evaluator->obs_dim * sizeof(float));
  act(evaluator);
  status = environment_step(environment, evaluator->action, evaluator->obs, &reward, &flags, error);
  if (status != STATUS_OK) return status;
  if (evaluator->length == 0) memcpy(evaluator->first_action, environment->scaled, evaluator->act_dim * sizeof(float));
  evaluator->length++;
  evaluator->episode_return += reward;
  evaluator->cut = cut_by(evaluator, flags);
  *done = evaluator->cut != EPISODE_WHOLE || flags ||
          (environment->max_episode_steps && evaluator->length >= environment->max_episode_steps);
  take_info(evaluator);
  evaluator->made_now = true;
  evaluator->made = (struct evaluator_transition){.episode = evaluator->episode,
                                                  .step = evaluator->length - 1,
                                                  .obs = evaluator->previous_obs,
                                                  .action = evaluator->action,
                                                  .scaled = environment->scaled,
                                                  .eps = evaluator->eps,
                                                  .next_obs = evaluator->obs,
                                                  .info = evaluator->values,
                                                  .reward = reward,
                                                  .flags = *done && !flags ? CORSAC_TRUNCATED : flags};
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
                                     .episode_return = evaluator->episode_return,
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

const struct evaluator_transition *evaluator_made(const struct evaluator *evaluator) {
  return evaluator->made_now ? &evaluator->made : NULL;
}

const float *evaluator_first_observation(const struct evaluator *evaluator) { return evaluator->first_obs; }

const float *evaluator_first_action(const struct evaluator *evaluator) { return evaluator->first_action; }
