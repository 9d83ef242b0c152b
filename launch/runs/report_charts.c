#include "launch/runs/report_charts.h"

#include "common/base/memory.h"
#include "launch/runs/html.h"
#include "launch/runs/svg_chart.h"

#include <string.h>

enum { POINTS = 240, PANEL_POINTS = 120, MAX_GROUPS = 8 }; // of more groups the first are drawn

static bool several_seeds(const struct run *records, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++)
      if (records[i].group == records[j].group) return true;
  return false;
}

static void write_key(const struct run *records, size_t count, size_t groups, FILE *page) {
  fputs("<div class=\"key\">", page);
  for (size_t g = 0; g < groups && groups > 1; g++) {
    char label[RUN_LABEL];
    run_label(records, count, g, label);
    fprintf(page, "<span><i style=\"background:var(--c%zu)\"></i>", g);
    html_text(page, label);
    fputs("</span>", page);
  }
  fputs("<span class=\"soft\">strong: evaluation, without exploration; faint: training episodes", page);
  if (several_seeds(records, count)) fputs("; band: one standard deviation over the runs", page);
  fputs("</span></div>\n", page);
}

enum status report_charts_returns(const struct run *records, size_t count, size_t groups, FILE *page,
                                  struct error *error) {
  struct curve curves[2 * MAX_GROUPS] = {{0}};
  struct svg_chart chart = {.name = "return against environment steps", .x_label = "environment steps"};
  enum status status = STATUS_OK;
  if (groups > MAX_GROUPS) groups = MAX_GROUPS;
  for (size_t g = 0; g < groups && status == STATUS_OK; g++) {
    struct curve *training = &curves[2 * g], *evaluation = training + 1;
    status = curve_make(records, count, g, "env_steps", "return_mean", POINTS, training, error);
    if (status == STATUS_OK)
      status = curve_make(records, count, g, "env_steps", "eval_return_mean", POINTS, evaluation, error);
    chart.line[chart.lines++] = (struct svg_chart_line){.curve = training, .colour = g, .faint = true};
    chart.line[chart.lines++] = (struct svg_chart_line){
        .curve = evaluation, .colour = g, .points = evaluation->points<60, .band = evaluation->runs> 1};
  }
  for (int narrow = 0; narrow < 2 && status == STATUS_OK; narrow++) {
    chart.width = narrow ? 380 : 1000;
    chart.height = narrow ? 300 : 400;
    fprintf(page, "<div class=\"panel %s\">", narrow ? "narrow" : "wide");
    svg_chart_write(page, &chart);
    fputs("</div>\n", page);
  }
  if (status == STATUS_OK) write_key(records, count, groups, page);
  for (size_t i = 0; i < 2 * MAX_GROUPS; i++) curve_release(&curves[i]);
  return status;
}

enum status report_charts_panels(const struct run *records, size_t count, size_t groups, FILE *page,
                                 struct error *error) {
  static const struct {
    const char *column, *title;
    bool from_zero;
  } panels[] = {{"critic_loss", "critic loss", true},
                {"policy_loss", "policy loss", false},
                {"q_mean", "mean Q of a batch", false},
                {"entropy", "policy entropy, nats", false},
                {"alpha", "temperature alpha", true},
                {"policy_lag_mean", "policy lag when acting, versions", true},
                {"env_steps_per_s", "environment steps per second", true},
                {"learner_wait", "learner waits, share of its time", true},
                {"actor_wait", "actors wait, share of their time", true}};
  enum status status = STATUS_OK;
  if (groups > MAX_GROUPS) groups = MAX_GROUPS;
  fputs("<div class=\"panels\">\n", page);
  for (size_t p = 0; p < sizeof panels / sizeof *panels && status == STATUS_OK; p++) {
    struct curve curves[MAX_GROUPS] = {{0}};
    struct svg_chart chart = {.name = panels[p].title, .width = 330, .height = 190, .from_zero = panels[p].from_zero};
    for (size_t g = 0; g < groups && status == STATUS_OK; g++) {
      status = curve_make(records, count, g, "env_steps", panels[p].column, PANEL_POINTS, &curves[g], error);
      chart.line[chart.lines++] = (struct svg_chart_line){.curve = &curves[g], .colour = g, .band = curves[g].runs > 1};
    }
    if (status == STATUS_OK) {
      fprintf(page, "<div class=\"panel\"><h3>%s</h3>\n", panels[p].title);
      svg_chart_write(page, &chart);
      fputs("</div>\n", page);
    }
    for (size_t g = 0; g < MAX_GROUPS; g++) curve_release(&curves[g]);
  }
  fputs("</div>\n", page);
  return status;
}
