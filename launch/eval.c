// corsac eval: evaluation episodes with a trained policy, outside of training.
#include "actor/evaluator.h"
#include "common/base/memory.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "launch/arguments.h"
#include "launch/command.h"
#include "launch/json.h"
#include "learner/checkpoint.h"
#include "learner/run_directory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct request {
  const char *path, *env, *episodes, *seed; // NULL: not given
  bool json, verbose;
  struct config values; // what the texts say
};

struct evaluation {
  char file[RUN_PATH];
  struct checkpoint_info info;
  struct config config; // the run's, with the request over it
  struct policy_weights weights;
  struct message_hello shape; // the environment it was trained in
  struct environment_kind kind;
  struct evaluator *evaluator;
  double *returns;                         // (eval_episodes)
  float *first_observation, *first_action; // (obs_dim), (act_dim) of episode 0
  double mean, deviation, low, high, length;
};

static enum status parse_value(const char *text, const char *name, const char *where, struct config *config,
                               struct error *error) {
  return text ? option_set(options_find(name), config, text, where, error) : STATUS_OK;
}

static enum status parse_request(int argc, char **argv, struct request *request, struct error *error) {
  *request = (struct request){0};
  const struct argument known[] = {{"env", NULL, &request->env},
                                   {"episodes", NULL, &request->episodes},
                                   {"seed", NULL, &request->seed},
                                   {"json", &request->json, NULL},
                                   {"verbose", &request->verbose, NULL}};
  enum status status = arguments_parse(argc, argv, "eval", known, sizeof known / sizeof *known, &request->path, error);
  if (status != STATUS_OK) return status;
  if (!request->path || !request->path[0])
    return error_set(error, STATUS_USAGE,
                     "eval: say which policy: corsac eval RUN (a run directory), or a checkpoint file");
  options_defaults(&request->values);
  status = parse_value(request->env, "env", "--env", &request->values, error);
  if (status == STATUS_OK) status = parse_value(request->seed, "seed", "--seed", &request->values, error);
  if (status == STATUS_OK)
    status = parse_value(request->episodes, "eval_episodes", "--episodes", &request->values, error);
  if (status == STATUS_OK && request->env && !request->env[0])
    status = error_set(error, STATUS_USAGE, "--env: is empty; `corsac envs` lists what there is");
  return status;
}

static enum status read_config(struct evaluation *evaluation, const struct request *request, struct error *error) {
  struct config *config = &evaluation->config;
  const char *text = evaluation->info.config;
  char name[RUN_PATH + 16];
  snprintf(name, sizeof name, "%s:/config", evaluation->file);
  options_defaults(config);
  if (options_parse_yaml(text, strlen(text), name, config, error) != STATUS_OK) {
    error->status = STATUS_FORMAT; // the file's mistake, not the user's
    return error->status;
  }
  if (request->env) memcpy(config->env, request->values.env, sizeof config->env);
  if (request->seed) config->seed = request->values.seed;
  config->eval_episodes = request->values.eval_episodes;
  return STATUS_OK;
}

static enum status read_policy(struct evaluation *evaluation, const struct request *request, struct error *error) {
  enum status status = run_newest_checkpoint(request->path, false, evaluation->file, error);
  if (status == STATUS_OK) status = checkpoint_read_info(evaluation->file, &evaluation->info, error);
  if (status == STATUS_OK) status = read_config(evaluation, request, error);
  if (status == STATUS_OK)
    status = checkpoint_read_policy(evaluation->file, &evaluation->info, &evaluation->config, &evaluation->weights,
                                    &evaluation->shape, error);
  return status;
}

static enum status check_shape(const struct evaluation *evaluation, const struct environment *environment,
                               struct error *error) {
  const struct message_hello *shape = &evaluation->shape;
  for (uint32_t i = 0; i < shape->act_dim; i++) {
    const double low = environment->action_low[i], high = environment->action_high[i];
    if (low == shape->action_low[i] && high == shape->action_high[i]) continue;
    return error_set(error, STATUS_MISMATCH,
                     "%s: action %u of %s goes from %g to %g, but the policy was trained in %s with %g to %g",
                     evaluation->file, i, environment_kind_name(&evaluation->kind), low, high, shape->environment,
                     shape->action_low[i], shape->action_high[i]);
  }
  return STATUS_OK;
}

static enum status prepare(struct evaluation *evaluation, const struct request *request, struct error *error) {
  const char *what = "the evaluation";
  enum status status = read_policy(evaluation, request, error);
  if (status != STATUS_OK) return status;
  const uint32_t obs_dim = evaluation->shape.obs_dim, act_dim = evaluation->shape.act_dim;
  status = environment_kind_open(&evaluation->kind, evaluation->config.env, &evaluation->config, error);
  if (status != STATUS_OK) {
    if (!request->env)
      error_prefix(error, "%s was trained in %s (--env can name another)", evaluation->file, evaluation->config.env);
    return status;
  }
  if (!(evaluation->evaluator = evaluator_create(&evaluation->config, &evaluation->kind, obs_dim, act_dim, 0, error)) ||
      !(evaluation->returns = memory_alloc(evaluation->config.eval_episodes, sizeof(double), what, error)) ||
      !(evaluation->first_observation = memory_alloc(obs_dim, sizeof(float), what, error)) ||
      !(evaluation->first_action = memory_alloc(act_dim, sizeof(float), what, error)))
    return error->status;
  policy_weights_copy(evaluator_weights(evaluation->evaluator), &evaluation->weights);
  const struct environment *environment = evaluator_environment(evaluation->evaluator, error);
  if (environment) return check_shape(evaluation, environment, error);
  if (!request->env && strchr(evaluation->config.env, '/'))
    error_prefix(error,
                 "%s was trained in %s (paths are from the directory where that was started; --env can name another)",
                 evaluation->file, evaluation->config.env);
  return error->status;
}

static void release(struct evaluation *evaluation) {
  memory_free(evaluation->returns);
  memory_free(evaluation->first_observation);
  memory_free(evaluation->first_action);
  evaluator_destroy(evaluation->evaluator);
  environment_kind_close(&evaluation->kind);
  policy_weights_release(&evaluation->weights);
  message_hello_release(&evaluation->shape);
  checkpoint_info_release(&evaluation->info);
}

// out: where each episode is told as it ends, or NULL.
static enum status run_episodes(struct evaluation *evaluation, FILE *out, struct error *error) {
  const uint32_t count = (uint32_t)evaluation->config.eval_episodes;
  evaluator_begin(evaluation->evaluator, &(struct message_evaluate){.stride = 1, .count = count});
  if (out) fprintf(out, "%10s %14s %10s\n", "episode", "return", "length");
  while (evaluator_busy(evaluation->evaluator)) {
    struct message_episode result;
    bool done;
    const enum status status = evaluator_step(evaluation->evaluator, &done, &result, error);
    if (status != STATUS_OK) return status;
    const struct message_incident *incident = evaluator_incident(evaluation->evaluator);
    if (!done && incident) fprintf(stderr, "corsac: an episode is made again: %s\n", incident->text);
    if (!done) continue;
    if (result.failed)
      return error_set(error, STATUS_FAILED, "episode %u failed twice: %s", result.episode, incident->text);
    evaluation->returns[result.episode] = result.episode_return;
    evaluation->length += (double)result.length / count;
    if (out) fprintf(out, "%10u %14.3f %10u\n", result.episode, result.episode_return, result.length);
    if (out) fflush(out);
    if (result.episode > 0) continue;
    memcpy(evaluation->first_observation, evaluator_first_observation(evaluation->evaluator),
           evaluation->shape.obs_dim * sizeof(float));
    memcpy(evaluation->first_action, evaluator_first_action(evaluation->evaluator),
           evaluation->shape.act_dim * sizeof(float));
  }
  return STATUS_OK;
}

// Mean, extremes, and the standard deviation of these episodes (divided by their number, as NumPy does).
static void summarise(struct evaluation *evaluation) {
  const uint64_t count = evaluation->config.eval_episodes;
  double sum = 0, squares = 0;
  evaluation->low = evaluation->high = evaluation->returns[0];
  for (uint64_t i = 0; i < count; i++) {
    sum += evaluation->returns[i];
    evaluation->low = fmin(evaluation->low, evaluation->returns[i]);
    evaluation->high = fmax(evaluation->high, evaluation->returns[i]);
  }
  evaluation->mean = sum / (double)count;
  for (uint64_t i = 0; i < count; i++) {
    const double difference = evaluation->returns[i] - evaluation->mean;
    squares += difference * difference;
  }
  evaluation->deviation = sqrt(squares / (double)count);
}

static json_t *json_floats(const float *values, uint32_t count) {
  json_t *array = json_array();
  for (uint32_t i = 0; i < count; i++) json_array_append_new(array, json_real((double)values[i]));
  return array;
}

static enum status print_json(const struct evaluation *evaluation, struct error *error) {
  const uint64_t count = evaluation->config.eval_episodes;
  json_t *returns = json_array();
  for (uint64_t i = 0; i < count; i++) json_array_append_new(returns, json_real(evaluation->returns[i]));
  json_t *first_observation = json_floats(evaluation->first_observation, evaluation->shape.obs_dim);
  json_t *first_action = json_floats(evaluation->first_action, evaluation->shape.act_dim);
  return json_print(json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o}", "env",
                              environment_kind_name(&evaluation->kind), "env_steps",
                              (json_int_t)evaluation->info.env_steps, "policy_version",
                              (json_int_t)evaluation->info.policy_version, "episodes", (json_int_t)count, "return_mean",
                              evaluation->mean, "return_std", evaluation->deviation, "return_min", evaluation->low,
                              "return_max", evaluation->high, "length_mean", evaluation->length, "returns", returns,
                              "first_observation", first_observation, "first_action", first_action),
                    error);
}

static void say_policy(FILE *out, const struct evaluation *evaluation) {
  fprintf(out, "%s: %s, policy version %llu, %llu steps, seed %llu\n", evaluation->file, evaluation->config.env,
          (unsigned long long)evaluation->info.policy_version, (unsigned long long)evaluation->info.env_steps,
          (unsigned long long)evaluation->config.seed);
}

int command_eval(int argc, char **argv) {
  struct error error = {0};
  struct request request;
  struct evaluation evaluation = {0};
  if (parse_request(argc, argv, &request, &error) != STATUS_OK) return command_fail(&error);
  linalg_init();
  FILE *out = request.json ? (request.verbose ? stderr : NULL) : stdout;
  enum status status = prepare(&evaluation, &request, &error);
  if (status == STATUS_OK && request.verbose) say_policy(out, &evaluation);
  if (status == STATUS_OK) status = run_episodes(&evaluation, out, &error);
  if (status == STATUS_OK) summarise(&evaluation);
  if (status == STATUS_OK && request.json) status = print_json(&evaluation, &error);
  if (status == STATUS_OK && !request.json)
    printf("%llu episode%s of %s: mean return %.3f +- %.3f (%.3f to %.3f), mean length %.1f\n",
           (unsigned long long)evaluation.config.eval_episodes, evaluation.config.eval_episodes == 1 ? "" : "s",
           environment_kind_name(&evaluation.kind), evaluation.mean, evaluation.deviation, evaluation.low,
           evaluation.high, evaluation.length);
  release(&evaluation);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
