// The runs that a command was given, in groups: runs that differ only in their seed, and in options of a single start,
// are drawn as one curve.
#ifndef CORSAC_LAUNCH_RUNS_RUN_SET_H
#define CORSAC_LAUNCH_RUNS_RUN_SET_H

#include "launch/runs/run.h"
#include <stdbool.h>

enum { RUN_SET_MAX = 256, RUN_LABEL = 256 };

struct run_set { // zero-initialised is empty
  struct run *run;
  size_t count, groups;
};

// Reads and groups the runs. Unless `empty` ones are wanted, a run that has no rows yet is left out with a warning; it
// is an error where none has a row.
enum status run_set_read(const char *command, const char *const *paths, size_t count, bool empty, struct run_set *runs,
                         struct error *error);
void run_set_release(struct run_set *runs);

// Gives every run its group and counts the groups, in the order of their first runs.
void run_set_group(struct run_set *runs);

// Says what sets this group apart from the others: "utd 2, hidden 64,64"; with one group, the environment.
void run_set_label(const struct run_set *runs, size_t group, char label[RUN_LABEL]);

// Returns how many runs a group has.
size_t run_set_size(const struct run_set *runs, size_t group);

// Whether a group has several runs, so that its curves have bands.
bool run_set_has_bands(const struct run_set *runs);
#endif
