// corsac eval: evaluation episodes with a trained policy, outside of training.
#include "actor/evaluator.h"
#include "common/base/memory.h"
#include "common/base/printable.h"
#include "common/base/streams.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "common/base/json.h"
#include "launch/policy/policy_source.h"
#include "launch/policy/recording.h"
#include "launch/policy/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct request {
  struct policy_source_request policy;
  const char *episodes, *max_steps, *timeout, *trace, *record; // NULL: not given
  bool json, verbose;
};

struct evaluation {
  struct policy_source source;
  struct evaluator *evaluator;
  double *returns;                         // (eval_episodes); the first `begun` are filled
  uint32_t begun;                          // episodes that were begun
  uint32_t cut;                            // episodes that were cut, or not begun
  float *first_observation, *first_action; // (obs_dim), (act_dim) of episode 0
  struct trace *trace;                     // NULL: not asked for
  struct recording *recording;             // NULL: not asked for
  double mean, deviation, low, high, length;
};

// Sets the options of an evaluation: ten episodes unless the request says otherwise, one where it is recorded; the
// limits are those of the run.
static enum status set_options(const struct request *request, struct config *config, struct error *error) {
  const struct {
    const char *option, *argument, *value;
  } all[] = {{"eval_episodes", "--episodes",
              request->episodes ? request->episodes
              : request->record ? "1"
                                : "10"},
             {"eval_max_steps", "--max-steps", request->max_steps},
             {"eval_timeout", "--timeout", request->timeout}};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof all / sizeof *all && status == STATUS_OK; i++)
    if (all[i].value) status = option_set(options_find(all[i].option), config, all[i].value, all[i].argument, error);
  return status;
}

static enum status parse_request(int argc, char **argv, struct request *request, struct error *error) {
  *request = (struct request){0};
  const struct argument known[] = {{"env", NULL, &request->policy.env},      {"episodes", NULL, &request->episodes},
                                   {"seed", NULL, &request->policy.seed},    {"trace", NULL, &request->trace},
                                   {"max-steps", NULL, &request->max_steps}, {"timeout", NULL, &request->timeout},
                                   {"record", NULL, &request->record},       {"json", &request->json, NULL},
                                   {"verbose", &request->verbose, NULL}};
  const enum status status =
      arguments_parse(argc, argv, "eval", known, sizeof known / sizeof *known, &request->policy.path, error);
  if (status != STATUS_OK) return status;
  if (!request->policy.path || !request->policy.path[0])
    return error_set(error, STATUS_USAGE,
                     "eval: say which policy: corsac eval RUN (a run directory), or a checkpoint file");
  struct config config;
  options_defaults(&config);
  if (set_options(request, &config, error) != STATUS_OK) return error->status;
  if (request->record && recording_check(request->record, error) != STATUS_OK) return error->status;
  return request->trace ? trace_check(request->trace, error) : STATUS_OK;
}

static enum status read_policy(struct evaluation *evaluation, const struct request *request, struct error *error) {
  const enum status status = policy_source_read(&evaluation->source, &request->policy, error);
  return status == STATUS_OK ? set_options(request, &evaluation->source.config, error) : status;
}

static enum status prepare(struct evaluation *evaluation, const struct request *request, struct error *error) {
  const char *what = "the evaluation";
  struct policy_source *source = &evaluation->source;
  enum status status = read_policy(evaluation, request, error);
  if (status == STATUS_OK && evaluation->recording)
    status = recording_open(evaluation->recording, request->record, &source->config, error);
  if (status == STATUS_OK) status = policy_source_open_environment(source, error);
  if (status != STATUS_OK) return status;
  const uint32_t obs_dim = source->shape.obs_dim, act_dim = source->shape.act_dim;
  if (!(evaluation->evaluator = evaluator_create(&source->config, &source->kind, obs_dim, act_dim, 0, error)) ||
      !(evaluation->returns = memory_alloc(source->config.eval_episodes, sizeof(double), what, error)) ||
      !(evaluation->first_observation = memory_alloc(obs_dim, sizeof(float), what, error)) ||
      !(evaluation->first_action = memory_alloc(act_dim, sizeof(float), what, error)))
    return error->status;
  if (evaluation->trace) {
    status = trace_open(evaluation->trace, request->trace, source->file, &source->info, &source->config,
                        &source->weights, error);
    if (status != STATUS_OK) return status;
  }
  policy_weights_copy(evaluator_weights(evaluation->evaluator), &source->weights);
  const struct environment *environment = evaluator_environment(evaluation->evaluator, error);
  if (environment) {
    status = policy_source_check_bounds(source, environment, error);
    return status == STATUS_OK && evaluation->recording ? recording_begin(evaluation->recording, error) : status;
  }
  policy_source_explain_failure(source, error);
  return error->status;
}

static void release(struct evaluation *evaluation) {
  if (evaluation->trace) trace_release(evaluation->trace);
  memory_free(evaluation->returns);
  memory_free(evaluation->first_observation);
  memory_free(evaluation->first_action);
  evaluator_destroy(evaluation->evaluator);
  if (evaluation->recording) recording_close(evaluation->recording);
  policy_source_release(&evaluation->source);
}

static enum status run_step(struct evaluation *evaluation, bool *done, struct message_episode *result,
                            struct error *error) {
  enum status status = evaluator_step(evaluation->evaluator, done, result, error);
  if (status != STATUS_OK || (*done && result->cut == EPISODE_NOT_BEGUN)) return status;
  const struct evaluator_transition *made = evaluator_made(evaluation->evaluator);
  if (evaluation->recording && !made)
    return error_set(error, STATUS_FAILED, "--record: the environment failed while it was recorded: %s",
                     evaluator_env_failure(evaluation->evaluator)->text);
  if (evaluation->trace) status = trace_add(evaluation->trace, made, *done, error);
  if (status == STATUS_OK && evaluation->recording) status = recording_add(evaluation->recording, made, error);
  return status;
}

// out: where a line for each episode goes as it ends, or NULL.
static enum status run_episodes(struct evaluation *evaluation, FILE *out, struct error *error) {
  const uint32_t count = (uint32_t)evaluation->source.config.eval_episodes;
  evaluator_begin(evaluation->evaluator, &(struct message_evaluate){.stride = 1, .count = count});
  if (out) fprintf(out, "%10s %14s %10s\n", "episode", "return", "length");
  while (evaluator_busy(evaluation->evaluator)) {
    struct message_episode result;
    bool done;
    const enum status status = run_step(evaluation, &done, &result, error);
    if (status != STATUS_OK) return status;
    const struct message_env_failure *env_failure = evaluator_env_failure(evaluation->evaluator);
    if (!done && env_failure)
      printable_print(streams_error(), "corsac: an episode is made again: %s", env_failure->text);
    if (!done) continue;
    if (result.failed && result.cut != EPISODE_NOT_BEGUN)
      return error_set(error, STATUS_FAILED, "episode %u failed twice: %s", result.episode, env_failure->text);
    evaluation->cut += result.cut != EPISODE_WHOLE;
    if (result.cut == EPISODE_NOT_BEGUN) continue;
    evaluation->returns[evaluation->begun++] = result.episode_return;
    evaluation->length += (double)result.length;
    if (out)
      fprintf(out, "%10u %14.3f %10u%s\n", result.episode, result.episode_return, result.length,
              result.cut != EPISODE_WHOLE ? "  cut" : "");
    if (out) fflush(out);
    if (result.episode > 0) continue;
    memcpy(evaluation->first_observation, evaluator_first_observation(evaluation->evaluator),
           evaluation->source.shape.obs_dim * sizeof(float));
    memcpy(evaluation->first_action, evaluator_first_action(evaluation->evaluator),
           evaluation->source.shape.act_dim * sizeof(float));
  }
  return STATUS_OK;
}

// Computes the mean, the extremes, and the standard deviation of the episodes (divided by their number, as in NumPy).
static void summarise(struct evaluation *evaluation) {
  const uint64_t count = evaluation->begun;
  double sum = 0, squares = 0;
  evaluation->low = evaluation->high = evaluation->returns[0];
  for (uint64_t i = 0; i < count; i++) {
    sum += evaluation->returns[i];
    evaluation->low = fmin(evaluation->low, evaluation->returns[i]);
    evaluation->high = fmax(evaluation->high, evaluation->returns[i]);
  }
  evaluation->mean = sum / (double)count;
  evaluation->length /= (double)count;
  for (uint64_t i = 0; i < count; i++) {
    const double difference = evaluation->returns[i] - evaluation->mean;
    squares += difference * difference;
  }
  evaluation->deviation = sqrt(squares / (double)count);
}

static enum status print_json(const struct evaluation *evaluation, struct error *error) {
  const struct policy_source *source = &evaluation->source;
  return json_print(
      json_pack("{s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o}", "env",
                json_text(environment_kind_name(&source->kind)), "env_steps", json_count(source->info.env_steps),
                "policy_version", json_count(source->info.policy_version), "episodes", json_count(evaluation->begun),
                "cut", json_count(evaluation->cut), "return_mean", evaluation->mean, "return_std",
                evaluation->deviation, "return_min", evaluation->low, "return_max", evaluation->high, "length_mean",
                evaluation->length, "returns", json_doubles(evaluation->returns, evaluation->begun),
                "first_observation", json_floats(evaluation->first_observation, source->shape.obs_dim), "first_action",
                json_floats(evaluation->first_action, source->shape.act_dim)),
      error);
}

static void say_policy(FILE *out, const struct evaluation *evaluation) {
  printable_print(out, "%s: %s, policy version %llu, %llu steps, seed %llu", evaluation->source.file,
                  evaluation->source.config.env, (unsigned long long)evaluation->source.info.policy_version,
                  (unsigned long long)evaluation->source.info.env_steps,
                  (unsigned long long)evaluation->source.config.seed);
}

static enum status write_trace(const struct evaluation *evaluation, struct error *error) {
  const struct trace *trace = evaluation->trace;
  const struct policy_source *source = &evaluation->source;
  const enum status status = trace_write(trace, environment_kind_name(&source->kind), source->file, error);
  if (status != STATUS_OK) return status;
  printable_print(streams_error(), "corsac: %s: %llu steps%s%s%s", trace->path, (unsigned long long)trace->table.rows,
                  trace->reference.critics ? "" : ", without Q: ", trace->reference.critics ? "" : source->file,
                  trace->reference.critics ? "" : " holds no critics");
  return STATUS_OK;
}

static enum status end_recording(struct evaluation *evaluation, struct error *error) {
  evaluator_destroy(evaluation->evaluator); // the last picture comes before it ends
  evaluation->evaluator = NULL;
  const enum status status = recording_end(evaluation->recording, error);
  if (status == STATUS_OK) printable_print(streams_error(), "corsac: %s is recorded", evaluation->recording->path);
  return status;
}

static void say_result(const struct evaluation *evaluation) {
  printf("%u episode%s of %s: mean return %.3f +- %.3f (%.3f to %.3f), mean length %.1f\n", evaluation->begun,
         evaluation->begun == 1 ? "" : "s", environment_kind_name(&evaluation->source.kind), evaluation->mean,
         evaluation->deviation, evaluation->low, evaluation->high, evaluation->length);
}

static void say_cut(const struct evaluation *evaluation) {
  const uint32_t asked = (uint32_t)evaluation->source.config.eval_episodes;
  if (evaluation->cut == 0) return;
  fprintf(stderr, "corsac: %u of %u episodes did not end by themselves", evaluation->cut, asked);
  if (evaluation->begun < asked) fprintf(stderr, ", %u of these were not begun", asked - evaluation->begun);
  fprintf(stderr, ": --max-steps and --timeout say how much they are given; a return is what an episode had until it "
                  "was cut\n");
}

int command_eval(int argc, char **argv) {
  struct error error = {0};
  struct request request;
  struct evaluation evaluation = {0};
  struct trace trace = {0};
  struct recording recording = {.frames = -1, .words = -1};
  if (parse_request(argc, argv, &request, &error) != STATUS_OK) return command_fail(&error);
  streams_keep_output();
  linalg_init();
  if (request.trace) evaluation.trace = &trace;
  if (request.record) evaluation.recording = &recording;
  FILE *out = request.json ? (request.verbose ? streams_error() : NULL) : streams_output();
  enum status status = prepare(&evaluation, &request, &error);
  if (status == STATUS_OK && request.verbose) say_policy(out, &evaluation);
  if (status == STATUS_OK) status = run_episodes(&evaluation, out, &error);
  if (status == STATUS_OK) summarise(&evaluation);
  if (status == STATUS_OK && request.trace) status = write_trace(&evaluation, &error);
  if (status == STATUS_OK && request.record) status = end_recording(&evaluation, &error);
  if (status == STATUS_OK && request.json) status = print_json(&evaluation, &error);
  if (status == STATUS_OK && !request.json) say_result(&evaluation);
  if (status == STATUS_OK) say_cut(&evaluation);
  release(&evaluation);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
