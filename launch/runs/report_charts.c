#include "launch/runs/report_charts.h"

#include "common/config/cases.h"
#include "launch/runs/html.h"
#include "launch/runs/measure.h"
#include "launch/runs/svg_chart.h"

#include <math.h>
#include <string.h>

enum { POINTS = 240, PANEL_POINTS = 120, MAX_GROUPS = 8 }; // of more groups the first are drawn

static size_t drawn_groups(const struct run_set *runs) { return runs->groups < MAX_GROUPS ? runs->groups : MAX_GROUPS; }

static void write_key(const struct run_set *runs, FILE *page) {
  const size_t groups = drawn_groups(runs);
  fputs("<div class=\"key\">", page);
  for (size_t g = 0; g < groups && groups > 1; g++) {
    char label[RUN_LABEL];
    run_set_label(runs, g, label);
    fprintf(page, "<span><i style=\"background:var(--c%zu)\"></i>", g);
    html_text(page, label);
    fputs("</span>", page);
  }
  fputs("<span class=\"soft\">strong: evaluation, without exploration; faint: training episodes", page);
  if (run_set_has_bands(runs)) fputs("; band: one standard deviation over the runs", page);
  fputs("</span></div>\n", page);
}

enum status report_charts_returns(const struct run_set *runs, FILE *page, struct error *error) {
  struct curve curves[2 * MAX_GROUPS] = {{0}};
  struct svg_chart chart = {.name = "return against environment steps", .x_label = "environment steps"};
  enum status status = STATUS_OK;
  for (size_t g = 0; g < drawn_groups(runs) && status == STATUS_OK; g++) {
    struct curve *training = &curves[2 * g], *evaluation = training + 1;
    status = curve_make(runs, g, "env_steps", "return_mean", POINTS, training, error);
    if (status == STATUS_OK) status = curve_make(runs, g, "env_steps", "eval_return_mean", POINTS, evaluation, error);
    const bool few = evaluation->points<60, several = evaluation->runs> 1;
    chart.line[chart.lines++] = (struct svg_chart_line){.curve = training, .colour = g, .faint = true};
    chart.line[chart.lines++] =
        (struct svg_chart_line){.curve = evaluation, .colour = g, .points = few, .band = several};
  }

  for (int narrow = 0; narrow < 2 && status == STATUS_OK; narrow++) {
    chart.width = narrow ? 380 : 1000;
    chart.height = narrow ? 300 : 400;
    fprintf(page, "<div class=\"panel %s\">", narrow ? "narrow" : "wide");
    svg_chart_write(page, &chart);
    fputs("</div>\n", page);
  }
  if (status == STATUS_OK) write_key(runs, page);
  for (size_t i = 0; i < 2 * MAX_GROUPS; i++) curve_release(&curves[i]);
  return status;
}

static void write_case_key(const struct config *config, uint32_t cases, FILE *page) {
  fputs("<div class=\"key\">", page);
  for (uint32_t i = 0; i < cases; i++) {
    char name[CASES_NAME];
    cases_name(config, i, name);
    fprintf(page, "<span><i style=\"background:var(--c%u)\"></i>", i);
    html_text(page, name);
    fputs("</span>", page);
  }
  fputs("</div>\n", page);
}

enum status report_charts_cases(const struct run_set *run, FILE *page, struct error *error) {
  const struct config *config = &run->run[0].config;
  const uint32_t count = cases_count(config), cases = count < MAX_GROUPS ? count : MAX_GROUPS;
  struct curve curves[MAX_GROUPS] = {{0}};
  struct svg_chart chart = {
      .name = "evaluation return of each case", .x_label = "environment steps", .width = 660, .height = 300};
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < cases && status == STATUS_OK; i++) {
    char name[CASES_NAME], column[CASES_NAME + 16];
    cases_name(config, i, name);
    snprintf(column, sizeof column, "case_eval_%s", name);
    status = curve_make(run, 0, "env_steps", column, PANEL_POINTS, &curves[i], error);
    chart.line[chart.lines++] = (struct svg_chart_line){.curve = &curves[i], .colour = i, .points = true};
  }
  if (status == STATUS_OK) {
    fputs("<div class=\"panel\">", page);
    svg_chart_write(page, &chart);
    fputs("</div>\n", page);
    write_case_key(config, cases, page);
  }
  for (uint32_t i = 0; i < MAX_GROUPS; i++) curve_release(&curves[i]);
  return status;
}

static enum status write_panel(const struct run_set *runs, const struct measure *measure, FILE *page,
                               struct error *error) {
  struct curve curves[MAX_GROUPS] = {{0}};
  struct svg_chart chart = {.name = measure->title, .width = 330, .height = 190, .from_zero = measure->from_zero};
  enum status status = STATUS_OK;
  for (size_t g = 0; g < drawn_groups(runs) && status == STATUS_OK; g++) {
    status = curve_make(runs, g, "env_steps", measure->column, PANEL_POINTS, &curves[g], error);
    chart.line[chart.lines++] = (struct svg_chart_line){.curve = &curves[g], .colour = g, .band = curves[g].runs > 1};
  }
  if (status == STATUS_OK) {
    fprintf(page, "<div class=\"panel\"><h3>%s</h3>\n", measure->title);
    svg_chart_write(page, &chart);
    fputs("</div>\n", page);
  }
  for (size_t g = 0; g < MAX_GROUPS; g++) curve_release(&curves[g]);
  return status;
}

// Whether a column is a named value of the environment. Its name goes into the page as it is.
static bool is_info(const char *column) {
  return strncmp(column, "info_", 5) == 0 && column[strspn(column, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

// Draws the named values of the first run's environment that have been given.
static enum status write_info_panels(const struct run_set *runs, FILE *page, struct error *error) {
  const struct metrics_table *table = &runs->run[0].metrics;
  enum status status = STATUS_OK;
  for (size_t c = 0; c < table->columns && status == STATUS_OK; c++) {
    size_t row = 0;
    while (row < table->rows && isnan(table->cell[c][row])) row++;
    const struct measure measure = {.column = table->name[c], .title = table->name[c]};
    if (is_info(table->name[c]) && row < table->rows) status = write_panel(runs, &measure, page, error);
  }
  return status;
}

enum status report_charts_panels(const struct run_set *runs, FILE *page, struct error *error) {
  static const char *const panels[] = {"critic_loss",     "policy_loss",     "q_mean",       "entropy",   "alpha",
                                       "policy_lag_mean", "env_steps_per_s", "learner_wait", "actor_wait"};
  enum status status = STATUS_OK;
  fputs("<div class=\"panels\">\n", page);
  for (size_t p = 0; p < sizeof panels / sizeof *panels && status == STATUS_OK; p++)
    status = write_panel(runs, measure_of(panels[p]), page, error);
  if (status == STATUS_OK) status = write_info_panels(runs, page, error);
  fputs("</div>\n", page);
  return status;
}
