// Curves of groups of runs: mean and deviation over the runs, on a grid of their own.
#ifndef CORSAC_LAUNCH_RUNS_CURVE_H
#define CORSAC_LAUNCH_RUNS_CURVE_H

#include "launch/runs/run.h"

struct curve {                  // zero-initialised is empty
  size_t points, runs;          // runs that have at least one value
  double *x, *mean, *deviation; // (points); deviation: over the runs, 0 where there is one
};
// Column y against column x ("env_steps" or "time_s") of the group's runs. Where a run has more rows than max_points,
// stretches of rows are averaged. Runs are joined by straight lines between their own points; at a point count those
// that reach it. Cells without a number are left out.
enum status curve_make(const struct run *records, size_t count, size_t group, const char *x, const char *y,
                       size_t max_points, struct curve *curve, struct error *error);
void curve_release(struct curve *curve);
#endif
