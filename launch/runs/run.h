// A run as its directory tells it: its configuration and its metrics. Reading never changes the directory.
#ifndef CORSAC_LAUNCH_RUNS_RUN_H
#define CORSAC_LAUNCH_RUNS_RUN_H

#include "common/base/file.h"
#include "common/config/options.h"
#include "launch/runs/metrics_table.h"

struct run {
  char path[FILE_PATH];
  struct config config;
  struct metrics_table metrics;
  size_t group; // runs of one group differ only in their seed and in options of a single start (run_set.h)
};

// Fails where the directory is missing or is no run's; the error says what is missing and what would be right.
enum status run_read(const char *path, struct run *run, struct error *error);
void run_release(struct run *run);
#endif
