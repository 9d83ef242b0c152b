// corsac eval: the command, and the episodes that one process plays.
#include "launch/policy/eval.h"

#include "common/base/printable.h"
#include "common/base/streams.h"
#include "common/config/cases.h"
#include "common/config/options.h"
#include "common/nn/linalg.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/policy/recording.h"

#include <stdio.h>
#include <string.h>

// Sets the options of an evaluation: ten episodes unless the request says otherwise, one where it is recorded; the
// limits are those of the run.
static enum status set_options(const struct eval_request *request, struct config *config, struct error *error) {
  const struct {
    const char *option, *argument, *value;
  } all[] = {{"eval_episodes", "--episodes",
              request->episodes ? request->episodes
              : request->record ? "1"
                                : "10"},
             {"eval_max_steps", "--max-steps", request->max_steps},
             {"eval_timeout", "--timeout", request->timeout},
             {"ranks_per_env", "--ranks-per-env", request->ranks_per_env},
             {"cases", "--cases", request->cases}};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof all / sizeof *all && status == STATUS_OK; i++)
    if (all[i].value) status = option_set(options_find(all[i].option), config, all[i].value, all[i].argument, error);
  return status;
}

static enum status parse_request(int argc, char **argv, struct eval_request *request, struct error *error) {
  *request = (struct eval_request){0};
  const struct argument known[] = {
      {"env", NULL, &request->policy.env},      {"episodes", NULL, &request->episodes},
      {"seed", NULL, &request->policy.seed},    {"trace", NULL, &request->trace},
      {"max-steps", NULL, &request->max_steps}, {"timeout", NULL, &request->timeout},
      {"record", NULL, &request->record},       {"ranks-per-env", NULL, &request->ranks_per_env},
      {"sampled", &request->sampled, NULL},     {"json", &request->json, NULL},
      {"cases", NULL, &request->cases},         {"verbose", &request->verbose, NULL}};
  const enum status status =
      arguments_parse(argc, argv, "eval", known, sizeof known / sizeof *known, &request->policy.path, error);
  if (status != STATUS_OK) return status;
  if (!request->policy.path || !request->policy.path[0])
    return error_set(error, STATUS_USAGE,
                     "eval: say which policy: corsac eval RUN (a run directory), or a checkpoint file");
  struct config config;
  options_defaults(&config);
  if (set_options(request, &config, error) != STATUS_OK) return error->status;
  if (request->record && request->ranks_per_env)
    return error_set(error, STATUS_USAGE, "--record: films what one process plays, without --ranks-per-env");
  return STATUS_OK;
}

// Checks the files that are to be written, which only the first rank needs to see.
static enum status check_files(const struct eval_request *request, struct error *error) {
  if (request->record && recording_check(request->record, error) != STATUS_OK) return error->status;
  return request->trace ? trace_check(request->trace, error) : STATUS_OK;
}

// Gives the simulators DIR-eval in place of the run's DIR, whose programs may be running, or start meanwhile. It has no
// number, so that the next evaluation removes what one that was killed has left.
static enum status set_scratch(struct config *config, struct error *error) {
  char own[CONFIG_TEXT + 32];
  size_t length = strlen(config->scratch);
  if (length == 0) return STATUS_OK;
  while (length > 1 && config->scratch[length - 1] == '/') length--;
  snprintf(own, sizeof own, "%.*s-eval", (int)length, config->scratch);
  return option_set(options_find("scratch"), config, own, "scratch", error);
}

enum status eval_read_policy(struct eval *eval, struct error *error) {
  enum status status = policy_source_read(&eval->source, &eval->request->policy, error);
  if (status == STATUS_OK) status = set_options(eval->request, &eval->source.config, error);
  if (status == STATUS_OK) status = cases_load(&eval->source.config, error);
  eval->cases = status == STATUS_OK ? cases_count(&eval->source.config) : 0;
  return status == STATUS_OK ? set_scratch(&eval->source.config, error) : status;
}

FILE *eval_output(const struct eval_request *request) {
  return request->json ? (request->verbose ? streams_error() : NULL) : streams_output();
}

// --- one process ---

struct alone {
  struct eval eval;
  struct evaluator *evaluator;
  struct recording *recording; // NULL: not asked for
};

static enum status prepare(struct alone *alone, struct error *error) {
  struct eval *eval = &alone->eval;
  struct policy_source *source = &eval->source;
  uint32_t actors = 0;
  enum status status = eval_read_policy(eval, error);
  if (status == STATUS_OK && eval->request->ranks_per_env) status = ranks_count_groups(&source->config, &actors, error);
  if (status == STATUS_OK && alone->recording)
    status = recording_open(alone->recording, eval->request->record, &source->config, error);
  if (status == STATUS_OK) status = policy_source_open_environment(source, error);
  if (status != STATUS_OK) return status;
  eval->name = environment_kind_name(&source->kind);
  alone->evaluator =
      evaluator_create(&source->config, &source->kind, source->shape.obs_dim, source->shape.act_dim, 0, error);
  if (!alone->evaluator) return error->status;
  policy_weights_copy(evaluator_weights(alone->evaluator), &source->weights);
  const struct environment *environment = evaluator_environment(alone->evaluator, error);
  if (environment) {
    status = policy_source_check_bounds(source, eval->name, environment->action_low, environment->action_high, error);
    eval_name_info(eval, environment->info_dim, environment->info_names);
    eval->agents = environment->agents;
    if (status == STATUS_OK) status = eval_begin(eval, eval_output(eval->request), error);
    return status == STATUS_OK && alone->recording ? recording_begin(alone->recording, error) : status;
  }
  policy_source_explain_failure(source, error);
  return error->status;
}

static enum status run_step(struct alone *alone, bool *done, struct message_episode *result, struct error *error) {
  enum status status = evaluator_step(alone->evaluator, done, result, error);
  if (status != STATUS_OK || (*done && result->cut == EPISODE_NOT_BEGUN)) return status;
  const struct message_env_failure *failure = evaluator_env_failure(alone->evaluator);
  const struct evaluator_transition *made = evaluator_made(alone->evaluator);
  if (failure && alone->recording)
    return error_set(error, STATUS_FAILED, "--record: the environment failed while it was recorded: %s", failure->text);
  if (failure) return eval_take_step(&alone->eval, NULL, *done, error);
  if (made && alone->recording) status = recording_add(alone->recording, made, error);
  for (; made && status == STATUS_OK; made = evaluator_made_next(alone->evaluator))
    status = eval_take_step(&alone->eval, made, *done, error);
  return status;
}

static enum status run_episodes(struct alone *alone, struct error *error) {
  const uint32_t count = (uint32_t)alone->eval.source.config.eval_episodes;
  const struct message_evaluate evaluate = {.stride = 1, .count = count, .sampled = alone->eval.request->sampled};
  evaluator_begin(alone->evaluator, &evaluate);
  while (evaluator_busy(alone->evaluator)) {
    struct message_episode result;
    bool done;
    enum status status = run_step(alone, &done, &result, error);
    if (status != STATUS_OK) return status;
    const struct message_env_failure *env_failure = evaluator_env_failure(alone->evaluator);
    if (!done && env_failure) eval_say_retry(env_failure->text);
    if (done) status = eval_take_episode(&alone->eval, &result, env_failure ? env_failure->text : "", error);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static enum status end_recording(struct alone *alone, struct error *error) {
  evaluator_destroy(alone->evaluator); // the last picture comes before it ends
  alone->evaluator = NULL;
  const enum status status = recording_end(alone->recording, error);
  if (status == STATUS_OK) printable_print(streams_error(), "corsac: %s is recorded", alone->recording->path);
  return status;
}

static int eval_alone(const struct eval_request *request) {
  struct error error = {0};
  struct trace trace = {0};
  struct recording recording = {.frames = -1, .words = -1};
  struct alone alone = {.eval = {.request = request, .trace = request->trace ? &trace : NULL},
                        .recording = request->record ? &recording : NULL};
  enum status status = prepare(&alone, &error);
  if (status == STATUS_OK) eval_say_head(&alone.eval);
  if (status == STATUS_OK) status = run_episodes(&alone, &error);
  if (status == STATUS_OK && alone.recording) status = end_recording(&alone, &error);
  if (status == STATUS_OK) status = eval_end(&alone.eval, &error);
  evaluator_destroy(alone.evaluator);
  if (alone.recording) recording_close(alone.recording);
  eval_release(&alone.eval);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}

// --- the command ---

// Whether the request can be served; otherwise *code is the exit code. The first rank says why.
static bool is_good(int argc, char **argv, struct eval_request *request, int *code) {
  struct error error = {0};
  const bool first = command_first_rank();
  enum status status = parse_request(argc, argv, request, &error);
  if (status == STATUS_OK && first) status = check_files(request, &error);
  if (status != STATUS_OK) *code = first ? command_fail(&error) : status_exit_code(status);
  return status == STATUS_OK;
}

int command_eval(int argc, char **argv) {
  struct error error = {0};
  struct eval_request request;
  struct ranks ranks;
  bool together = true;
  int code = EXIT_DONE;
  if (!is_good(argc, argv, &request, &code)) return code;
  streams_keep_output();
  linalg_init();
  if (request.record) return command_first_rank() ? eval_alone(&request) : EXIT_DONE;
  if (ranks_start(&ranks, &argc, &argv, &error) != STATUS_OK) {
    code = ranks.launcher.task == 0 || error.status != STATUS_USAGE ? command_fail(&error)
                                                                    : status_exit_code(error.status);
  } else {
    code = ranks.size > 1 ? eval_on_ranks(&ranks, &request, &together) : eval_alone(&request);
  }
  ranks_stop(&ranks, together, code);
  return code;
}
