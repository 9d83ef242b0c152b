// Settings that would do nothing, or something else than they say: told when a job starts. What is advised for one is
// what its option's rule allows, in a new run as in a resumed one.
#ifndef CORSAC_LAUNCH_TRAIN_SETTINGS_H
#define CORSAC_LAUNCH_TRAIN_SETTINGS_H

#include "common/config/config.h"
#include "learner/job/rate_limiter.h"

#include <stddef.h>

struct settings {
  const struct config *config; // resolved
  const struct config *before; // what stood before this start's own options
  const struct rate_limiter *limiter;
  uint64_t rows;   // that replay holds already
  uint32_t actors; // that have something to do
  bool resumed;
};
enum { SETTINGS_DOUBTS = 24, SETTINGS_TEXT = 400 };
// One text for each; returns their number.
size_t settings_doubts(const struct settings *settings, char text[SETTINGS_DOUBTS][SETTINGS_TEXT]);
// The total of steps that the job ends with: in sync env_steps rounds up to a round.
uint64_t settings_end(const struct config *config, uint64_t steps);
// "a row of metrics.csv every 1000 steps, an evaluation of 10 episodes every 10000, ...", where one comes at the end
// only too.
void settings_reports(const struct settings *settings, char text[SETTINGS_TEXT]);

#endif
