// The child's side of the channel: libcorsac_sim, and the program itself where it serves an isolated plugin.
#ifndef CORSAC_COMMON_ENV_CHANNEL_CHILD_H
#define CORSAC_COMMON_ENV_CHANNEL_CHILD_H

#include "common/env/channel.h"
#include <stdbool.h>

struct channel_child {
  struct channel *channel; // mapped, or NULL
  int file;
  bool host_is_seen; // its process number means the same here
  uint32_t number;   // of the request taken last
  bool answered;     // that one is
  struct channel_patience patience;
  void *state; // (capacity) mapped, or NULL
  uint64_t capacity;
  char why[CHANNEL_TEXT]; // the last failure
};

bool channel_child_wanted(void); // this process has been started as a child
// Finds, checks and claims the channel. 0, or negative: why says it.
int channel_child_open(struct channel_child *child);
// Publishes the spec, which answers the request OPEN.
int channel_child_publish(struct channel_child *child, const struct channel_spec *spec, const double *action_low,
                          const double *action_high);
// Waits for a request; enum channel_request, or negative: the host is gone, or what it asks makes no sense.
int channel_child_wait(struct channel_child *child);
void channel_child_answer(struct channel_child *child, const struct channel_answer *answer);
void channel_child_fail(struct channel_child *child, const char *why);
// The place of the state (channel->state_capacity), for a SAVE or LOAD under way. NULL: why says it.
void *channel_child_state(struct channel_child *child);
void channel_child_close(struct channel_child *child);
#endif
