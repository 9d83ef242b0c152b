#include "launch/runs/report_page.h"

#include "common/base/clock.h"
#include "common/base/digits.h"
#include "common/base/file.h"
#include "common/base/version.h"
#include "common/config/cases.h"
#include "launch/cli/presets.h"
#include "launch/cli/resume_command.h"
#include "launch/cli/shell_word.h"
#include "launch/runs/html.h"
#include "launch/runs/report_charts.h"

#include <math.h>
#include <string.h>

enum status report_page_base(const struct config *config, struct config *base, bool *has_preset, struct error *error) {
  const char *preset = presets_find(config->env);
  options_defaults(base);
  *has_preset = preset != NULL;
  return preset ? options_parse_yaml(preset, strlen(preset), "preset", base, error) : STATUS_OK;
}

// Returns the last number of a column, or NaN.
static double last_of(const struct metrics_table *table, const char *column) {
  const double *cells = metrics_table_find(table, column);
  for (size_t r = table->rows; cells && r-- > 0;)
    if (isfinite(cells[r])) return cells[r];
  return NAN;
}

// 1234567 as "1,234,567"; "-" where the value is not known.
static void format_whole(double value, char *text, size_t size) {
  char digits[128] = "-"; // metrics_table.h: no number has more than 100 digits
  if (isfinite(value)) snprintf(digits, sizeof digits, "%.0f", value);
  digits_group(digits, text, size);
}

static void write_tile(FILE *page, const char *value, const char *name) {
  fputs("<div class=\"tile\"><b>", page);
  html_text(page, value);
  fputs("</b><span>", page);
  html_text(page, name);
  fputs("</span></div>\n", page);
}

static void write_whole(FILE *page, double value, const char *name) {
  char text[64];
  format_whole(value, text, sizeof text);
  write_tile(page, text, name);
}

static void write_return(FILE *page, double value, const char *name) {
  char text[64] = "-";
  if (isfinite(value)) snprintf(text, sizeof text, fabs(value) >= 1000 ? "%.0f" : "%.2f", value);
  write_tile(page, text, name);
}

// --- outcome ---

static const char *class_of(const char *state) {
  return strcmp(state, "done") == 0                                   ? "good"
         : strcmp(state, "failed") == 0 || strcmp(state, "died") == 0 ? "bad"
                                                                      : "warn";
}

static void write_outcome(FILE *page, const struct run *run, const struct run_summary *summary) {
  const struct metrics_table *table = &run->metrics;
  const double seconds = last_of(table, "time_s"), steps = last_of(table, "env_steps");
  char text[64] = "-", name[96] = "best evaluation", best[64];
  if (summary->reason[0]) {
    fprintf(page, "<p class=\"%s\">", class_of(summary->state));
    html_text(page, summary->reason);
    fputs("</p>\n", page);
  }
  if (isfinite(summary->best_steps)) {
    format_whole(summary->best_steps, best, sizeof best);
    snprintf(name, sizeof name, "best evaluation, by %s steps", best);
  }
  fputs("<div class=\"tiles\">\n", page);
  write_return(page, summary->last_evaluation, "mean return of the last evaluation");
  write_return(page, summary->best_evaluation, name);
  write_return(page, last_of(table, "return_mean"), "training return at the end");
  write_whole(page, steps, "environment steps");
  write_whole(page, last_of(table, "updates"), "updates");
  write_whole(page, last_of(table, "episodes"), "episodes");
  if (isfinite(seconds)) clock_format_duration(seconds, text, sizeof text);
  write_tile(page, text, "training time");
  write_whole(page, seconds > 0 ? steps / seconds : NAN, "steps per second");
  fputs("</div>\n", page);
}

// --- cases ---

// The cells of a case's column, such as case_return_short, or NULL.
static const double *find_case(const struct metrics_table *table, const char *what, const char *name) {
  char column[METRICS_TABLE_NAME];
  snprintf(column, sizeof column, "case_%s_%s", what, name);
  return metrics_table_find(table, column);
}

static void write_cell(FILE *page, double value) {
  char text[64] = "-";
  if (isfinite(value)) snprintf(text, sizeof text, fabs(value) >= 1000 ? "%.0f" : "%.2f", value);
  fprintf(page, "</td><td>%s", text);
}

static void write_case(FILE *page, const struct metrics_table *table, const char *name) {
  const double *episodes = find_case(table, "episodes", name), *returns = find_case(table, "return", name),
               *evaluation = find_case(table, "eval", name);
  double count = 0, last = NAN, evaluated = NAN, best = NAN;
  char whole[64];
  for (size_t r = 0; r < table->rows; r++) {
    if (episodes && isfinite(episodes[r])) count += episodes[r];
    if (returns && isfinite(returns[r])) last = returns[r];
    if (!evaluation || !isfinite(evaluation[r])) continue;
    evaluated = evaluation[r];
    best = fmax(best, evaluated); // of NaN and a number it is the number
  }
  format_whole(count, whole, sizeof whole);
  fputs("<tr><td class=\"name\">", page);
  html_text(page, name);
  fprintf(page, "</td><td>%s", whole);
  write_cell(page, last);
  write_cell(page, evaluated);
  write_cell(page, best);
  fputs("</td></tr>\n", page);
}

static enum status write_cases(FILE *page, const struct run_set *only, struct error *error) {
  const struct run *run = &only->run[0];
  if (!cases_are_given(&run->config)) return STATUS_OK;
  fputs("<h2>Cases</h2>\n<div class=\"scroll\"><table><tr><th>case</th><th>episodes</th><th>training return at the "
        "end</th><th>last evaluation</th><th>best evaluation</th></tr>\n",
        page);
  for (uint32_t i = 0; i < cases_count(&run->config); i++) {
    char name[CASES_NAME];
    cases_name(&run->config, i, name);
    write_case(page, &run->metrics, name);
  }
  fprintf(page,
          "</table></div>\n<p class=\"soft\">Each %s has its case; an evaluation goes over the cases in turn.</p>\n",
          cases_per_episode(&run->config) ? "episode" : "environment");
  return run->metrics.rows > 0 ? report_charts_cases(only, page, error) : STATUS_OK;
}

// --- configuration ---

// Whether the program chose the value itself at the start: one environment for each actor, and so on.
static bool is_left_to_program(const struct option *option, const char *base) {
  return (strcmp(option->name, "envs") == 0 || strcmp(option->name, "learner_threads") == 0 ||
          strcmp(option->name, "backend") == 0) &&
         (strcmp(base, "0") == 0 || strcmp(base, "auto") == 0);
}

// An option of a run beside what it would be by default.
struct option_row {
  const struct option *option;
  char value[CONFIG_TEXT + 64], usual[CONFIG_TEXT + 64];
  bool differs;
};

// Fills the row of option i. Returns false for an option that says nothing about the run's configuration.
static bool option_row(size_t i, const struct config *config, const struct config *base, struct option_row *row) {
  const struct option *option = row->option = options_at(i);
  if (option->rule == OPTION_INVOCATION || strcmp(option->name, "env") == 0) return false;
  option_get(option, config, row->value, sizeof row->value);
  option_get(option, base, row->usual, sizeof row->usual);
  row->differs = strcmp(row->value, row->usual) != 0 && !is_left_to_program(option, row->usual);
  return true;
}

static bool differs_at_all(const struct config *config, const struct config *base) {
  struct option_row row;
  for (size_t i = 0; i < options_count(); i++)
    if (option_row(i, config, base, &row) && row.differs) return true;
  return false;
}

// Writes a row for each option: its value beside the default where only different ones are shown, else beside its help.
static void write_option_rows(FILE *page, const struct config *config, const struct config *base, bool different) {
  struct option_row row;
  for (size_t i = 0; i < options_count(); i++) {
    if (!option_row(i, config, base, &row) || (different && !row.differs)) continue;
    fputs("<tr><td class=\"name\">", page);
    html_text(page, row.option->name);
    fputs(row.differs ? "</td><td class=\"name\"><b>" : "</td><td class=\"name\">", page);
    html_text(page, row.value[0] ? row.value : "-");
    fputs(row.differs ? "</b></td><td class=\"name soft\">" : "</td><td class=\"soft\">", page);
    html_text(page, !different ? row.option->help : row.usual[0] ? row.usual : "-");
    fputs("</td></tr>\n", page);
  }
}

static enum status write_configuration(FILE *page, const struct run *run, struct error *error) {
  struct config base;
  bool has_preset;
  const enum status status = report_page_base(&run->config, &base, &has_preset, error);
  if (status != STATUS_OK) return status;
  fputs("<h2>Configuration</h2>\n", page);
  if (differs_at_all(&run->config, &base)) {
    fprintf(page, "<p>What is not as in the %s:</p>\n<table><tr><th>option</th><th>this run</th><th>%s</th></tr>\n",
            has_preset ? "environment's preset" : "defaults", has_preset ? "preset" : "default");
    write_option_rows(page, &run->config, &base, true);
    fputs("</table>\n", page);
  } else {
    fprintf(page, "<p>Exactly the %s.</p>\n", has_preset ? "environment's preset" : "defaults");
  }
  fputs("<details><summary>All options</summary><table>\n", page);
  write_option_rows(page, &run->config, &base, false);
  fputs("</table></details>\n", page);
  return STATUS_OK;
}

// --- machine, checkpoints, faults, commands ---

static void write_row(FILE *page, const char *name, const char *value) {
  if (!value[0]) return;
  fputs("<tr><th>", page);
  html_text(page, name);
  fputs("</th><td class=\"free\">", page);
  html_text(page, value);
  fputs("</td></tr>\n", page);
}

static void write_machine(FILE *page, const struct run *run, const struct run_summary *summary) {
  fputs("<h2>Environment and machine</h2>\n<table>\n", page);
  write_row(page, "environment", run->config.env);
  write_row(page, "started as", summary->start);
  write_row(page, "learner's host", summary->host);
  write_row(page, "status written", summary->updated);
  write_row(page, "run directory", run->path);
  write_row(page, "this report", "made by corsac " CORSAC_VERSION);
  fputs("</table>\n", page);
}

static void write_checkpoints(FILE *page, const struct run_summary *summary) {
  fputs("<h2>Checkpoints</h2>\n", page);
  if (summary->files == 0) {
    fputs("<p>None yet.</p>\n", page);
    return;
  }
  fputs("<div class=\"scroll\"><table><tr><th>file</th><th>steps</th><th>written</th><th>size</th></tr>\n", page);
  for (size_t i = 0; i < summary->files; i++) {
    const struct run_summary_file *file = &summary->file[i];
    fputs("<tr><td class=\"name\">", page);
    html_text(page, file->name);
    if (file->problem[0]) {
      fputs("</td><td colspan=\"3\" class=\"bad\">", page);
      html_text(page, file->problem);
    } else {
      char steps[64];
      format_whole((double)file->steps, steps, sizeof steps);
      fprintf(page, "</td><td>%s</td><td>", steps);
      html_printf(page, "%.10s %.5s", file->created, strlen(file->created) > 16 ? file->created + 11 : "");
      fprintf(page, "</td><td>%.1f MB", (double)file->bytes / 1e6);
    }
    fputs("</td></tr>\n", page);
  }
  fputs("</table></div>\n<p class=\"soft\">best.h5 is the policy with the best evaluation; <code>corsac inspect</code> "
        "compares every "
        "checksum.</p>\n",
        page);
}

static void write_count(FILE *page, double count, const char *one, const char *many, bool *any) {
  if (count <= 0) return;
  char text[64];
  format_whole(count, text, sizeof text);
  fprintf(page, "<li>%s ", text);
  html_text(page, count == 1 ? one : many);
  fputs("</li>\n", page);
  *any = true;
}

static void write_faults(FILE *page, const struct run_summary *summary) {
  bool any = false;
  fputs("<h2>Faults and resumes</h2>\n<ul>\n", page);
  write_count(page, (double)summary->resumes, "resume", "resumes", &any);
  write_count(page, summary->env_failures, "failure of an environment: its episode was cut, it was made anew",
              "failures of environments: their episodes were cut, they were made anew", &any);
  write_count(page, (double)summary->actors_lost, "actor lost", "actors lost", &any);
  write_count(page, (double)(summary->surplus + summary->unsent), "step made and not used, as the job was at its end",
              "steps made and not used, as the job was at its end", &any);
  write_count(page, (double)summary->lost_at_most, "step lost with actors, at most", "steps lost with actors, at most",
              &any);
  write_count(page, (double)summary->errors, "error in the log", "errors in the log", &any);
  write_count(page, (double)summary->warnings, "warning in the log", "warnings in the log", &any);
  fputs(any ? "</ul>\n" : "<li>none</li></ul>\n", page);
  if (summary->notes == 0) return;
  fputs("<details><summary>The last warnings and errors</summary><pre>", page);
  for (size_t i = 0; i < summary->notes; i++) html_printf(page, "%s\n", summary->note[i]);
  fputs("</pre></details>\n", page);
}

static void write_word(FILE *page, const char *text) {
  char word[4 * FILE_PATH + 4];
  shell_word(text, word, sizeof word);
  html_text(page, word);
}

static void write_commands(FILE *page, const struct run *run, const struct run_summary *summary) {
  const bool reached = strcmp(summary->state, "done") == 0;
  fputs("<h2>Go on</h2>\n<p class=\"soft\">To go on on many ranks put <code>mpirun --bind-to none -n N</code> before "
        "it.</p>\n<pre>",
        page);
  if (summary->checkpoints > 0) {
    fputs("corsac train --resume ", page);
    write_word(page, run->path);
    if (reached && resume_command_steps(run->config.env_steps) > 0)
      fprintf(page, " --env-steps %llu", (unsigned long long)resume_command_steps(run->config.env_steps));
    fputs("\ncorsac eval ", page);
    write_word(page, run->path);
    fputs(" --episodes 100\ncorsac inspect ", page);
    write_word(page, run->path);
    fputs("\n", page);
  }
  fputs("corsac plot ", page);
  write_word(page, run->path);
  fputs(" --sheet\n", page);
  if (run->config.tensorboard) {
    fputs("tensorboard --logdir ", page);
    write_word(page, run->path);
    fputs("\n", page);
  }
  fputs("</pre>\n", page);
}

// --- the page ---

static enum status write_charts(FILE *page, const struct run_set *runs, struct error *error) {
  fputs("<h2>Learning</h2>\n", page);
  const enum status status = report_charts_returns(runs, page, error);
  if (status != STATUS_OK) return status;
  fputs("<h2>Training in detail</h2>\n", page);
  return report_charts_panels(runs, page, error);
}

static enum status write_run(FILE *page, const struct run *given, bool alone, struct error *error) {
  struct run_summary summary;
  struct run run = *given;
  run.group = 0;
  const struct run_set only = {.run = &run, .count = 1, .groups = 1}; // the charts show this run alone
  enum status status = run_summary_read(&run, &summary, error);
  if (status != STATUS_OK) return status;
  const char *state = summary.state[0] ? summary.state : "state unknown";
  fputs(alone ? "<h1>" : "<h1 style=\"margin-top:64px\">", page);
  html_text(page, alone ? run.config.env : run.path);
  fprintf(page, "<span class=\"badge %s\">", class_of(summary.state));
  html_text(page, state);
  fputs("</span></h1>\n<p class=\"soft\">", page);
  html_printf(page, "%s, seed %llu", alone ? run.path : run.config.env, (unsigned long long)run.config.seed);
  fputs("</p>\n", page);
  write_outcome(page, &run, &summary);

  if (run.metrics.rows > 0)
    status = write_charts(page, &only, error);
  else
    fputs("<p class=\"warn\">metrics.csv has no rows yet, so there are no curves.</p>\n", page);
  if (status == STATUS_OK) status = write_cases(page, &only, error);
  if (status == STATUS_OK) status = write_configuration(page, &run, error);
  write_machine(page, &run, &summary);
  write_checkpoints(page, &summary);
  write_faults(page, &summary);
  write_commands(page, &run, &summary);
  return status;
}

static enum status write_comparison_row(FILE *page, const struct run_set *runs, const struct run *run,
                                        struct error *error) {
  struct run_summary summary;
  char label[RUN_LABEL], steps[64];
  const enum status status = run_summary_read(run, &summary, error);
  if (status != STATUS_OK) return status;
  run_set_label(runs, run->group, label);
  format_whole(last_of(&run->metrics, "env_steps"), steps, sizeof steps);
  fputs("<tr><td class=\"name\">", page);
  html_text(page, run->path);
  fputs("</td><td>", page);
  html_text(page, label);
  fprintf(page, "</td><td>%llu</td><td class=\"%s\">", (unsigned long long)run->config.seed, class_of(summary.state));
  html_text(page, summary.state[0] ? summary.state : "unknown");
  fprintf(page, "</td><td>%s</td><td>", steps);
  fprintf(page, isfinite(summary.last_evaluation) ? "%.2f" : "-", summary.last_evaluation);
  fputs("</td></tr>\n", page);
  return STATUS_OK;
}

// Writes the runs side by side, a row each, and then their groups' curves.
static enum status write_comparison(FILE *page, const struct run_set *runs, struct error *error) {
  enum status status = STATUS_OK;
  fprintf(page,
          "<h1>%zu runs</h1>\n<div "
          "class=\"scroll\"><table><tr><th>run</th><th>configuration</th><th>seed</th><th>state</th><th>steps</th>"
          "<th>last evaluation</th></tr>\n",
          runs->count);
  for (size_t i = 0; i < runs->count && status == STATUS_OK; i++)
    status = write_comparison_row(page, runs, &runs->run[i], error);
  fputs("</table></div>\n", page);
  return status == STATUS_OK ? write_charts(page, runs, error) : status;
}

enum status report_page_write(const struct run_set *runs, FILE *page, struct error *error) {
  char title[512];
  enum status status = STATUS_OK;
  snprintf(title, sizeof title, "corsac: %.200s", runs->run[0].config.env);
  html_begin(page, title);
  if (runs->count > 1) status = write_comparison(page, runs, error);
  for (size_t i = 0; i < runs->count && status == STATUS_OK; i++)
    status = write_run(page, &runs->run[i], runs->count == 1, error);
  html_end(page);
  return status;
}
