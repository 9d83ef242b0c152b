// What a run shows while it runs: rows of metrics.csv, lines of the log or one live status line, status.json, and a
// fresh lock.
#ifndef CORSAC_LEARNER_REPORTER_H
#define CORSAC_LEARNER_REPORTER_H

#include "common/base/log_throttle.h"
#include "learner/exchange/actor_table.h"
#include "learner/job/job.h"
#include "learner/run/errands.h"
#include "learner/run/metrics_file.h"
#include "learner/run/run_directory.h"
#include "learner/run/status_line.h"
#include "learner/run/tensorboard.h"

// Nothing of it is written, but for the log, once another job has taken the directory over (run_directory_is_lost).
struct reporter {
  struct run_directory *run;                // not owned
  struct metrics_file *metrics_file;        // not owned
  struct tensorboard *tensorboard;          // not owned; NULL: none is wanted
  struct errands *errands;                  // not owned: writes all of these, so that a file system that hangs
                                            // silences nobody; NULL: they are written at once
  char checkpoint[64];                      // file name of the newest, "" for none
  double next_live, next_status, next_line; // clock_now() times
  double rate_time;                         // for speeds: since when, and the totals then
  uint64_t rate_steps, rate_updates;
  double steps_per_s, updates_per_s, last_return;
  bool has_return, said_learner_bound;
  uint32_t eval_cut; // episodes of the newest evaluation that did not end by themselves
  struct log_throttle lost_row, stale_status;
  double saved;               // clock_now() at which the newest checkpoint began, or the process
  struct status_line line;    // trend and lag; the rest is filled in as it is drawn
  struct metrics_times times; // since the last row; the learner adds to them
};

void reporter_init(struct reporter *reporter, const struct job *job, struct run_directory *run,
                   struct metrics_file *metrics_file);

// Writes a row of metrics.csv and, where there is no live line, a line of the log, at most one a second. A row that
// cannot be written is a warning: a full disk is no reason to stop.
void reporter_row(struct reporter *reporter, struct job *job, const struct actor_table *table);

// Renews the live status line, status.json and the lock, each at its own interval. Cheap; called every turn.
void reporter_poll(struct reporter *reporter, const struct job *job, const struct actor_table *table);

// Renews the time in status.json and the lock, where they are old.
void reporter_refresh(struct reporter *reporter);

// Writes status.json now; exit_code -1: the job runs. A failure to write is a warning.
void reporter_status(struct reporter *reporter, const struct job *job, const struct actor_table *table,
                     const char *state, int exit_code, const char *reason);
#endif
