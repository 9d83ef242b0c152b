#include "launch/runs/plot_script.h"

#include "launch/runs/curve.h"
#include "launch/runs/gnuplot.h"

#include <math.h>
#include <string.h>

enum { MAX_POINTS = 250, COLOURS = 8 };

// Told apart also by those who see few colours (Okabe and Ito's, darkened for thin lines).
static const char *const colours[COLOURS] = {"0072b2", "d55e00", "009e73", "cc79a7",
                                             "56b4e9", "b8860b", "7b4fa3", "666666"};

void plot_group_label(const struct plot_request *request, size_t group, char label[RUN_LABEL]) {
  size_t runs = 0;
  for (size_t i = 0; i < request->count; i++) runs += request->records[i].group == group;
  run_label(request->records, request->count, group, label);
  const size_t used = strlen(label);
  if (runs > 1) snprintf(label + used, RUN_LABEL - used, " (%zu runs)", runs);
}

static double last_x(const struct plot_request *request) {
  double last = 0;
  for (size_t i = 0; i < request->count; i++) {
    const struct metrics_table *table = &request->records[i].metrics;
    const double *x = metrics_table_find(table, request->time ? "time_s" : "env_steps");
    for (size_t r = 0; x && r < table->rows; r++)
      if (isfinite(x[r]) && x[r] > last) last = x[r];
  }
  return last;
}

// What the horizontal axis counts in: the greatest of which the longest run has two.
struct unit {
  double size;
  const char *label, *suffix;
};
static struct unit unit_of(const struct plot_request *request) {
  static const struct unit times[] = {{3600, "time, h", ""}, {60, "time, min", ""}, {1, "time, s", ""}},
                           steps[] = {{1e6, "environment steps", "M"},
                                      {1e3, "environment steps", "k"},
                                      {1, "environment steps", ""}};
  const struct unit *unit = request->time ? times : steps;
  const double last = last_x(request);
  while (unit->size > 1 && last < 2 * unit->size) unit++;
  return *unit;
}

// One data block $<name>: x, mean, mean - deviation, mean + deviation. An empty one would be an error of gnuplot's.
static enum status write_data(const struct plot_request *request, size_t group, const char *column, const char *name,
                              double factor, bool *any, FILE *script, struct error *error) {
  struct curve curve;
  const enum status status = curve_make(request->records, request->count, group, request->time ? "time_s" : "env_steps",
                                        column, MAX_POINTS, &curve, error);
  if (status != STATUS_OK) return status;
  const double unit = unit_of(request).size;
  *any = curve.points > 0;
  fprintf(script, "$%s << EOD\n", name);
  for (size_t p = 0; p < curve.points; p++)
    fprintf(script, "%.9g %.9g %.9g %.9g\n", curve.x[p] / unit, factor * curve.mean[p],
            factor * (curve.mean[p] - curve.deviation[p]), factor * (curve.mean[p] + curve.deviation[p]));
  if (curve.points == 0) fputs("NaN NaN NaN NaN\n", script);
  fputs("EOD\n", script);
  curve_release(&curve);
  return STATUS_OK;
}

static void write_head(const struct plot_request *request, FILE *script) {
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
  const double last = last_x(request);
  fprintf(script, "set format x '%%g%s'\nset xtics add ('0' 0)\nset xrange [0:%.9g]\n", unit_of(request).suffix,
          last > 0 ? last / unit_of(request).size : 1);
}

// The environment, if it is the same everywhere.
static void write_title(const struct plot_request *request, FILE *script) {
  const char *env = request->records[0].config.env;
  char title[RUN_LABEL];
  bool same = true;
  for (size_t i = 1; i < request->count; i++) same &= strcmp(env, request->records[i].config.env) == 0;
  snprintf(title, sizeof title, "%.150s: %s", same ? env : "corsac", request->sheet ? "how training went" : "return");
  gnuplot_quote(script, title);
}

static void write_band(const char *name, size_t group, const char *opacity, FILE *script) {
  fprintf(script, "$%s using 1:3:4 with filledcurves lc rgb '#%s%s' notitle, \\\n", name, opacity,
          colours[group % COLOURS]);
}

// Title, key and what the lines are.
static void write_words(const struct plot_request *request, bool any_evaluation, bool any_training, bool bands,
                        FILE *script) {
  fputs("set label 2 ", script);
  write_title(request, script);
  fputs(" noenhanced at graph 0,1.1 left font ',22' textcolor rgb '#222222'\n"
        "set key bottom right noenhanced spacing 1.25 samplen 2.5 textcolor rgb '#333333' opaque fillcolor rgb "
        "'#d0ffffff' noborder\n"
        "set lmargin 11\nset rmargin 4\nset bmargin 4.5\nset tmargin 4.8\n"
        "set ylabel 'episode return' textcolor rgb '#444444'\n",
        script);
  fprintf(script, "set xlabel '%s' textcolor rgb '#444444'\n", unit_of(request).label);
  fprintf(script, "set label 1 '%s%s%s' at graph 0,1.045 left font ',13' textcolor rgb '#777777'\n",
          any_evaluation ? "solid: evaluation" : "",
          any_training ? any_evaluation ? ",  faint: training" : "training" : "",
          bands ? ",  band: one standard deviation over the runs" : "");
  if (!any_evaluation && !any_training)
    fputs("set label 3 'no episode has ended yet' at graph 0.5,0.5 center textcolor rgb '#999999'\nset yrange [0:1]\n",
          script);
}

// Solid: evaluations (deterministic); faint: the episodes of training. Bands: one deviation over the seeds.
static enum status write_curves(const struct plot_request *request, FILE *script, struct error *error) {
  enum status status = STATUS_OK;
  bool any_training = false, any_evaluation = false, bands = false;
  char name[64];
  for (size_t g = 0; g < request->groups && status == STATUS_OK; g++) {
    bool any;
    snprintf(name, sizeof name, "training%zu", g);
    status = write_data(request, g, "return_mean", name, 1, &any, script, error);
    any_training |= any;
    snprintf(name, sizeof name, "evaluation%zu", g);
    if (status == STATUS_OK) status = write_data(request, g, "eval_return_mean", name, 1, &any, script, error);
    any_evaluation |= any;
  }
  if (status != STATUS_OK) return status;
  for (size_t i = 0; i < request->count; i++)
    for (size_t j = 0; j < i; j++) bands |= request->records[i].group == request->records[j].group;
  write_words(request, any_evaluation, any_training, bands, script);
  if (request->groups == 1 && !bands) fputs("unset key\n", script);
  fputs("plot ", script);
  for (size_t g = 0; g < request->groups; g++) {
    const char *colour = colours[g % COLOURS];
    char label[RUN_LABEL];
    plot_group_label(request, g, label);
    snprintf(name, sizeof name, "training%zu", g);
    if (bands && !any_evaluation) write_band(name, g, "d0", script);
    fprintf(script, "$%s using 1:2 with lines lw 1.2 lc rgb '#%s%s' notitle, \\\n", name, any_evaluation ? "a0" : "",
            colour);
    snprintf(name, sizeof name, "evaluation%zu", g);
    if (bands) write_band(name, g, "d0", script);
    fprintf(script, "$%s using 1:2 with linespoints lw 2.2 pt 7 ps 0.6 lc rgb '#%s' title ", name, colour);
    gnuplot_quote(script, label);
    fputs(g + 1 < request->groups ? ", \\\n" : "\n", script);
  }
  return STATUS_OK;
}

static const struct panel {
  const char *column, *title;
  double factor;
} panels[] = {{"return_mean", "training return", 1},
              {"eval_return_mean", "evaluation return", 1},
              {"q_mean", "mean Q of a batch", 1},
              {"critic_loss", "critic loss", 1},
              {"policy_loss", "policy loss", 1},
              {"entropy", "policy entropy, nats", 1},
              {"alpha", "temperature alpha", 1},
              {"policy_lag_mean", "policy lag when acting, versions", 1},
              {"env_steps_per_s", "environment steps per second", 1},
              {"updates_per_s", "updates per second", 1},
              {"learner_wait", "learner waits, % of its time", 100},
              {"actor_wait", "actors wait, % of their time", 100}};
enum { PANELS = sizeof panels / sizeof *panels };

static enum status write_panel(const struct plot_request *request, const struct panel *panel, bool key, FILE *script,
                               struct error *error) {
  enum status status = STATUS_OK;
  bool any_at_all = false;
  char name[METRICS_TABLE_NAME + 32];
  for (size_t g = 0; g < request->groups && status == STATUS_OK; g++) {
    bool any;
    snprintf(name, sizeof name, "%s%zu", panel->column, g);
    status = write_data(request, g, panel->column, name, panel->factor, &any, script, error);
    any_at_all |= any;
  }
  if (status != STATUS_OK) return status;
  fprintf(script, "set label 2 '%s' at graph 0,1.09 left font ',15' textcolor rgb '#222222'\n", panel->title);
  fputs(panel->factor == 100 ? "set yrange [0:100]\n" : "set yrange [*:*]\n", script);
  fputs(key ? "set key bottom right noenhanced samplen 1.5 font ',11' opaque fillcolor rgb '#d0ffffff' noborder\n"
            : "unset key\n",
        script);
  fputs(any_at_all ? "unset label 1\n"
                   : "set label 1 'no values' at graph 0.5,0.5 center textcolor rgb '#999999'\nset yrange [0:1]\n",
        script);
  fputs("plot ", script);
  for (size_t g = 0; g < request->groups; g++) {
    char label[RUN_LABEL];
    plot_group_label(request, g, label);
    snprintf(name, sizeof name, "%s%zu", panel->column, g);
    write_band(name, g, "d8", script);
    fprintf(script, "$%s using 1:2 with lines lw 1.6 lc rgb '#%s' title ", name, colours[g % COLOURS]);
    gnuplot_quote(script, label);
    fputs(g + 1 < request->groups ? ", \\\n" : "\n", script);
  }
  return STATUS_OK;
}

static enum status write_sheet(const struct plot_request *request, FILE *script, struct error *error) {
  enum status status = STATUS_OK;
  fputs("unset xlabel\nset multiplot layout 4,3 columnsfirst downwards title ", script);
  write_title(request, script);
  fprintf(script, " noenhanced font ',20'\nset rmargin 3\nset lmargin 9\nset tmargin 2.5\nset bmargin 3.2\n");
  for (size_t p = 0; p < PANELS && status == STATUS_OK; p++) {
    if (p % 4 == 3)
      fprintf(script, "set xlabel '%s' textcolor rgb '#444444'\n", unit_of(request).label);
    else
      fputs("unset xlabel\n", script);
    status = write_panel(request, &panels[p], p == 0 && request->groups > 1, script, error);
  }
  fputs("unset multiplot\n", script);
  return status;
}

enum status plot_script_write(const struct plot_request *request, FILE *script, struct error *error) {
  write_head(request, script);
  return request->sheet ? write_sheet(request, script, error) : write_curves(request, script, error);
}
