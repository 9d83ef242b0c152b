#include "launch/runs/curve.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 6 };

// A run over numbers of the caller's.
static struct run run_of(size_t group, size_t rows, double *steps, double *value) {
  struct run run = {.group = group, .metrics = {.rows = rows, .columns = 2}};
  snprintf(run.metrics.name[0], METRICS_TABLE_NAME, "env_steps");
  snprintf(run.metrics.name[1], METRICS_TABLE_NAME, "value");
  run.metrics.cell[0] = steps;
  run.metrics.cell[1] = value;
  return run;
}

// The curve of group 0.
static struct curve curve_of(struct run *run, size_t count, const char *column, size_t max_points) {
  const struct run_set runs = {.run = run, .count = count, .groups = 1};
  struct curve curve;
  struct error error = {0};
  UNIT_STATUS_FATAL(curve_make(&runs, 0, "env_steps", column, max_points, &curve, &error), STATUS_OK, &error);
  return curve;
}

static void test_one(void) {
  double steps[ROWS] = {1, 2, 3, 4, 5, 5}, value[ROWS] = {10, NAN, 30, 40, 50, 7};
  struct run run = run_of(0, ROWS, steps, value);
  struct curve curve = curve_of(&run, 1, "value", 100);
  CU_ASSERT_EQUAL(curve.points, 4);
  CU_ASSERT_EQUAL(curve.runs, 1); // a cell without a number and a row without a new step are left out
  CU_ASSERT_EQUAL(curve.x[1], 3);
  CU_ASSERT_EQUAL(curve.mean[1], 30);
  CU_ASSERT_EQUAL(curve.deviation[1], 0);
  CU_ASSERT_EQUAL(curve.mean[3], 50);
  curve_release(&curve);
}

// Stretches of rows become their averages.
static void test_many_rows(void) {
  double steps[ROWS] = {1, 2, 3, 4, 5, 6}, value[ROWS] = {1, 3, 5, 7, 9, 11};
  struct run run = run_of(0, ROWS, steps, value);
  struct curve curve = curve_of(&run, 1, "value", 3);
  CU_ASSERT_EQUAL_FATAL(curve.points, 3);
  for (int p = 0; p < 3; p++) {
    CU_ASSERT_EQUAL(curve.x[p], 1.5 + 2 * p);
    CU_ASSERT_EQUAL(curve.mean[p], 2 + 4 * p);
  }
  curve_release(&curve);
}

// Mean and deviation of two seeds; the second has other steps, is joined by lines, and goes on longer.
static void test_seeds(void) {
  double steps[2][ROWS] = {{1, 2, 3}, {1, 3, 5}}, value[2][ROWS] = {{0, 0, 0}, {2, 6, 8}};
  struct run runs[] = {run_of(0, 3, steps[0], value[0]), run_of(1, 3, steps[0], value[0]),
                       run_of(0, 3, steps[1], value[1])};
  struct curve curve = curve_of(runs, 3, "value", 100);
  CU_ASSERT_EQUAL_FATAL(curve.points, 4);
  CU_ASSERT_EQUAL_FATAL(curve.runs, 2);
  static const double x[] = {1, 2, 3, 5}, mean[] = {1, 2, 3, 8}, difference[] = {2, 4, 6, 0};
  for (int p = 0; p < 4; p++) {
    CU_ASSERT(curve.x[p] == x[p]);
    CU_ASSERT_DOUBLE_EQUAL(curve.mean[p], mean[p], 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(curve.deviation[p], difference[p] / sqrt(2), 1e-12); // of two numbers
  }
  curve_release(&curve);
}

// An evaluation of the policy at 10 steps that ended at 14.
static void test_evaluation(void) {
  double steps[2] = {7, 14}, value[2] = {NAN, 3}, taken[2] = {NAN, 10};
  struct run run = run_of(0, 2, steps, value);
  snprintf(run.metrics.name[1], METRICS_TABLE_NAME, "eval_return_mean");
  struct curve curve = curve_of(&run, 1, "eval_return_mean", 10);
  CU_ASSERT_EQUAL_FATAL(curve.points, 1);
  CU_ASSERT_EQUAL(curve.x[0], 14); // a run of before there was eval_steps
  curve_release(&curve);
  snprintf(run.metrics.name[2], METRICS_TABLE_NAME, "eval_steps");
  run.metrics.cell[2] = taken;
  run.metrics.columns = 3;
  curve = curve_of(&run, 1, "eval_return_mean", 10);
  CU_ASSERT_EQUAL(curve.x[0], 10);
  curve_release(&curve);
}

static void test_nothing(void) {
  double steps[1] = {1}, value[1] = {NAN};
  struct run run = run_of(0, 1, steps, value);
  struct curve curve = curve_of(&run, 1, "value", 10);
  CU_ASSERT_EQUAL(curve.points, 0);
  curve_release(&curve);
  curve = curve_of(&run, 1, "other", 10);
  CU_ASSERT_EQUAL(curve.points, 0);
  curve_release(&curve);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an evaluation stands at the steps of its policy", test_evaluation},
      {"the curve of one run has its numbers", test_one},
      {"more rows than points are averaged in stretches", test_many_rows},
      {"seeds are averaged along their lines, each as far as it goes", test_seeds},
      {"no numbers make no points", test_nothing},
  };
  return unit_run("curve", cases, sizeof cases / sizeof *cases);
}
