// A whole training run, as `corsac train` does it, beside the rate of its updates alone.
#include "common/base/memory.h"
#include "common/base/file.h"
#include "common/config/options.h"
#include "launch/bench/bench.h"
#include "launch/mpi/mpi_calls.h"
#include "launch/train/train.h"
#include "learner/job/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 4096, ARGUMENT = CONFIG_TEXT + 64, WARM_UP_ROWS = 2 };

// The rate of the update alone, with the networks and the replay of the run.
static enum status own_rate(struct bench *bench, double *rate, struct error *error) {
  struct job job;
  enum status status = bench_job(bench, &job, error);
  if (status != STATUS_OK) return status;
  status = bench_update_rate(&job, bench->seconds, rate, error); // warms up
  if (status == STATUS_OK) status = bench_update_rate(&job, bench->seconds * bench->rounds, rate, error);
  job_release(&job);
  return status;
}

// The run writes a row of metrics.csv for each round, which takes about as long as a round. Nothing else is saved
// before its end.
static void plan(struct bench *bench, double rate, struct config *config) {
  *config = bench->config;
  const double steps_per_s = config->utd > 0 ? rate / config->utd : rate;
  config->log_every = (uint64_t)fmax(16, steps_per_s * 4 * bench->seconds);
  config->env_steps = config->learning_starts + (bench->rounds + WARM_UP_ROWS + 1) * config->log_every;
  config->eval_every = config->checkpoint_every = 0;
  config->checkpoint_replay = false;
  snprintf(config->log_level, sizeof config->log_level, "warn");
  snprintf(config->run_dir, sizeof config->run_dir, "%.900s/train", bench->directory);
}

static struct ranks ranks_of(const struct bench *bench) {
  return (struct ranks){.started = bench->size > 1, .rank = bench->rank, .size = bench->size, .watch = -1};
}

// The configuration as a command line, so that the environment's preset changes nothing.
static enum status train(const struct bench *bench, const struct config *config, struct role_result *result,
                         struct error *error) {
  const size_t count = options_count();
  char(*text)[ARGUMENT] = memory_alloc(count, sizeof *text, "a command line", error);
  char **argv = memory_alloc(count + 1, sizeof *argv, "a command line", error);
  enum status status = text && argv ? STATUS_OK : STATUS_MEMORY;
  int argc = 0;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    const struct option *option = options_at(i);
    char value[CONFIG_TEXT];
    option_get(option, config, value, sizeof value);
    if (!*value) continue;
    snprintf(text[argc], sizeof text[argc], "--%s=%s", option->name, value);
    argv[argc] = text[argc];
    argc++;
  }
  struct ranks ranks = ranks_of(bench);
  if (status == STATUS_OK) *result = train_job(argc, argv, &ranks, false, bench->stop);
  memory_free(text);
  memory_free(argv);
  return status;
}

// --- metrics.csv ---

// Reads the number in a line of the file at `column`. false: there is none.
static bool cell(const char *line, int column, double *value) {
  for (; column > 0 && line; column--)
    if ((line = strchr(line, ','))) line++;
  char *end;
  if (!line) return false;
  *value = strtod(line, &end);
  return end != line;
}

static int column_named(const char *header, const char *name) {
  const size_t length = strlen(name);
  for (int column = 0; *header; column++) {
    const size_t cell_length = strcspn(header, ",\n");
    if (cell_length == length && strncmp(header, name, length) == 0) return column;
    header += cell_length + (header[cell_length] != 0);
  }
  return -1;
}

// A column of metrics.csv and the figure it is. Shares of the learner's time stand beside the most that they may take.
struct shown {
  const char *column, *name, *unit;
  double scale, most; // most 0: no limit
};
static const struct shown shown[] = {{"env_steps_per_s", "environment steps", "steps/s", 1, 0},
                                     {"policy_lag_mean", "policy lag at action time", "versions", 1, 0},
                                     {"learner_wait", "learner waits, of its time", "%", 100, 0},
                                     {"learner_drain", "receive + insert, of its time", "%", 100, 1},
                                     {"learner_publish", "publish, of its time", "%", 100, 0},
                                     {"learner_report", "metrics, log, status, of its time", "%", 100, 0.5}};
enum { SHOWN = sizeof shown / sizeof *shown };

static enum status add_figures(struct bench *bench, struct bench_figure **updates, struct bench_figure *figure[SHOWN],
                               struct error *error) {
  *updates = bench_figure_add(bench, "updates", "updates/s", "the update alone, before and after the run", error);
  if (!*updates) return STATUS_MEMORY;
  for (int i = 0; i < SHOWN; i++) {
    figure[i] =
        bench_figure_add(bench, shown[i].name, shown[i].unit, shown[i].most > 0 ? "the most it may take" : NULL, error);
    if (!figure[i]) return STATUS_MEMORY;
    figure[i]->less_is_better = shown[i].most > 0;
  }
  return STATUS_OK;
}

static enum status read_rows(struct bench *bench, const struct config *config, double rate, struct error *error) {
  char line[LINE], path[CONFIG_TEXT + 32];
  struct bench_figure *updates, *figure[SHOWN];
  const enum status status = add_figures(bench, &updates, figure, error);
  if (status != STATUS_OK) return status;
  snprintf(path, sizeof path, "%s/metrics.csv", config->run_dir);
  FILE *file = file_read_plain(path, error);
  if (!file || !fgets(line, sizeof line, file)) {
    if (file) fclose(file);
    return error_set(error, STATUS_IO, "%s: cannot be read", path);
  }
  int column[SHOWN];
  for (int i = 0; i < SHOWN; i++) column[i] = column_named(line, shown[i].column);
  const int rate_column = column_named(line, "updates_per_s");
  uint64_t learning = 0; // rows with updates
  while (fgets(line, sizeof line, file) && updates->rounds < bench->rounds) {
    double value = 0;
    if (!cell(line, rate_column, &value) || !(value > 0) || ++learning <= WARM_UP_ROWS) continue;
    bench_record(updates, value, rate);
    for (int i = 0; i < SHOWN; i++) {
      value = 0;
      cell(line, column[i], &value);
      bench_record(figure[i], shown[i].scale * value, shown[i].most);
    }
  }
  fclose(file);
  if (updates->rounds > 0) return STATUS_OK;
  return error_set(error, STATUS_FAILED, "%s: no row with updates; utd is too small for this benchmark", path);
}

// The others wait for it before they leave: so long as rank 0 measures, MPI_Finalize would not wait for it.
static enum status measure_again(struct bench *bench, double *after, struct error *error) {
  const enum status status = own_rate(bench, after, error);
  if (bench->size == 1) return status;
  struct error unmet = {0};
  const enum status met = mpi_call_meet(&unmet);
  return status != STATUS_OK || met == STATUS_OK ? status : error_set(error, met, "%s", unmet.text);
}

static enum status lead(struct bench *bench, struct error *error) {
  double before = 0, after = 0;
  struct config config;
  struct role_result result = {0};
  enum status status = bench_read_environment(bench, error);
  if (status == STATUS_OK) status = own_rate(bench, &before, error);
  if (status == STATUS_OK && bench->size > 1) status = mpi_call_meet(error);
  if (status != STATUS_OK) return status;
  plan(bench, before, &config);
  status = train(bench, &config, &result, error);
  if (status == STATUS_OK && result.exit_code != EXIT_DONE)
    status = error_set(error, result.exit_code == EXIT_STOPPED ? STATUS_STOPPED : STATUS_FAILED,
                       "the training run ended with status %d", result.exit_code);
  if (status == STATUS_OK) status = measure_again(bench, &after, error);
  return status == STATUS_OK ? read_rows(bench, &config, (before + after) / 2, error) : status;
}

enum status bench_train(struct bench *bench, struct error *error) {
  if (bench->rank == 0) return lead(bench, error);
  const enum status status = mpi_call_meet(error);
  if (status != STATUS_OK) return status;
  struct ranks ranks = ranks_of(bench);
  const struct role_result result = train_job(0, NULL, &ranks, false, bench->stop);
  if (result.exit_code == EXIT_DONE) return mpi_call_meet(error);
  return error_set(error, STATUS_PEER, "rank %d: the training run ended with status %d", bench->rank, result.exit_code);
}
