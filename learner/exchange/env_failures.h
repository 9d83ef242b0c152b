// The environments' failures that actors report, as the log tells of them.
#ifndef CORSAC_LEARNER_EXCHANGE_ENV_FAILURES_H
#define CORSAC_LEARNER_EXCHANGE_ENV_FAILURES_H

#include "common/wire/message.h"

struct env_failures {
  uint64_t number, warnings; // of this process
};

// Logs an ENV_FAILURE message. false: in_a_row is 0, a warning, which does not count as a failure. The log gets the
// first ones and then every power of two: a simulator that fails in every episode must not fill it.
bool env_failures_take(struct env_failures *env_failures, const struct message_env_failure *env_failure);
#endif
