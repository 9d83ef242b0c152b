// The runs that a command was given.
#ifndef CORSAC_LAUNCH_RUNS_RUN_SET_H
#define CORSAC_LAUNCH_RUNS_RUN_SET_H

#include "launch/runs/run.h"

enum { RUN_RECORDS_MAX = 256 };
struct run_records { // zero-initialised is empty
  struct run_record *record;
  size_t count, groups;
};
// Reads and groups them. Unless `empty` ones are wanted, a run without any row so far is left out with a warning, and
// it is an error where none has one.
enum status run_records_read(const char *command, const char *const *paths, size_t count, bool empty,
                             struct run_records *runs, struct error *error);
void run_records_release(struct run_records *runs);
#endif
