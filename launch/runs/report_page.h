// The page that `corsac report` writes, part by part.
#ifndef CORSAC_LAUNCH_RUNS_REPORT_PAGE_H
#define CORSAC_LAUNCH_RUNS_REPORT_PAGE_H

#include "launch/runs/run_set.h"
#include "launch/runs/run_summary.h"
#include <stdio.h>

// Writes the whole page: one run; or several, side by side and then one after the other.
enum status report_page_write(const struct run_set *runs, FILE *page, struct error *error);

// Makes the configuration that a run is compared with: the defaults, with the environment's preset over them.
enum status report_page_base(const struct config *config, struct config *base, bool *has_preset, struct error *error);
#endif
