// What a run's directory tells beside its configuration and its metrics: status.json, log.txt, the checkpoints.
#ifndef CORSAC_LAUNCH_RUNS_RUN_SUMMARY_H
#define CORSAC_LAUNCH_RUNS_RUN_SUMMARY_H

#include "launch/runs/run.h"
#include <stdint.h>

enum { RUN_SUMMARY_NOTES = 20, RUN_SUMMARY_CHECKPOINTS = 20, RUN_SUMMARY_TEXT = 512 };

struct run_summary_file { // a checkpoint
  char name[64], created[64], problem[RUN_SUMMARY_TEXT];
  uint64_t steps, bytes;
};

struct run_summary { // a text that the directory lacks is ""
  char state[32];    // run_state_name
  char reason[RUN_SUMMARY_TEXT], host[128], updated[64];
  uint64_t actors_lost, surplus, unsent, lost_at_most;
  char start[RUN_SUMMARY_TEXT]; // the newest "corsac 0.1.0: Pendulum-v1 (obs 3, act 1), ..." of the log
  uint64_t starts, resumes, warnings, errors;
  size_t notes;
  char note[RUN_SUMMARY_NOTES][RUN_SUMMARY_TEXT]; // the last warnings and errors, oldest first
  uint64_t checkpoints;                           // how many the directory holds
  size_t files;                                   // how many of them are listed: the newest, then best.h5
  struct run_summary_file file[RUN_SUMMARY_CHECKPOINTS];
  double env_failures;
  double last_evaluation, best_evaluation, best_steps; // NaN: none
};

// Leaves out what cannot be read. STATUS_IO where the directory itself cannot be read.
enum status run_summary_read(const struct run *run, struct run_summary *summary, struct error *error);
#endif
