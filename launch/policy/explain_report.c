#include "launch/policy/explain.h"

#include "common/base/json.h"
#include "common/base/plural.h"
#include "common/base/printable.h"

#include <math.h>
#include <string.h>

static const char *const estimator_name[EXPLAIN_ESTIMATORS] = {"pathwise", "score function", "score, baseline"};
static const char *const estimator_key[EXPLAIN_ESTIMATORS] = {"pathwise", "score_function", "score_function_baseline"};

static double variance_of(const struct explanation *explanation, enum explain_estimator estimator) {
  double sum = 0;
  for (size_t i = 0; i < 2 * explanation->dim; i++) sum += explanation->moments[estimator].variance[i];
  return sum;
}

// Returns how many times the samples of pathwise another estimator needs for the same precision: the ratio of the
// variances, each summed over the head. 1 where pathwise has no variance.
static double price_of(const struct explanation *explanation, enum explain_estimator estimator) {
  const double pathwise = variance_of(explanation, EXPLAIN_PATHWISE);
  return pathwise > 0 ? variance_of(explanation, estimator) / pathwise : 1;
}

// --- text ---

// A row of the sample path: a symbol, where it comes from, and a number of each dimension.
struct row {
  const char *symbol, *from;
  size_t offset; // in struct explain_path; or AS_SENT: the action in the environment's units, or TEXTBOOK_ERROR
};
enum { COLUMNS = 4, AS_SENT = 1000, TEXTBOOK_ERROR };
#define AT(field) offsetof(struct explain_path, field)
static const struct row sample_rows[] = {{"mean", "mu, the policy network's", AT(mean)},
                                         {"log_std", "l, the policy network's, in its bounds", AT(log_std)},
                                         {"sigma", "exp(l)", AT(sigma)},
                                         {"eps", "drawn from N(0, 1)", AT(eps)},
                                         {"u", "mu + sigma eps", AT(u)},
                                         {"a", "tanh(u), in [-1, 1]", AT(action)},
                                         {"action", "low + (a + 1)/2 (high - low), what is sent", AS_SENT}};
static const struct row probability_rows[] = {{"log N(u)", "-eps^2/2 - l - log(2 pi)/2", AT(gaussian)},
                                              {"correction", "2 (log 2 - |u| - log1p(exp(-2|u|)))", AT(correction)},
                                              {"log pi", "log N(u) - correction", AT(log_probability)},
                                              {"textbook", "log(1 - a^2 + 1e-6) for the correction", AT(textbook)},
                                              {"its error", "textbook - correction", TEXTBOOK_ERROR}};

static double value_at(const struct explanation *e, const struct row *row, size_t i) {
  const struct explain_path *path = &e->path[i];
  if (row->offset == AS_SENT) return e->low[i] + (path->action + 1) / 2 * (e->high[i] - e->low[i]);
  if (row->offset == TEXTBOOK_ERROR) return path->textbook - path->correction;
  double value;
  memcpy(&value, (const char *)path + row->offset, sizeof value);
  return value;
}

static void print_rows(FILE *out, const struct explanation *e, const struct row *rows, size_t count) {
  for (size_t first = 0; first < e->dim; first += COLUMNS) {
    const size_t end = first + COLUMNS < e->dim ? first + COLUMNS : e->dim;
    if (e->dim > 1) fprintf(out, "%56s", "");
    for (size_t i = first; i < end && e->dim > 1; i++) fprintf(out, " %*s%zu", i < 10 ? 9 : 8, "action ", i);
    if (e->dim > 1) fputc('\n', out);
    for (size_t r = 0; r < count; r++) {
      fprintf(out, "  %-11s %-42s", rows[r].symbol, rows[r].from);
      for (size_t i = first; i < end; i++) fprintf(out, " %10.5g", value_at(e, &rows[r], i));
      fputc('\n', out);
    }
  }
}

static void print_observation(FILE *out, const struct explanation *e) {
  printable_print(out, "%s: %s after %llu step%s, policy version %llu", e->file, e->env,
                  (unsigned long long)e->env_steps, plural(e->env_steps), (unsigned long long)e->policy_version);
  fprintf(out, "\nTHE OBSERVATION of a reset with seed %llu", (unsigned long long)e->seed);
  if (e->agents > 1) fprintf(out, ", agent %zu of %zu", e->agent, e->agents);
  fputc('\n', out);
  for (size_t i = 0; i < e->obs_dim; i++)
    fprintf(out, "%s%10.5g%s", i % 8 == 0 ? "  " : " ", (double)e->obs[i],
            i % 8 == 7 || i + 1 == e->obs_dim ? "\n" : "");
}

// --- what of the past matters ---

// A part of an input: the observation, or the action, of some steps ago.
struct seen {
  bool is_action;
  uint32_t ago, dim;
  const double *slope; // (dim)
};
enum { SEEN_LINES = 16 }; // of the text, which is for a person; the JSON has all

// The number of parts, 2 length - 1 or length.
static uint32_t count_seen(const struct explanation *e) {
  return e->history.actions ? 2 * e->history.length - 1 : e->history.length;
}

// Part k, 0 the newest.
static struct seen find_seen(const struct explanation *e, uint32_t k) {
  const struct history *history = &e->history;
  const bool is_action = history->actions && k % 2 == 1;
  const uint32_t ago = history->actions ? (k + 1) / 2 : k;
  const uint32_t at = history_offset(history, history->length - 1 - ago) + (is_action ? history->obs_dim : 0);
  return (struct seen){is_action, ago, is_action ? history->act_dim : history->obs_dim, e->slope + at};
}

static double square_of(const struct seen *seen) {
  double sum = 0;
  for (uint32_t i = 0; i < seen->dim; i++) sum += seen->slope[i] * seen->slope[i];
  return sum;
}

// "obs at t-2"; component: "obs[3] at t-2".
static void name_seen(const struct seen *seen, const uint32_t *component, char *text, size_t size) {
  char index[16] = "", ago[16] = "";
  if (component) snprintf(index, sizeof index, "[%u]", *component);
  if (seen->ago > 0) snprintf(ago, sizeof ago, "-%u", seen->ago);
  snprintf(text, size, "%s%s at t%s", seen->is_action ? "action" : "obs", index, ago);
}

static void print_seen(FILE *out, const struct seen *seen, double all) {
  uint32_t largest = 0;
  char name[48], component[48];
  for (uint32_t i = 1; i < seen->dim; i++)
    if (seen->slope[i] > seen->slope[largest]) largest = i;
  name_seen(seen, NULL, name, sizeof name);
  name_seen(seen, &largest, component, sizeof component);
  fprintf(out, "  %-18s %10.4g %7.1f %%   %-24s %10.4g\n", name, sqrt(square_of(seen)),
          all > 0 ? 100 * square_of(seen) / all : 0, component, seen->slope[largest]);
}

static void print_history(FILE *out, const struct explanation *e) {
  const uint32_t count = count_seen(e);
  double all = 0, shown = 0;
  for (uint32_t k = 0; k < count; k++) {
    const struct seen seen = find_seen(e, k);
    all += square_of(&seen);
  }
  fprintf(out, "\nTHE HISTORY of %u observations: how far each part moves the mean, per unit of the network's input\n",
          e->history.length);
  fprintf(out, "  %-18s %10s %9s   %-24s %10s\n", "seen", "slope", "share", "its largest component", "slope");
  for (uint32_t k = 0; k < count && k < SEEN_LINES; k++) {
    const struct seen seen = find_seen(e, k);
    print_seen(out, &seen, all);
    shown += square_of(&seen);
  }
  if (count > SEEN_LINES)
    fprintf(out, "  %-18s %10.4g %7.1f %%\n", "all before", sqrt(fmax(all - shown, 0)),
            all > 0 ? 100 * fmax(all - shown, 0) / all : 0);
}

static void print_divergence(FILE *out) {
  static const double at[] = {0, 1, 2, 4, 6, 7, 8, 9, 10, 15, 20, 40};
  fprintf(out,
          "\nWHERE THE TWO FORMS of log(1 - a^2) diverge\n"
          "%8s %12s %12s %12s   %12s %12s   %12s\n"
          "%8s %12s %12s %12s   %12s %12s   %12s\n",
          "", "", "", "", "d/du of", "d/du of", "log(1 - a^2)", "|u|", "correction", "textbook", "difference",
          "correction", "textbook", "in float");
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    const double u = at[i];
    const float a = tanhf((float)u);
    fprintf(out, "%8g %12.6f %12.6f %12.6f   %12.6f %12.6f   %12.6f\n", u, explain_correction(u), explain_textbook(u),
            explain_textbook(u) - explain_correction(u), explain_correction_slope(u) + 0, explain_textbook_slope(u) + 0,
            (double)logf(1 - a * a));
  }
  fprintf(out,
          "  The textbook is too large by 0.01 from |u| = %.2f on, by 0.1 from %.2f, by 1 from %.2f. There its\n"
          "  slope goes to 0: the entropy no longer pulls a saturated action back.\n",
          explain_divergence(0.01), explain_divergence(0.1), explain_divergence(1));
}

static void print_gradient(FILE *out, const struct explanation *e, const char *what, const double *gradient,
                           const double *difference) {
  fprintf(out, "  %-46s %14s %14s %11s\n", what, "gradient", "differences", "apart");
  for (size_t k = 0; k < 2; k++) {
    for (size_t i = 0; i < e->dim; i++) {
      char name[64];
      snprintf(name, sizeof name, e->dim > 1 ? "d/d %s of action %zu" : "d/d %s", k == 0 ? "mean" : "log_std", i);
      const size_t at = k * e->dim + i;
      fprintf(out, "    %-44s %14.8f %14.8f %11.1e\n", name, gradient[at], difference[at],
              fabs(gradient[at] - difference[at]));
    }
  }
}

static void print_estimators(FILE *out, const struct explanation *e) {
  fprintf(out, "\nTHE VARIANCE of three ways to the gradient of J = E[alpha log pi - min Q], over %zu samples\n",
          e->samples);
  fprintf(out, "  %-25s", "mean +- its error");
  for (int s = 0; s < EXPLAIN_ESTIMATORS; s++) fprintf(out, " %22s", estimator_name[s]);
  fputc('\n', out);
  for (size_t i = 0; i < 2 * e->dim; i++) {
    char name[64];
    snprintf(name, sizeof name, e->dim > 1 ? "d/d %s of action %zu" : "d/d %s", i < e->dim ? "mean" : "log_std",
             i % e->dim);
    fprintf(out, "    %-23s", name);
    for (int s = 0; s < EXPLAIN_ESTIMATORS; s++)
      fprintf(out, " %10.4f +- %8.4f", e->moments[s].mean[i], sqrt(e->moments[s].variance[i] / (double)e->samples));
    fputc('\n', out);
  }
  fprintf(out, "  %-25s", "variance of one sample");
  for (int s = 0; s < EXPLAIN_ESTIMATORS; s++) fprintf(out, " %22.5g", variance_of(e, (enum explain_estimator)s));
  fprintf(out, "\n  %-25s", "samples for the same");
  for (int s = 0; s < EXPLAIN_ESTIMATORS; s++) fprintf(out, " %22.1f", price_of(e, (enum explain_estimator)s));
  fputc('\n', out);
}

void explain_print(FILE *out, const struct explanation *e) {
  print_observation(out, e);
  if (e->history.length > 1) print_history(out, e);
  fprintf(out, "\nTHE PATH of one sample\n");
  print_rows(out, e, sample_rows, sizeof sample_rows / sizeof *sample_rows);
  fprintf(out, "\nITS PROBABILITY: log pi(a|s) = %.8f%s\n", e->log_probability,
          e->dim > 1 ? ", the sum over actions" : "");
  print_rows(out, e, probability_rows, sizeof probability_rows / sizeof *probability_rows);
  print_divergence(out);
  fprintf(out, "\nGRADIENTS through the sample, eps held, beside central differences\n");
  print_gradient(out, e, "log pi(a|s)", e->log_probability_gradient, e->log_probability_difference);
  if (e->samples == 0) {
    fputc('\n', out);
    printable_print(out, "%s holds no critics: the objective alpha log pi - min Q and the variance of its gradient",
                    e->file);
    fputs("need a ckpt-*.h5.\n", out);
    return;
  }
  char what[96];
  snprintf(what, sizeof what, "%.4g log pi - min Q, where min Q = %.5g", e->alpha, e->q);
  print_gradient(out, e, what, e->objective_gradient, e->objective_difference);
  print_estimators(out, e);
}

// --- JSON ---

static json_t *path_json(const struct explanation *e) {
  static const struct {
    const char *name;
    size_t offset;
  } part[] = {{"mean", AT(mean)},
              {"log_std", AT(log_std)},
              {"sigma", AT(sigma)},
              {"eps", AT(eps)},
              {"u", AT(u)},
              {"a", AT(action)},
              {"gaussian", AT(gaussian)},
              {"correction", AT(correction)},
              {"textbook", AT(textbook)},
              {"log_probability", AT(log_probability)}};
  json_t *array = json_array();
  for (size_t i = 0; i < e->dim; i++) {
    json_t *one = json_object();
    for (size_t p = 0; p < sizeof part / sizeof *part; p++)
      json_object_set_new(one, part[p].name, json_real(value_at(e, &(struct row){.offset = part[p].offset}, i)));
    json_object_set_new(one, "action", json_real(value_at(e, &(struct row){.offset = AS_SENT}, i)));
    json_array_append_new(array, one);
  }
  return array;
}

static json_t *gradient_json(const struct explanation *e, const double *gradient, const double *difference) {
  return json_pack("{s:o, s:o, s:o, s:o}", "mean", json_doubles(gradient, e->dim), "log_std",
                   json_doubles(gradient + e->dim, e->dim), "mean_difference", json_doubles(difference, e->dim),
                   "log_std_difference", json_doubles(difference + e->dim, e->dim));
}

// [{"obs": [...]}, {"obs": [...], "action": [...]}, ...]: the slopes of what was seen 0, 1, ... steps ago.
static json_t *history_json(const struct explanation *e) {
  const struct history *history = &e->history;
  json_t *array = json_array();
  for (uint32_t ago = 0; ago < history->length; ago++) {
    const double *at = e->slope + history_offset(history, history->length - 1 - ago);
    json_t *one = json_pack("{s:o}", "obs", json_doubles(at, history->obs_dim));
    if (history->actions && ago > 0)
      json_object_set_new(one, "action", json_doubles(at + history->obs_dim, history->act_dim));
    json_array_append_new(array, one);
  }
  return array;
}

json_t *explain_json(const struct explanation *e) {
  json_t *root =
      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o}", "file", json_text(e->file), "env", json_text(e->env),
                "env_steps", json_count(e->env_steps), "policy_version", json_count(e->policy_version), "seed",
                json_count(e->seed), "observation", json_floats(e->obs, e->obs_dim), "sample", path_json(e),
                "log_probability", e->log_probability, "log_probability_gradient",
                gradient_json(e, e->log_probability_gradient, e->log_probability_difference));
  if (root && e->agents > 1) json_object_set_new(root, "agent", json_count(e->agent));
  if (root && e->history.length > 1) json_object_set_new(root, "history_slope", history_json(e));
  if (!root || e->samples == 0) return root;
  json_t *estimators = json_object();
  for (int s = 0; s < EXPLAIN_ESTIMATORS; s++)
    json_object_set_new(estimators, estimator_key[s],
                        json_pack("{s:o, s:o, s:f}", "mean", json_doubles(e->moments[s].mean, 2 * e->dim), "variance",
                                  json_doubles(e->moments[s].variance, 2 * e->dim), "price",
                                  price_of(e, (enum explain_estimator)s)));
  json_object_set_new(root, "alpha", json_real(e->alpha));
  json_object_set_new(root, "min_q", json_real(e->q));
  json_object_set_new(root, "objective_gradient", gradient_json(e, e->objective_gradient, e->objective_difference));
  json_object_set_new(root, "samples", json_count(e->samples));
  json_object_set_new(root, "estimators", estimators);
  return root;
}
