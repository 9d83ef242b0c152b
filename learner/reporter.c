#include "learner/reporter.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/cases.h"

#include <stdio.h>
#include <math.h>

// Intervals of the live line, of status.json and of a line of the log.
static const double LIVE_SECONDS = 0.25, STATUS_SECONDS = 5.0, LINE_SECONDS = 1.0;

void reporter_init(struct reporter *reporter, const struct job *job, struct run_directory *run,
                   struct metrics_file *metrics_file) {
  *reporter = (struct reporter){.run = run,
                                .metrics_file = metrics_file,
                                .next_line = clock_now() + LINE_SECONDS,
                                .rate_time = clock_now(),
                                .saved = clock_now(),
                                .line = {.lag = NAN},
                                .rate_steps = job->limiter.steps,
                                .rate_updates = job->limiter.updates};
}

static void measure_rates(struct reporter *reporter, const struct job *job) {
  const double now = clock_now(), elapsed = now - reporter->rate_time;
  if (elapsed < LIVE_SECONDS) return;
  reporter->steps_per_s = (double)(job->limiter.steps - reporter->rate_steps) / elapsed;
  reporter->updates_per_s = (double)(job->limiter.updates - reporter->rate_updates) / elapsed;
  reporter->rate_time = now;
  reporter->rate_steps = job->limiter.steps;
  reporter->rate_updates = job->limiter.updates;
}

// Updates per step, or transition, past learning_starts so far.
static double achieved_utd(const struct rate_limiter *limiter) {
  if (limiter->steps <= limiter->base_steps) return 0;
  const uint64_t count =
      limiter->by_transition ? limiter->transitions - limiter->base_transitions : limiter->steps - limiter->base_steps;
  return count > 0 ? (double)(limiter->updates - limiter->base_updates) / (double)count : 0;
}

// A line of the log.
static void format_progress(const struct reporter *reporter, const struct job *job, const struct actor_table *table,
                            char *line, size_t size) {
  const uint64_t steps = job->limiter.steps, total = job->config.env_steps;
  const double alpha = job->sac.auto_alpha ? exp(job->sac.log_alpha) : job->sac.fixed_alpha;
  char answer[32] = "-", left[32] = "-", agents[48] = "";
  if (reporter->has_return) snprintf(answer, sizeof answer, "%.1f", reporter->last_return);
  if (reporter->steps_per_s > 0 && total > steps)
    clock_format_duration((double)(total - steps) / reporter->steps_per_s, left, sizeof left);
  if (job->slots) snprintf(agents, sizeof agents, "  %llu transitions", (unsigned long long)job->limiter.transitions);
  snprintf(
      line, size,
      "%llu/%llu steps%s  %llu updates  return %s  utd %.2f%s  %.0f steps/s  %.0f updates/s  alpha %.3g  actors %u/%u"
      "  left %s",
      (unsigned long long)steps, (unsigned long long)total, agents, (unsigned long long)job->limiter.updates, answer,
      achieved_utd(&job->limiter), job->limiter.by_transition ? " per transition" : "", reporter->steps_per_s,
      reporter->updates_per_s, alpha, actor_table_alive(table), table->active, left);
}

// The next checkpoint comes by steps or by minutes, whichever is first.
static double seconds_to_checkpoint(const struct reporter *reporter, const struct job *job) {
  const struct config *config = &job->config;
  const double minutes = config->checkpoint_minutes,
               by_time = minutes > 0 ? reporter->saved + 60 * minutes - clock_now() : INFINITY,
               ahead = fmin((double)job->next_checkpoint, (double)config->env_steps) - (double)job->limiter.steps;
  const double by_steps = reporter->steps_per_s > 0 ? ahead / reporter->steps_per_s : INFINITY;
  return fmax(0, fmin(by_time, by_steps));
}

static void show_wait(struct status_line *line, const struct actor_table *table) {
  double seconds;
  const int waiting = actor_table_find_wait(table, &seconds);
  line->wait[0] = 0;
  if (waiting < 0) return;
  const struct message_wait *wait = &table->entry[waiting].wait;
  snprintf(line->wait, sizeof line->wait, "environment %u%s: %s for %.0f s", wait->environment,
           wait->evaluation ? " (evaluation)" : "", wait_call_name(wait->call), seconds);
}

static void draw_line(struct reporter *reporter, const struct job *job, const struct actor_table *table) {
  struct status_line *line = &reporter->line;
  const uint64_t steps = job->limiter.steps, total = job->config.env_steps;
  const bool moves = reporter->steps_per_s > 0;
  line->steps = steps;
  line->total = total;
  line->steps_per_s = moves ? reporter->steps_per_s : NAN;
  line->utd = job->limiter.updates > job->limiter.base_updates ? achieved_utd(&job->limiter) : NAN;
  line->actors = table->active;
  line->actors_alive = actor_table_alive(table);
  line->actors_lost = actor_table_losses(table).actors;
  line->seconds_left = moves && total > steps ? (double)(total - steps) / reporter->steps_per_s : NAN;
  line->seconds_to_checkpoint = seconds_to_checkpoint(reporter, job);
  show_wait(line, table);
  const struct status_line_style style = status_line_style();
  char text[STATUS_LINE_SIZE];
  status_line_format(line, &style, text);
  log_status_line(text);
}

// Once: the actors spend most of their time held back, so more of them would not help.
static void say_learner_bound(struct reporter *reporter, const struct job *job, const struct actor_table *table,
                              double seconds) {
  if (reporter->said_learner_bound || job->limiter.utd == 0 || job->metrics.actor_wait < 0.5 * seconds * table->active)
    return;
  reporter->said_learner_bound = true;
  const bool sync = job->config.sync; // a resume in sync keeps utd and learner_threads
  log_info("the learner is the limit: actors wait %.0f %% of their time for it. A lower --utd or more "
           "--learner-threads would speed %s up, more actors would not.",
           100 * job->metrics.actor_wait / (seconds * table->active), sync ? "a new run" : "the job");
}

// What an errand writes, and how that went.
struct writing {
  struct reporter *reporter;
  const char *line;
  const struct run_status *status;
  enum status result;
  struct error error;
};

// Whether the directory is still this job's. It looks into a file, so only errands ask.
static bool has_directory(struct reporter *reporter) {
  run_directory_refresh_lock(reporter->run);
  return !run_directory_is_lost(reporter->run);
}

static void write_row(void *argument) {
  struct writing *row = argument;
  if (!has_directory(row->reporter)) return;
  tensorboard_row(row->reporter->tensorboard, row->line);
  row->result = metrics_file_append(row->reporter->metrics_file, row->line, &row->error);
}

static void write_status(void *argument) {
  struct writing *it = argument;
  if (!has_directory(it->reporter)) return;
  if (it->status->exit_code >= 0) tensorboard_end(it->reporter->tensorboard, it->status->exit_code);
  it->result = run_directory_write_status(it->reporter->run, it->status, &it->error);
}

static void write_log(void *argument) { log_info("%s", ((const struct writing *)argument)->line); }

static void refresh(void *argument) { run_directory_refresh(((const struct writing *)argument)->reporter->run); }

static void append_row(struct reporter *reporter, struct job *job, const char *line) {
  struct writing row = {.reporter = reporter, .line = line};
  char more[LOG_THROTTLE_TEXT];
  errands_run(reporter->errands, write_row, &row);
  if (row.result == STATUS_OK) {
    log_throttle_over(&reporter->lost_row);
    return;
  }
  job->metrics.rows--;
  if (log_throttle_due(&reporter->lost_row, more))
    log_warn("a row of metrics is lost, training goes on: %s%s", row.error.text, more);
}

void reporter_row(struct reporter *reporter, struct job *job, const struct actor_table *table) {
  const struct metrics_totals totals = {.seconds = job_seconds(job),
                                        .env_steps = job->limiter.steps,
                                        .transitions = job->limiter.transitions,
                                        .updates = job->limiter.updates,
                                        .episodes = job->episodes,
                                        .actors = table->active,
                                        .actors_alive = actor_table_alive(table),
                                        .times = reporter->times,
                                        .info_dim = job->environment.info_dim,
                                        .cases = cases_count(&job->config)};
  reporter->times = (struct metrics_times){0};
  if (job->metrics.episodes > 0) {
    reporter->has_return = true;
    reporter->last_return = job->metrics.return_sum / (double)job->metrics.episodes;
    status_line_add_return(&reporter->line, reporter->last_return);
  }
  if (job->metrics.lag.count > 0) reporter->line.lag = (double)job->metrics.lag.sum / (double)job->metrics.lag.count;
  say_learner_bound(reporter, job, table, totals.seconds - job->metrics.last_seconds);

  char line[METRICS_ROW];
  metrics_format_row(&job->metrics, &totals, line, sizeof line);
  append_row(reporter, job, line);

  const double now = clock_now();
  if (now < reporter->next_line || log_on_terminal()) return; // a terminal has its live line
  reporter->next_line = now + LINE_SECONDS;
  measure_rates(reporter, job);
  format_progress(reporter, job, table, line, sizeof line);
  errands_run(reporter->errands, write_log, &(struct writing){.line = line}); // standard error may hang, too
}

static void add_wait(struct run_status *status, const struct actor_table *table) {
  double seconds;
  const int waiting = actor_table_find_wait(table, &seconds);
  if (waiting < 0) return;
  const struct message_wait *wait = &table->entry[waiting].wait;
  status->wait.call = wait_call_name(wait->call);
  status->wait.rank = transport_world_rank(table->transport, waiting + 1);
  status->wait.environment = wait->environment;
  status->wait.evaluation = wait->evaluation;
  status->wait.seconds = seconds;
}

void reporter_status(struct reporter *reporter, const struct job *job, const struct actor_table *table,
                     const char *state, int exit_code, const char *reason) {
  const struct actor_table_losses losses = actor_table_losses(table);
  struct run_status status = {.state = state,
                              .exit_code = exit_code,
                              .reason = reason,
                              .env_steps = job->limiter.steps,
                              .updates = job->limiter.updates,
                              .checkpoint = reporter->checkpoint,
                              .surplus = job->dropped,
                              .unsent = losses.unsent,
                              .lost_at_most = losses.at_most,
                              .actors_lost = losses.actors,
                              .eval_cut = reporter->eval_cut};
  if (exit_code < 0) add_wait(&status, table);
  struct writing it = {.reporter = reporter, .status = &status};
  char more[LOG_THROTTLE_TEXT];
  errands_run(reporter->errands, write_status, &it);
  if (it.result == STATUS_OK)
    log_throttle_over(&reporter->stale_status);
  else if (log_throttle_due(&reporter->stale_status, more))
    log_warn("%s%s", it.error.text, more);
  reporter->next_status = clock_now() + STATUS_SECONDS;
}

void reporter_refresh(struct reporter *reporter) {
  errands_run(reporter->errands, refresh, &(struct writing){.reporter = reporter});
}

void reporter_poll(struct reporter *reporter, const struct job *job, const struct actor_table *table) {
  const double now = clock_now();
  if (now >= reporter->next_status) {
    reporter_status(reporter, job, table, "running", -1, "");
    reporter_refresh(reporter);
  }
  if (now < reporter->next_live || !log_on_terminal()) return;
  reporter->next_live = now + LIVE_SECONDS;
  measure_rates(reporter, job);
  draw_line(reporter, job, table);
}
