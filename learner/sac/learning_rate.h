// How learning rates fall over a run. A rate is the first one times
//   constant   1
//   linear     1 - (1 - f) p
//   cosine     f + (1 - f) (1 + cos(pi p)) / 2
// where p in [0, 1] is the progress of the run and f the share of the rate at its end.
#ifndef CORSAC_LEARNER_SAC_LEARNING_RATE_H
#define CORSAC_LEARNER_SAC_LEARNING_RATE_H

#include "common/config/config.h"

struct learning_rate_schedule {
  enum { LEARNING_RATE_CONSTANT, LEARNING_RATE_LINEAR, LEARNING_RATE_COSINE } form;
  double final;
};

struct learning_rate_schedule learning_rate_schedule_of(const struct config *config);

// The share of the first rate at this progress. Its bits are the same everywhere.
double learning_rate_share(const struct learning_rate_schedule *schedule, double progress);
#endif
