// The curve of a group of runs: mean and deviation over its runs, on a grid of its own.
#ifndef CORSAC_LAUNCH_RUNS_CURVE_H
#define CORSAC_LAUNCH_RUNS_CURVE_H

#include "launch/runs/run_set.h"

struct curve {                  // zero-initialised is empty
  size_t points, runs;          // runs: how many have at least one value
  double *x, *mean, *deviation; // (points); the deviation is over the runs, and 0 where there is one
};

// Makes the curve of column y against column x ("env_steps" or "time_s") over a group's runs. Where a run has more than
// max_points rows, stretches of rows are averaged. Straight lines join the points of a run; a point of the curve counts
// the runs that reach it. Cells without a number are left out.
enum status curve_make(const struct run_set *runs, size_t group, const char *x, const char *y, size_t max_points,
                       struct curve *curve, struct error *error);
void curve_release(struct curve *curve);
#endif
