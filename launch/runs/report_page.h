// The parts of a report, in the order in which they stand on the page.
#ifndef CORSAC_LAUNCH_RUNS_REPORT_PAGE_H
#define CORSAC_LAUNCH_RUNS_REPORT_PAGE_H

#include "launch/runs/run_summary.h"
#include "launch/runs/run_set.h"

// The whole page: one run, or several side by side and then one after the other.
enum status report_page_write(const struct run_set *runs, FILE *page, struct error *error);
// The configuration that the environment's preset makes of the defaults; *has_preset: there is one.
enum status report_page_base(const struct config *config, struct config *base, bool *has_preset, struct error *error);
#endif
