// The charts of a report: learning curves, and small panels of what training measured.
#ifndef CORSAC_LAUNCH_RUNS_REPORT_CHARTS_H
#define CORSAC_LAUNCH_RUNS_REPORT_CHARTS_H

#include "launch/runs/run_set.h"
#include <stdio.h>

// Writes the groups' learning curves twice, for a wide window and for a narrow one; the page's style shows one of them.
enum status report_charts_returns(const struct run_set *runs, FILE *page, struct error *error);

// Writes the evaluations of each of the run's cases as one chart; of more than eight cases the first are drawn.
enum status report_charts_cases(const struct run_set *run, FILE *page, struct error *error);

// Writes one panel for each measure that a report shows.
enum status report_charts_panels(const struct run_set *runs, FILE *page, struct error *error);
#endif
