// The environments' failures as the learner hears of them: counted for metrics.csv, and told to the user.
#ifndef CORSAC_LEARNER_EXCHANGE_ENV_FAILURES_H
#define CORSAC_LEARNER_EXCHANGE_ENV_FAILURES_H

#include "common/wire/message.h"
#include "learner/job/metrics.h"

struct env_failures {
  uint64_t number, warnings; // of this process
};
// An ENV_FAILURE message (in_a_row 0: a warning, which is told and not counted as a failure). The first ones are told,
// then every power of two: a simulator that fails in every episode must not fill the log.
void env_failures_take(struct env_failures *env_failures, const struct message_env_failure *env_failure,
                       struct metrics *metrics);
#endif
