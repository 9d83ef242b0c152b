// What eval does with the episodes, whoever played them, and what it prints.
#include "launch/policy/eval.h"

#include "common/base/json.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "common/base/printable.h"
#include "common/base/streams.h"
#include "common/config/cases.h"

#include <math.h>
#include <string.h>

void eval_name_info(struct eval *eval, uint32_t info_dim, const char *const *names) {
  eval->info_dim = info_dim;
  for (uint32_t i = 0; i < info_dim; i++) snprintf(eval->info_name[i], sizeof eval->info_name[i], "%s", names[i]);
}

enum status eval_begin(struct eval *eval, FILE *out, struct error *error) {
  static const char what[] = "the evaluation";
  const struct policy_source *source = &eval->source;
  eval->out = out;
  if (!(eval->returns = memory_alloc(source->config.eval_episodes, sizeof(double), what, error)) ||
      !(eval->first_observation = memory_alloc(source->shape.obs_dim, sizeof(float), what, error)) ||
      !(eval->first_action = memory_alloc(source->shape.act_dim, sizeof(float), what, error)))
    return error->status;
  if (!eval->trace) return STATUS_OK;
  enum status status = trace_open(eval->trace, eval->request->trace, source->file, &source->info, &source->config,
                                  &source->weights, error);
  trace_name_info(eval->trace, eval->info_dim, eval->info_name);
  if (status == STATUS_OK) status = trace_use_agents(eval->trace, eval->agents > 1 ? eval->agents : 1, error);
  return status;
}

void eval_release(struct eval *eval) {
  if (eval->trace) trace_release(eval->trace);
  memory_free(eval->returns);
  memory_free(eval->first_observation);
  memory_free(eval->first_action);
  policy_source_release(&eval->source);
}

// --- episodes ---

enum status eval_take_step(struct eval *eval, const struct evaluator_transition *made, bool last, struct error *error) {
  if (made && made->episode == 0 && made->step == 0 && !eval->has_first) {
    eval->has_first = true;
    memcpy(eval->first_observation, made->obs, eval->source.shape.obs_dim * sizeof(float));
    memcpy(eval->first_action, made->scaled, eval->source.shape.act_dim * sizeof(float));
  }
  return eval->trace ? trace_add(eval->trace, made, last, error) : STATUS_OK;
}

void eval_say_retry(const char *why) { printable_print(streams_error(), "corsac: an episode is made again: %s", why); }

static void add_to_case(struct eval *eval, const struct message_episode *result) {
  struct eval_case *of = &eval->of_case[result->episode % eval->cases];
  const double value = result->episode_return;
  of->low = of->episodes == 0 ? value : fmin(of->low, value);
  of->high = of->episodes == 0 ? value : fmax(of->high, value);
  of->sum += value;
  of->length += (double)result->length;
  of->episodes++;
}

// "  short": the episode's case, where there are cases.
static void name_case(const struct eval *eval, uint32_t episode, char text[CASES_NAME + 2]) {
  char name[CASES_NAME];
  *text = 0;
  if (eval->cases == 0) return;
  cases_name(&eval->source.config, episode % eval->cases, name);
  snprintf(text, CASES_NAME + 2, "  %s", name);
}

enum status eval_take_episode(struct eval *eval, const struct message_episode *result, const char *why,
                              struct error *error) {
  FILE *out = eval->out;
  if (result->failed && result->cut != EPISODE_NOT_BEGUN)
    return error_set(error, STATUS_FAILED, "episode %u failed twice: %s", result->episode, why);
  eval->cut += result->cut != EPISODE_WHOLE;
  if (eval->trace) trace_end_episode(eval->trace); // in its last step perhaps no agent acted
  if (result->cut == EPISODE_NOT_BEGUN) return STATUS_OK;
  eval->returns[eval->begun++] = result->episode_return;
  eval->length += (double)result->length;
  if (eval->cases > 0) add_to_case(eval, result);
  for (uint32_t i = 0; i < eval->info_dim && i < result->info_dim; i++) {
    const double sum = eval->info_sum[i] + result->info[i];
    if (result->info[i] <= WIRE_NO_VALUE || !isfinite(sum)) continue;
    eval->info_sum[i] = sum;
    eval->info_count[i]++;
  }
  if (!out) return STATUS_OK;
  char name[CASES_NAME + 2];
  name_case(eval, result->episode, name);
  fprintf(out, "%10u %14.3f %10u%s%s\n", result->episode, result->episode_return, result->length, name,
          result->cut != EPISODE_WHOLE ? "  cut" : "");
  fflush(out);
  return STATUS_OK;
}

// --- what it prints ---

void eval_say_head(const struct eval *eval) {
  const struct policy_source *source = &eval->source;
  if (eval->request->verbose)
    printable_print(eval->out, "%s: %s, policy version %llu, %llu step%s, seed %llu%s", source->file,
                    source->config.env, (unsigned long long)source->info.policy_version,
                    (unsigned long long)source->info.env_steps, plural(source->info.env_steps),
                    (unsigned long long)source->config.seed, eval->request->sampled ? ", sampled actions" : "");
  if (eval->out)
    fprintf(eval->out, "%10s %14s %10s%s\n", "episode", "return", "length", eval->cases > 0 ? "  case" : "");
}

// Computes the mean, the extremes, and the standard deviation of the episodes (divided by their number, as in NumPy).
static void summarise(struct eval *eval) {
  const uint64_t count = eval->begun;
  double sum = 0, squares = 0;
  eval->low = eval->high = eval->returns[0];
  for (uint64_t i = 0; i < count; i++) {
    sum += eval->returns[i];
    eval->low = fmin(eval->low, eval->returns[i]);
    eval->high = fmax(eval->high, eval->returns[i]);
  }
  eval->mean = sum / (double)count;
  eval->length /= (double)count;
  for (uint64_t i = 0; i < count; i++) {
    const double difference = eval->returns[i] - eval->mean;
    squares += difference * difference;
  }
  eval->deviation = sqrt(squares / (double)count);
}

static double info_mean(const struct eval *eval, uint32_t i) {
  return eval->info_count[i] > 0 ? eval->info_sum[i] / eval->info_count[i] : NAN;
}

static json_t *json_info(const struct eval *eval) {
  json_t *info = json_object();
  for (uint32_t i = 0; i < eval->info_dim; i++)
    json_object_set_new(info, eval->info_name[i],
                        eval->info_count[i] > 0 ? json_real(info_mean(eval, i)) : json_null());
  return info;
}

static json_t *json_cases(const struct eval *eval) {
  json_t *cases = json_array();
  for (uint32_t i = 0; i < eval->cases; i++) {
    const struct eval_case *of = &eval->of_case[i];
    const bool any = of->episodes > 0;
    char name[CASES_NAME], line[CASES_LINE];
    cases_name(&eval->source.config, i, name);
    cases_line(&eval->source.config, i, line);
    json_array_append_new(cases, json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "name", json_text(name), "case",
                                           json_text(line), "episodes", (json_int_t)of->episodes, "return_mean",
                                           any ? json_real(of->sum / of->episodes) : json_null(), "return_min",
                                           any ? json_real(of->low) : json_null(), "return_max",
                                           any ? json_real(of->high) : json_null(), "length_mean",
                                           any ? json_real(of->length / of->episodes) : json_null()));
  }
  return cases;
}

static enum status print_json(const struct eval *eval, struct error *error) {
  const struct policy_source *source = &eval->source;
  return json_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "env",
                              json_text(eval->name), "env_steps", json_count(source->info.env_steps), "policy_version",
                              json_count(source->info.policy_version), "episodes", json_count(eval->begun), "cut",
                              json_count(eval->cut), "return_mean", eval->mean, "return_std", eval->deviation,
                              "return_min", eval->low, "return_max", eval->high, "length_mean", eval->length, "returns",
                              json_doubles(eval->returns, eval->begun), "info", json_info(eval), "cases",
                              json_cases(eval), "first_observation",
                              json_floats(eval->first_observation, source->shape.obs_dim), "first_action",
                              json_floats(eval->first_action, source->shape.act_dim)),
                    error);
}

static enum status write_trace(const struct eval *eval, struct error *error) {
  const struct trace *trace = eval->trace;
  const struct policy_source *source = &eval->source;
  const enum status status = trace_write(trace, eval->name, source->file, error);
  if (status != STATUS_OK) return status;
  printable_print(streams_error(), "corsac: %s: %llu %s%s%s%s%s", trace->path, (unsigned long long)trace->table.rows,
                  eval->agents > 1 ? "transition" : "step", plural(trace->table.rows),
                  trace->reference.critics ? "" : ", without Q: ", trace->reference.critics ? "" : source->file,
                  trace->reference.critics ? "" : " holds no critics");
  return STATUS_OK;
}

static void say_result(const struct eval *eval) {
  fprintf(eval->out, "%u episode%s of %s: mean return %.3f +- %.3f (%.3f to %.3f), mean length %.1f\n", eval->begun,
          plural(eval->begun), eval->name, eval->mean, eval->deviation, eval->low, eval->high, eval->length);
  for (uint32_t i = 0; i < eval->info_dim; i++)
    if (eval->info_count[i] > 0) fprintf(eval->out, "mean %s %.6g\n", eval->info_name[i], info_mean(eval, i));
}

static void say_cases(const struct eval *eval) {
  for (uint32_t i = 0; i < eval->cases; i++) {
    const struct eval_case *of = &eval->of_case[i];
    char name[CASES_NAME];
    cases_name(&eval->source.config, i, name);
    if (of->episodes == 0)
      fprintf(eval->out, "case %s: no episode\n", name);
    else
      fprintf(eval->out, "case %s: mean return %.3f (%.3f to %.3f), mean length %.1f, %u episode%s\n", name,
              of->sum / of->episodes, of->low, of->high, of->length / of->episodes, of->episodes,
              of->episodes == 1 ? "" : "s");
  }
}

static void say_cut(const struct eval *eval) {
  const uint32_t asked = (uint32_t)eval->source.config.eval_episodes;
  if (eval->cut == 0) return;
  fprintf(streams_error(), "corsac: %u of %u episode%s did not end by %s", eval->cut, asked, plural(asked),
          eval->cut == 1 ? "itself" : "themselves");
  if (eval->begun < asked) fprintf(streams_error(), ", %u of these were not begun", asked - eval->begun);
  fprintf(streams_error(),
          ": --max-steps and --timeout say how much they are given; a return is what an episode had until it "
          "was cut\n");
}

enum status eval_end(struct eval *eval, struct error *error) {
  enum status status = STATUS_OK;
  summarise(eval);
  if (eval->trace) status = write_trace(eval, error);
  if (status == STATUS_OK && eval->request->json) status = print_json(eval, error);
  if (status != STATUS_OK) return status;
  if (!eval->request->json) {
    say_result(eval);
    say_cases(eval);
  }
  say_cut(eval);
  return STATUS_OK;
}
