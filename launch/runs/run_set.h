// The runs that a command was given.
#ifndef CORSAC_LAUNCH_RUNS_RUN_SET_H
#define CORSAC_LAUNCH_RUNS_RUN_SET_H

#include "launch/runs/run.h"

enum { RUN_SET_MAX = 256 };
struct run_set { // zero-initialised is empty
  struct run *record;
  size_t count, groups;
};
// Reads and groups them. Unless `empty` ones are wanted, a run without any row so far is left out with a warning, and
// it is an error where none has one.
enum status run_set_read(const char *command, const char *const *paths, size_t count, bool empty, struct run_set *runs,
                         struct error *error);
void run_set_release(struct run_set *runs);
#endif
