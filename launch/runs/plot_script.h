// The scripts by which gnuplot draws runs.
#ifndef CORSAC_LAUNCH_RUNS_PLOT_SCRIPT_H
#define CORSAC_LAUNCH_RUNS_PLOT_SCRIPT_H

#include "launch/runs/run_set.h"
#include <stdio.h>

struct plot_request {
  const struct run_set *runs;
  const char *format; // png, svg or pdf
  bool time;          // against wall time; else against steps
  bool sheet;         // a page of small panels; else learning curves
};
enum status plot_script_write(const struct plot_request *request, FILE *script, struct error *error);
#endif
