#include "learner/job/metrics.h"
#include "common/base/text.h"
#include "common/config/cases.h"
#include "learner/sac/sac.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static void add_to_case(struct metrics *metrics, uint32_t index, const struct episode_record *episode) {
  metrics->case_episodes[index]++;
  metrics->case_length_sum[index] += episode->length;
  metrics->case_return_sum[index] += episode->episode_return;
}

void metrics_add_episode(struct metrics *metrics, const struct config *config, const struct episode_record *episode) {
  if (cases_are_given(config))
    add_to_case(metrics, cases_find(config, false, episode->environment, episode->episode), episode);
  const double value = episode->episode_return;
  const bool first = metrics->episodes == 0;
  metrics->return_low = first || value < metrics->return_low ? value : metrics->return_low;
  metrics->return_high = first || value > metrics->return_high ? value : metrics->return_high;
  metrics->return_sum += value;
  metrics->agents_return_sum += value * episode->agents;
  metrics->length_sum += episode->length;
  metrics->episodes++;
}

void metrics_add_update(struct metrics *metrics, const struct sac_losses *losses) {
  metrics->updates++;
  metrics->critic_loss_sum += losses->critic_loss;
  metrics->policy_weight_sum += losses->policy_weight;
  metrics->policy_loss_sum += losses->policy_weight * losses->policy_loss;
  metrics->alpha_sum += losses->alpha;
  metrics->entropy_sum += losses->policy_weight * losses->entropy;
  metrics->q_mean_sum += losses->q_mean;
}

void metrics_add_batch(struct metrics *metrics, const struct transition_batch *batch, uint64_t newest_version) {
  lag_record_add(&metrics->lag, &batch->lag);
  metrics->actor_wait += batch->blocked;
  metrics->age_count += batch->rows;
  for (uint32_t r = 0; r < batch->rows; r++)
    metrics->age_sum += newest_version > batch->version[r] ? newest_version - batch->version[r] : 0;
}

void metrics_add_info(struct metrics *metrics, const struct message_info *info) {
  for (uint32_t i = 0; i < info->info_dim; i++) {
    if (!isfinite(metrics->info_sum[i] + info->sum[i])) continue; // each is finite
    metrics->info_count[i] += info->count[i];
    metrics->info_sum[i] += info->sum[i];
  }
}

const char *metrics_header(void) {
  return "time_s,env_steps,updates,episodes,return_mean,return_min,return_max,episode_length_mean,critic_loss,"
         "policy_loss,alpha,entropy,q_mean,utd,policy_lag_mean,policy_lag_max,learner_wait,actor_wait,"
         "env_steps_per_s,updates_per_s,actors_alive,eval_return_mean,policy_lag_min,policy_age_mean,"
         "learner_drain,learner_publish,learner_report,env_failures,eval_cut,eval_steps,"
         "transitions,agents_mean,return_sum_mean";
}

void metrics_format_header(const struct message_hello *environment, const struct config *config,
                           char header[METRICS_HEADER]) {
  static const char *const of_case[METRICS_CASE] = {"case_episodes", "case_return", "case_length", "case_eval"};
  size_t used = (size_t)snprintf(header, METRICS_HEADER, "%s", metrics_header());
  for (uint32_t i = 0; i < environment->info_dim; i++)
    used += (size_t)snprintf(header + used, METRICS_HEADER - used, ",info_%s", environment->info_name[i]);
  for (uint32_t i = 0; i < cases_count(config); i++) {
    char name[CASES_NAME];
    cases_name(config, i, name);
    for (int k = 0; k < METRICS_CASE; k++)
      used += (size_t)snprintf(header + used, METRICS_HEADER - used, ",%s_%s", of_case[k], name);
  }
}

// A line that is being written; `length` counts on past the end, as snprintf does.
struct line {
  char *text;
  size_t size, length;
};

#define PRINT(line, ...) ((line)->length = text_append((line)->text, (line)->size, (line)->length, __VA_ARGS__))

static void count_cell(struct line *line, uint64_t value) {
  PRINT(line, "%s%llu", line->length ? "," : "", (unsigned long long)value);
}

// sum / count, or nothing where there is nothing to divide by.
static void ratio_cell(struct line *line, double sum, double count) {
  if (line->length) PRINT(line, ",");
  if (count > 0) PRINT(line, "%.9g", sum / count);
}

static void returns(struct line *line, const struct metrics *metrics) {
  const double episodes = (double)metrics->episodes;
  ratio_cell(line, metrics->return_sum, episodes);
  ratio_cell(line, metrics->return_low, episodes > 0);
  ratio_cell(line, metrics->return_high, episodes > 0);
  ratio_cell(line, (double)metrics->length_sum, episodes);
}

static void losses(struct line *line, const struct metrics *metrics) {
  const double updates = (double)metrics->updates;
  ratio_cell(line, metrics->critic_loss_sum, updates);
  ratio_cell(line, metrics->policy_loss_sum, metrics->policy_weight_sum);
  ratio_cell(line, metrics->alpha_sum, updates);
  ratio_cell(line, metrics->entropy_sum, metrics->policy_weight_sum);
  ratio_cell(line, metrics->q_mean_sum, updates);
}

static void cases(struct line *line, const struct metrics *metrics, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const double episodes = (double)metrics->case_episodes[i];
    count_cell(line, metrics->case_episodes[i]);
    ratio_cell(line, metrics->case_return_sum[i], episodes);
    ratio_cell(line, (double)metrics->case_length_sum[i], episodes);
    ratio_cell(line, metrics->case_eval_sum[i], (double)metrics->case_eval_episodes[i]);
  }
}

size_t metrics_format_row(struct metrics *metrics, const struct metrics_totals *totals, char *text, size_t size) {
  struct line line = {.text = text, .size = size};
  const double seconds = totals->seconds - metrics->last_seconds;
  const double steps = (double)(totals->env_steps - metrics->last_steps);
  const double updates = (double)(totals->updates - metrics->last_updates);
  const double lags = (double)metrics->lag.count;
  ratio_cell(&line, totals->seconds, 1);
  count_cell(&line, totals->env_steps);
  count_cell(&line, totals->updates);
  count_cell(&line, totals->episodes);
  returns(&line, metrics);
  losses(&line, metrics);
  ratio_cell(&line, updates, steps);
  ratio_cell(&line, (double)metrics->lag.sum, lags);
  ratio_cell(&line, (double)metrics->lag.high, lags > 0);
  ratio_cell(&line, metrics->learner_wait, seconds);
  ratio_cell(&line, metrics->actor_wait, seconds * totals->actors);
  ratio_cell(&line, steps, seconds);
  ratio_cell(&line, updates, seconds);
  count_cell(&line, totals->actors_alive);
  ratio_cell(&line, metrics->eval_return, (double)metrics->evaluated);
  ratio_cell(&line, (double)metrics->lag.low, lags > 0);
  ratio_cell(&line, (double)metrics->age_sum, (double)metrics->age_count);
  ratio_cell(&line, totals->times.drain, seconds);
  ratio_cell(&line, totals->times.publish, seconds);
  ratio_cell(&line, totals->times.report, seconds);
  count_cell(&line, metrics->env_failures);
  ratio_cell(&line, (double)metrics->eval_cut, (double)metrics->evaluated);
  if (metrics->evaluated && metrics->eval_steps)
    count_cell(&line, metrics->eval_steps);
  else
    PRINT(&line, ",");
  count_cell(&line, totals->transitions);
  ratio_cell(&line, (double)(totals->transitions - metrics->last_transitions), steps);
  ratio_cell(&line, metrics->agents_return_sum, (double)metrics->episodes);
  for (uint32_t i = 0; i < totals->info_dim; i++)
    ratio_cell(&line, metrics->info_sum[i], (double)metrics->info_count[i]);
  cases(&line, metrics, totals->cases);
  *metrics = (struct metrics){.rows = metrics->rows + 1,
                              .last_steps = totals->env_steps,
                              .last_updates = totals->updates,
                              .last_transitions = totals->transitions,
                              .last_seconds = totals->seconds};
  return line.length;
}
