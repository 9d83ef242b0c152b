// The scripts that draw runs, for gnuplot.
#ifndef CORSAC_LAUNCH_RUNS_PLOT_SCRIPT_H
#define CORSAC_LAUNCH_RUNS_PLOT_SCRIPT_H

#include "launch/runs/run.h"
#include <stdbool.h>
#include <stdio.h>

struct plot_request {
  const struct run *records;
  size_t count, groups;
  const char *format; // png, svg or pdf
  bool time;          // against wall time; else steps
  bool sheet;         // a page of small panels; else learning curves
};
// What a person calls the group: its differences and its number of runs.
void plot_group_label(const struct plot_request *request, size_t group, char label[RUN_LABEL]);
enum status plot_script_write(const struct plot_request *request, FILE *script, struct error *error);
#endif
