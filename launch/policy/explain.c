// corsac explain: the reparameterised sample of SAC's policy in numbers, at one real observation.
#include "launch/policy/explain.h"

#include "common/base/memory.h"
#include "common/base/plural.h"
#include "common/base/streams.h"
#include "common/config/options.h"
#include "common/nn/networks.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "common/base/json.h"
#include "launch/policy/policy_source.h"
#include "launch/policy/reference_networks.h"

#include <string.h>

struct request {
  struct policy_source_request policy;
  uint32_t samples, agent;
  bool json;
};

struct work {
  struct policy_source source;
  struct environment environment;
  struct reference_networks reference;
  struct explain_objective objective;
  struct explanation shown;
  float *obs, *input; // (agents x obs_dim), (history_width)
  double *memory;     // all arrays of double
};

static enum status parse_request(int argc, char **argv, struct request *request, struct error *error) {
  const char *samples = NULL, *agent = NULL;
  *request = (struct request){.samples = 10000};
  const struct argument known[] = {{"env", NULL, &request->policy.env},
                                   {"seed", NULL, &request->policy.seed},
                                   {"samples", NULL, &samples},
                                   {"agent", NULL, &agent},
                                   {"json", &request->json, NULL}};
  enum status status =
      arguments_parse(argc, argv, "explain", known, sizeof known / sizeof *known, &request->policy.path, error);
  if (status != STATUS_OK) return status;
  if (!request->policy.path || !request->policy.path[0])
    return error_set(error, STATUS_USAGE,
                     "explain: say which policy: corsac explain RUN (a run directory), or a checkpoint file");
  status = arguments_integer("samples", samples, 2, 1000000000, &request->samples, error);
  return status == STATUS_OK ? arguments_integer("agent", agent, 0, CORSAC_MAX_AGENTS - 1, &request->agent, error)
                             : status;
}

// What the policy sees of the first observation.
static enum status see(struct work *work, struct error *error) {
  struct history *history = &work->shown.history;
  *history = history_of(&work->source.config, work->environment.obs_dim, work->environment.act_dim);
  const size_t width = history_width(history);
  work->input = memory_alloc(width, sizeof *work->input, "the observation", error);
  work->shown.slope = memory_alloc(width, sizeof *work->shown.slope, "the observation", error);
  if (!work->input || !work->shown.slope) return STATUS_MEMORY;
  history_reset(history, work->input, work->shown.obs);
  return STATUS_OK;
}

// Finds the agent's row of the observation.
static enum status find_agent(struct work *work, size_t agent, struct error *error) {
  const struct environment *environment = &work->environment;
  const char *name = environment_kind_name(&work->source.kind);
  if (agent >= environment->agents)
    return error_set(error, STATUS_USAGE, "--agent: %s has %u agent%s, from 0 on; there is no agent %zu", name,
                     environment->agents, plural(environment->agents), agent);
  if (environment->agents > 1 && environment->agent[agent] != CORSAC_PRESENT)
    return error_set(error, STATUS_USAGE,
                     "--agent: agent %zu of %s is not there after this reset: name another one, or another --seed",
                     agent, name);
  work->shown.agents = environment->agents;
  work->shown.agent = agent;
  work->shown.obs = work->obs + agent * environment->obs_dim;
  return STATUS_OK;
}

// Makes the environment and takes the first observation of episode 0 of an evaluation with this seed.
static enum status reset_environment(struct work *work, size_t agent, struct error *error) {
  static const struct guest guest = {.evaluation = true};
  struct policy_source *source = &work->source;
  enum status status = policy_source_open_environment(source, error);
  if (status != STATUS_OK) return status;
  status = environment_create_for(&work->environment, &source->kind, &guest, 0, error);
  if (status != STATUS_OK) {
    policy_source_explain_failure(source, error);
    return status;
  }
  const uint32_t obs_dim = work->environment.obs_dim, act_dim = work->environment.act_dim;
  if (obs_dim != source->shape.obs_dim || act_dim != source->shape.act_dim)
    return error_set(error, STATUS_MISMATCH, "%s has obs_dim %u and act_dim %u, but the policy's are %u and %u",
                     environment_kind_name(&source->kind), obs_dim, act_dim, source->shape.obs_dim,
                     source->shape.act_dim);
  status = policy_source_check_bounds(source, environment_kind_name(&source->kind), work->environment.action_low,
                                      work->environment.action_high, error);
  struct random random = random_stream(source->config.seed, RANDOM_EVALUATION, 0, 0);
  const size_t floats = (size_t)work->environment.agents * obs_dim;
  if (status == STATUS_OK && !(work->obs = memory_alloc(floats, sizeof(float), "the observation", error)))
    status = STATUS_MEMORY;
  if (status == STATUS_OK) status = environment_reset(&work->environment, random_u64(&random), work->obs, error);
  if (status == STATUS_OK) status = find_agent(work, agent, error);
  return status == STATUS_OK ? see(work, error) : status;
}

static double critics_minimum_at(void *who, const double *action, double *gradient) {
  return reference_networks_minimum(who, action, gradient);
}

static void explain_log_probability(struct work *work, const double *head, const double *eps) {
  struct explanation *shown = &work->shown;
  struct explain_objective *objective = &work->objective;
  objective->form = work->reference.form;
  objective->alpha = 1;
  objective->q = NULL;
  shown->log_probability = explain_sample(&objective->form, shown->dim, head, eps, shown->path);
  explain_value(objective, head, eps, shown->log_probability_gradient);
  explain_differences(objective, head, eps, shown->log_probability_difference);
}

static void explain_critics(struct work *work, const double *head, const double *eps, double *scratch) {
  struct explanation *shown = &work->shown;
  struct explain_objective *objective = &work->objective;
  objective->alpha = shown->alpha = work->reference.alpha;
  objective->q = critics_minimum_at;
  objective->who = &work->reference;
  for (size_t i = 0; i < shown->dim; i++) scratch[i] = shown->path[i].action;
  shown->q = reference_networks_minimum(&work->reference, scratch, NULL);
  explain_value(objective, head, eps, shown->objective_gradient);
  explain_differences(objective, head, eps, shown->objective_difference);
  struct random random = random_stream(work->source.config.seed, RANDOM_NOISE, 0, 0);
  explain_estimate(objective, head, shown->samples, &random, scratch, scratch + shown->dim, shown->moments);
}

// Allocates all arrays, of 2 dim each, as one block.
static enum status allocate(struct work *work, double **head, double **eps, double **scratch, struct error *error) {
  struct explanation *shown = &work->shown;
  const size_t dim = work->reference.act_dim;
  double **const arrays[] = {&shown->log_probability_gradient,
                             &shown->log_probability_difference,
                             &shown->objective_gradient,
                             &shown->objective_difference,
                             &shown->moments[EXPLAIN_PATHWISE].mean,
                             &shown->moments[EXPLAIN_PATHWISE].variance,
                             &shown->moments[EXPLAIN_SCORE].mean,
                             &shown->moments[EXPLAIN_SCORE].variance,
                             &shown->moments[EXPLAIN_BASELINE].mean,
                             &shown->moments[EXPLAIN_BASELINE].variance,
                             head,
                             eps,
                             scratch}; // scratch is the last: it has 3 dim
  const size_t count = sizeof arrays / sizeof *arrays;
  double *at = work->memory = memory_alloc((2 * count + 1) * dim, sizeof(double), "the explanation", error);
  shown->path = memory_alloc(dim, sizeof *shown->path, "the explanation", error);
  if (!at || !shown->path) return STATUS_MEMORY;
  for (size_t i = 0; i < count; i++) *arrays[i] = at + 2 * i * dim;
  return explain_objective_init(&work->objective, dim, error);
}

static enum status explain(struct work *work, const struct request *request, struct error *error) {
  const struct policy_source *source = &work->source;
  struct explanation *shown = &work->shown;
  double *head, *eps, *scratch;
  const enum status status = allocate(work, &head, &eps, &scratch, error);
  if (status != STATUS_OK) return status;
  reference_networks_observe(&work->reference, work->input);
  reference_networks_head(&work->reference, head);
  reference_networks_slope(&work->reference, scratch, shown->slope);
  struct random random = random_stream(source->config.seed, RANDOM_ACTOR, 0, 0);
  random_normals(&random, work->reference.act_dim, eps);
  shown->file = source->file;
  shown->env = environment_kind_name(&source->kind);
  shown->env_steps = source->info.env_steps;
  shown->policy_version = source->info.policy_version;
  shown->seed = source->config.seed;
  shown->obs_dim = source->shape.obs_dim;
  shown->dim = work->reference.act_dim;
  shown->low = work->environment.action_low;
  shown->high = work->environment.action_high;
  shown->critics = work->reference.critics;
  shown->samples = shown->critics > 0 ? request->samples : 0;
  explain_log_probability(work, head, eps);
  if (shown->samples > 0) explain_critics(work, head, eps, scratch);
  return STATUS_OK;
}

static void release(struct work *work) {
  explain_objective_release(&work->objective);
  memory_free(work->shown.path);
  memory_free(work->memory);
  memory_free(work->obs);
  memory_free(work->input);
  memory_free(work->shown.slope);
  reference_networks_release(&work->reference);
  environment_destroy(&work->environment);
  policy_source_release(&work->source);
}

int command_explain(int argc, char **argv) {
  struct error error = {0};
  struct request request;
  struct work work = {0};
  streams_keep_output();
  if (parse_request(argc, argv, &request, &error) != STATUS_OK) return command_fail(&error);
  enum status status = policy_source_read(&work.source, &request.policy, &error);
  if (status == STATUS_OK)
    status = reference_networks_read(&work.reference, work.source.file, &work.source.info, &work.source.config,
                                     &work.source.weights, &error);
  if (status == STATUS_OK) status = reset_environment(&work, request.agent, &error);
  if (status == STATUS_OK) status = explain(&work, &request, &error);
  if (status == STATUS_OK && request.json) status = json_print(explain_json(&work.shown), &error);
  if (status == STATUS_OK && !request.json) explain_print(streams_output(), &work.shown);
  release(&work);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
