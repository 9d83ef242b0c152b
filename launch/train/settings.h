// Settings that would have no effect, or another than expected: a job logs them when it starts. Advice names only
// options that this run may still change.
#ifndef CORSAC_LAUNCH_TRAIN_SETTINGS_H
#define CORSAC_LAUNCH_TRAIN_SETTINGS_H

#include "common/config/config.h"
#include "learner/job/rate_limiter.h"

#include <stddef.h>

struct settings {
  const struct config *config; // resolved
  const struct config *before; // without this start's own options
  const struct rate_limiter *limiter;
  uint64_t rows;   // in replay already
  uint32_t actors; // that have environments
  bool resumed;
};
enum { SETTINGS_DOUBTS = 24, SETTINGS_TEXT = 400 };

// Writes a text for each doubtful setting; returns their number.
size_t settings_doubts(const struct settings *settings, char text[SETTINGS_DOUBTS][SETTINGS_TEXT]);

// The steps at which the job ends. In sync mode env_steps is rounded up to whole rounds.
uint64_t settings_end(const struct config *config, uint64_t steps);

// Writes "a row of metrics.csv every 1000 steps, an evaluation of 10 episodes every 10000 steps, ...".
void settings_reports(const struct settings *settings, char text[SETTINGS_TEXT]);

#endif
