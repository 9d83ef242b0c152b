// The charts of a report: learning curves, and small panels of what training measured.
#ifndef CORSAC_LAUNCH_RUNS_REPORT_CHARTS_H
#define CORSAC_LAUNCH_RUNS_REPORT_CHARTS_H

#include "launch/runs/run.h"
#include <stdio.h>

// Groups' learning curves: large, and once more for a narrow window.
enum status report_charts_returns(const struct run *records, size_t count, size_t groups, FILE *page,
                                  struct error *error);
enum status report_charts_panels(const struct run *records, size_t count, size_t groups, FILE *page,
                                 struct error *error);
#endif
