#include "launch/runs/curve.h"

#include "common/base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

// The points of one run, by rising x.
struct line {
  double *x, *y;
  size_t points;
};

static void line_release(struct line *line) {
  memory_free(line->x);
  memory_free(line->y);
}

// Whether a row belongs into the curve of column `name`. A row without a new step stands at the end of a run: only its
// evaluation counts. The first row's speed is mostly that of the steps before learning, and would dwarf all others.
static bool counts(const struct metrics_table *table, const double *x, const double *y, const char *name, size_t row) {
  const double *steps = metrics_table_find(table, "env_steps");
  const bool idle = steps && row > 0 && steps[row] == steps[row - 1] && strncmp(name, "eval_", 5) != 0;
  const bool start = row == 0 && table->rows > 3 && strstr(name, "_per_s");
  return isfinite(x[row]) && isfinite(y[row]) && !idle && !start;
}

// The x of a row. An evaluation ends later than it begins, and stands in the row of its end. It belongs to the steps at
// which its policy was taken; older runs do not have them.
static double x_at(const struct metrics_table *table, const char *x_name, const char *y_name, size_t row) {
  const double *x = metrics_table_find(table, x_name), *taken = metrics_table_find(table, "eval_steps");
  const bool is_taken = strcmp(x_name, "env_steps") == 0 && strcmp(y_name, "eval_return_mean") == 0 && taken;
  return is_taken && isfinite(taken[row]) ? taken[row] : x[row];
}

// Makes the line of one run. Each point is the average of a stretch of equally many values.
static enum status line_make(const struct metrics_table *table, const char *x_name, const char *y_name,
                             size_t max_points, struct line *line, struct error *error) {
  const double *x = metrics_table_find(table, x_name), *y = metrics_table_find(table, y_name);
  size_t values = 0, seen = 0;
  *line = (struct line){.x = memory_alloc(max_points + 1, sizeof(double), "a curve", error),
                        .y = memory_alloc(max_points + 1, sizeof(double), "a curve", error)};
  if (!line->x || !line->y) return STATUS_MEMORY;
  for (size_t r = 0; x && y && r < table->rows; r++) values += counts(table, x, y, y_name, r);
  const size_t stretch = (values + max_points - 1) / max_points;
  for (size_t r = 0; values > 0 && r < table->rows; r++) {
    if (!counts(table, x, y, y_name, r)) continue;
    const double share = 1.0 / (double)(seen % stretch + 1);
    line->points += seen++ % stretch == 0;
    const size_t at = line->points - 1;
    line->x[at] += (x_at(table, x_name, y_name, r) - line->x[at]) * share;
    line->y[at] += (y[r] - line->y[at]) * share;
  }
  return STATUS_OK;
}

// Returns the line's y at x, or NaN outside of what the run reaches.
static double line_at(const struct line *line, double x) {
  size_t low = 0, high = line->points;
  if (line->points == 0 || x < line->x[0] || x > line->x[line->points - 1]) return NAN;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (line->x[middle] <= x)
      low = middle;
    else
      high = middle;
  }
  if (low + 1 == line->points || line->x[low] == x) return line->y[low];
  const double share = (x - line->x[low]) / (line->x[low + 1] - line->x[low]);
  return line->y[low] + share * (line->y[low + 1] - line->y[low]);
}

// Fills the grid and returns its length: the points of the run that has most of them, then those of runs that go on
// further.
static size_t grid(const struct line *lines, size_t count, double *x, size_t max_points) {
  const struct line *longest = NULL;
  for (size_t i = 0; i < count; i++)
    if (!longest || lines[i].points > longest->points) longest = &lines[i];
  size_t points = 0;
  for (size_t p = 0; longest && p < longest->points; p++) x[points++] = longest->x[p];
  for (size_t i = 0; i < count; i++)
    for (size_t p = 0; p < lines[i].points && points < 2 * max_points; p++)
      if (points == 0 || lines[i].x[p] > x[points - 1]) x[points++] = lines[i].x[p];
  return points;
}

static void average(const struct line *lines, size_t count, size_t points, struct curve *curve) {
  for (size_t p = 0; p < points; p++) {
    double n = 0, mean = 0, squares = 0; // Welford's running mean and sum of squares
    for (size_t i = 0; i < count; i++) {
      const double y = line_at(&lines[i], curve->x[p]);
      if (!isfinite(y)) continue;
      const double change = y - mean;
      mean += change / ++n;
      squares += change * (y - mean);
    }
    if (n == 0) continue;
    curve->x[curve->points] = curve->x[p];
    curve->mean[curve->points] = mean;
    curve->deviation[curve->points++] = n > 1 ? sqrt(squares / (n - 1)) : 0;
  }
}

enum status curve_make(const struct run_set *runs, size_t group, const char *x, const char *y, size_t max_points,
                       struct curve *curve, struct error *error) {
  struct line *lines = memory_alloc(runs->count, sizeof *lines, "curves", error);
  size_t used = 0;
  *curve = (struct curve){.x = memory_alloc(2 * max_points, sizeof(double), "a curve", error),
                          .mean = memory_alloc(2 * max_points, sizeof(double), "a curve", error),
                          .deviation = memory_alloc(2 * max_points, sizeof(double), "a curve", error)};
  enum status status = lines && curve->x && curve->mean && curve->deviation ? STATUS_OK : STATUS_MEMORY;
  for (size_t i = 0; i < runs->count && status == STATUS_OK; i++) {
    if (runs->run[i].group != group) continue;
    status = line_make(&runs->run[i].metrics, x, y, max_points, &lines[used], error);
    curve->runs += lines[used++].points > 0;
  }
  if (status == STATUS_OK) average(lines, used, grid(lines, used, curve->x, max_points), curve);
  for (size_t i = 0; i < used; i++) line_release(&lines[i]);
  memory_free(lines);
  if (status != STATUS_OK) curve_release(curve);
  return status;
}

void curve_release(struct curve *curve) {
  memory_free(curve->x);
  memory_free(curve->mean);
  memory_free(curve->deviation);
  *curve = (struct curve){0};
}
