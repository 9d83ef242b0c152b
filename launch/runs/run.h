// A finished or running run as its directory tells it, for those who look at runs without touching them.
#ifndef CORSAC_LAUNCH_RUNS_RUN_H
#define CORSAC_LAUNCH_RUNS_RUN_H

#include "common/config/options.h"
#include "launch/runs/metrics_table.h"
#include <stdbool.h>

enum { RUN_LABEL = 256 };

struct run {
  char path[4096];
  struct config config;
  struct metrics_table metrics;
  size_t group; // runs of one group differ in nothing but seed and what is of one start
};
// Fails where the directory is not there or is no run's: what is missing, and what would be right.
enum status run_read(const char *path, struct run *record, struct error *error);
void run_release(struct run *record);

// Gives every record its group, in the order of their first runs; returns the number of groups.
size_t run_group(struct run *records, size_t count);
// In words what is this group's own among the groups: "utd 2, hidden 64,64"; with one group, the environment.
void run_label(const struct run *records, size_t count, size_t group, char label[RUN_LABEL]);
#endif
