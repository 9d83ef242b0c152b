#include "launch/runs/plot_script.h"

#include "launch/runs/curve.h"
#include "launch/runs/gnuplot.h"
#include "launch/runs/measure.h"

#include <math.h>
#include <string.h>

enum { MAX_POINTS = 250, COLOURS = 8 };

// Okabe and Ito's colours, which people with colour blindness can tell apart; darkened for thin lines.
static const char *const colours[COLOURS] = {"0072b2", "d55e00", "009e73", "cc79a7",
                                             "56b4e9", "b8860b", "7b4fa3", "666666"};

// What the horizontal axis counts in.
struct unit {
  double size;
  const char *label, *suffix;
};

// A script that is being written.
struct plot {
  const struct plot_request *request;
  const struct run_set *runs;
  FILE *script;
  double last; // x of the longest run
  struct unit unit;
};

static const char *x_column(const struct plot_request *request) { return request->time ? "time_s" : "env_steps"; }

static double last_x(const struct plot_request *request) {
  double last = 0;
  for (size_t i = 0; i < request->runs->count; i++) {
    const struct metrics_table *table = &request->runs->run[i].metrics;
    const double *x = metrics_table_find(table, x_column(request));
    for (size_t r = 0; x && r < table->rows; r++)
      if (isfinite(x[r]) && x[r] > last) last = x[r];
  }
  return last;
}

// Returns the largest unit of which the longest run has at least two.
static struct unit choose_unit(bool time, double last) {
  static const struct unit times[] = {{3600, "time, h", ""}, {60, "time, min", ""}, {1, "time, s", ""}},
                           steps[] = {{1e6, "environment steps", "M"},
                                      {1e3, "environment steps", "k"},
                                      {1, "environment steps", ""}};
  const struct unit *unit = time ? times : steps;
  while (unit->size > 1 && last < 2 * unit->size) unit++;
  return *unit;
}

// --- the parts of both kinds of picture ---

// Writes a group's data block $<column><group>: x, mean, mean - deviation, mean + deviation.
static enum status write_data(const struct plot *plot, const struct measure *measure, size_t group, bool *any,
                              struct error *error) {
  const double factor = measure->percent_title ? 100 : 1;
  struct curve curve;
  const enum status status =
      curve_make(plot->runs, group, x_column(plot->request), measure->column, MAX_POINTS, &curve, error);
  if (status != STATUS_OK) return status;
  *any |= curve.points > 0;
  fprintf(plot->script, "$%s%zu << EOD\n", measure->column, group);
  for (size_t p = 0; p < curve.points; p++)
    fprintf(plot->script, "%.9g %.9g %.9g %.9g\n", curve.x[p] / plot->unit.size, factor * curve.mean[p],
            factor * (curve.mean[p] - curve.deviation[p]), factor * (curve.mean[p] + curve.deviation[p]));
  if (curve.points == 0) fputs("NaN NaN NaN NaN\n", plot->script); // gnuplot refuses an empty block
  fputs("EOD\n", plot->script);
  curve_release(&curve);
  return STATUS_OK;
}

// any: whether a group has a point.
static enum status write_all_data(const struct plot *plot, const struct measure *measure, bool *any,
                                  struct error *error) {
  enum status status = STATUS_OK;
  *any = false;
  for (size_t g = 0; g < plot->runs->groups && status == STATUS_OK; g++)
    status = write_data(plot, measure, g, any, error);
  return status;
}

static void write_band(const struct plot *plot, const struct measure *measure, size_t group, const char *opacity) {
  fprintf(plot->script, "$%s%zu using 1:3:4 with filledcurves lc rgb '#%s%s' notitle, \\\n", measure->column, group,
          opacity, colours[group % COLOURS]);
}

// Writes a group's line with its label: what sets it apart, and its number of runs. look: of the line, for gnuplot.
static void write_line(const struct plot *plot, const struct measure *measure, size_t group, const char *look) {
  const size_t size = run_set_size(plot->runs, group);
  char label[RUN_LABEL];
  run_set_label(plot->runs, group, label);
  const size_t used = strlen(label);
  if (size > 1) snprintf(label + used, RUN_LABEL - used, " (%zu runs)", size);
  fprintf(plot->script, "$%s%zu using 1:2 with %s lc rgb '#%s' title ", measure->column, group, look,
          colours[group % COLOURS]);
  gnuplot_quote(plot->script, label);
  fputs(group + 1 < plot->runs->groups ? ", \\\n" : "\n", plot->script);
}

static void write_head(const struct plot *plot) {
  const struct plot_request *request = plot->request;
  FILE *script = plot->script;
  const bool svg = strcmp(request->format, "svg") == 0, pdf = strcmp(request->format, "pdf") == 0;
  const int width = request->sheet ? 1600 : 1200, height = request->sheet ? 1250 : 750;
  const int size = request->sheet ? 13 : 16;
  if (pdf)
    fprintf(script, "set terminal pdfcairo size %gin,%gin font 'Sans,%d' lw 1.6\n", width / 100.0, height / 100.0,
            size);
  else if (svg)
    fprintf(script,
            "set terminal svg size %d,%d dynamic font 'Helvetica,Arial,sans-serif,%d' background 'white' lw 1.4\n",
            width, height, size);
  else
    fprintf(script, "set terminal pngcairo size %d,%d font 'Sans,%d' background 'white' lw 1.6\n", width, height,
            size - 2);
  fputs("set encoding utf8\nset datafile missing 'NaN'\n"
        "set border 3 lc rgb '#888888' lw 0.7\nset tics nomirror out scale 0.6 textcolor rgb '#444444'\n"
        "set grid lc rgb '#dddddd' lw 0.7 dt 1\nset style fill noborder\n",
        script);
  fprintf(script, "set format x '%%g%s'\nset xtics add ('0' 0)\nset xrange [0:%.9g]\n", plot->unit.suffix,
          plot->last > 0 ? plot->last / plot->unit.size : 1);
}

// The title names the environment where all runs have the same.
static void write_title(const struct plot *plot) {
  const struct run_set *runs = plot->runs;
  const char *env = runs->run[0].config.env;
  char title[RUN_LABEL];
  bool same = true;
  for (size_t i = 1; i < runs->count; i++) same &= strcmp(env, runs->run[i].config.env) == 0;
  snprintf(title, sizeof title, "%.150s: %s", same ? env : "corsac",
           plot->request->sheet ? "how training went" : "return");
  gnuplot_quote(plot->script, title);
}

// --- learning curves ---

// Writes the title, the key, the labels of the axes, and the line that says what each kind of line is.
static void write_words(const struct plot *plot, bool any_evaluation, bool any_training, bool bands) {
  FILE *script = plot->script;
  fputs("set label 2 ", script);
  write_title(plot);
  fputs(" noenhanced at graph 0,1.1 left font ',22' textcolor rgb '#222222'\n"
        "set key bottom right noenhanced spacing 1.25 samplen 2.5 textcolor rgb '#333333' opaque fillcolor rgb "
        "'#d0ffffff' noborder\n"
        "set lmargin 11\nset rmargin 4\nset bmargin 4.5\nset tmargin 4.8\n"
        "set ylabel 'episode return' textcolor rgb '#444444'\n",
        script);
  fprintf(script, "set xlabel '%s' textcolor rgb '#444444'\n", plot->unit.label);
  fprintf(script, "set label 1 '%s%s%s' at graph 0,1.045 left font ',13' textcolor rgb '#777777'\n",
          any_evaluation ? "solid: evaluation" : "",
          any_training ? any_evaluation ? ",  faint: training" : "training" : "",
          bands ? ",  band: one standard deviation over the runs" : "");
  if (!any_evaluation && !any_training)
    fputs("set label 3 'no episode has ended yet' at graph 0.5,0.5 center textcolor rgb '#999999'\nset yrange [0:1]\n",
          script);
}

// Evaluations (deterministic) are solid, the episodes of training faint. A band is one deviation over the seeds.
static enum status write_curves(const struct plot *plot, struct error *error) {
  const struct measure *training = measure_of("return_mean"), *evaluation = measure_of("eval_return_mean");
  const bool bands = run_set_has_bands(plot->runs);
  bool any_training, any_evaluation;
  enum status status = write_all_data(plot, training, &any_training, error);
  if (status == STATUS_OK) status = write_all_data(plot, evaluation, &any_evaluation, error);
  if (status != STATUS_OK) return status;

  write_words(plot, any_evaluation, any_training, bands);
  if (plot->runs->groups == 1 && !bands) fputs("unset key\n", plot->script);
  fputs("plot ", plot->script);
  for (size_t g = 0; g < plot->runs->groups; g++) {
    if (bands && !any_evaluation) write_band(plot, training, g, "d0");
    fprintf(plot->script, "$%s%zu using 1:2 with lines lw 1.2 lc rgb '#%s%s' notitle, \\\n", training->column, g,
            any_evaluation ? "a0" : "", colours[g % COLOURS]);
    if (bands) write_band(plot, evaluation, g, "d0");
    write_line(plot, evaluation, g, "linespoints lw 2.2 pt 7 ps 0.6");
  }
  return STATUS_OK;
}

// --- the sheet ---

static enum status write_panel(const struct plot *plot, const struct measure *measure, bool key, struct error *error) {
  FILE *script = plot->script;
  const char *percent = measure->percent_title;
  bool any;
  const enum status status = write_all_data(plot, measure, &any, error);
  if (status != STATUS_OK) return status;
  fprintf(script, "set label 2 '%s' at graph 0,1.09 left font ',15' textcolor rgb '#222222'\n",
          percent ? percent : measure->title);
  fputs(percent ? "set yrange [0:100]\n" : "set yrange [*:*]\n", script);
  fputs(key ? "set key bottom right noenhanced samplen 1.5 font ',11' opaque fillcolor rgb '#d0ffffff' noborder\n"
            : "unset key\n",
        script);
  fputs(any ? "unset label 1\n"
            : "set label 1 'no values' at graph 0.5,0.5 center textcolor rgb '#999999'\nset yrange [0:1]\n",
        script);
  fputs("plot ", script);
  for (size_t g = 0; g < plot->runs->groups; g++) {
    write_band(plot, measure, g, "d8");
    write_line(plot, measure, g, "lines lw 1.6");
  }
  return STATUS_OK;
}

static enum status write_sheet(const struct plot *plot, struct error *error) {
  enum { ROWS = 4 };
  static const char *const panels[] = {"return_mean",     "eval_return_mean", "q_mean",       "critic_loss",
                                       "policy_loss",     "entropy",          "alpha",        "policy_lag_mean",
                                       "env_steps_per_s", "updates_per_s",    "learner_wait", "actor_wait"};
  FILE *script = plot->script;
  enum status status = STATUS_OK;
  fprintf(script, "unset xlabel\nset multiplot layout %d,3 columnsfirst downwards title ", ROWS);
  write_title(plot);
  fprintf(script, " noenhanced font ',20'\nset rmargin 3\nset lmargin 9\nset tmargin 2.5\nset bmargin 3.2\n");
  for (size_t p = 0; p < sizeof panels / sizeof *panels && status == STATUS_OK; p++) {
    if (p % ROWS == ROWS - 1)
      fprintf(script, "set xlabel '%s' textcolor rgb '#444444'\n", plot->unit.label);
    else
      fputs("unset xlabel\n", script);
    status = write_panel(plot, measure_of(panels[p]), p == 0 && plot->runs->groups > 1, error);
  }
  fputs("unset multiplot\n", script);
  return status;
}

enum status plot_script_write(const struct plot_request *request, FILE *script, struct error *error) {
  const double last = last_x(request);
  const struct plot plot = {request, request->runs, script, last, choose_unit(request->time, last)};
  write_head(&plot);
  return request->sheet ? write_sheet(&plot, error) : write_curves(&plot, error);
}
