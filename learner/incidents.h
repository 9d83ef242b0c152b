// The environments' failures as the learner hears of them: counted for metrics.csv, and told to the user.
#ifndef CORSAC_LEARNER_INCIDENTS_H
#define CORSAC_LEARNER_INCIDENTS_H

#include "common/wire/codec.h"
#include "learner/metrics.h"

struct incidents {
  uint64_t number; // of this process
};
// An INCIDENT message. The first ones are told, then every power of two: a simulator that fails in every episode must
// not fill the log.
enum status incidents_take(struct incidents *incidents, const struct frame *frame, struct metrics *metrics,
                           struct error *error);
#endif
