// The named values of one episode, each summed up by its rule (enum corsac_info_rule in common/env/env.h): the mean
// over the steps, the last value, or the largest. A value that is not finite is as if it were not given.
#ifndef CORSAC_ACTOR_INFO_EPISODE_H
#define CORSAC_ACTOR_INFO_EPISODE_H

#include "common/wire/message.h"
#include <stdint.h>

struct info_episode {        // zero-initialised: no step yet
  uint64_t count[WIRE_INFO]; // values so far
  double number[WIRE_INFO];  // their sum, the last or the largest of them
};

// Adds the values of a step (dim), whose rules are given.
void info_episode_add(struct info_episode *episode, const uint8_t *rules, uint32_t dim, const double *values);

// What the episode has for value i: WIRE_NO_VALUE where none was given.
double info_episode_result(const struct info_episode *episode, const uint8_t *rules, uint32_t i);
#endif
