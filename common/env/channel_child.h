// The child's side of the channel, for libcorsac_sim and for the program itself where it runs an isolated plugin.
#ifndef CORSAC_COMMON_ENV_CHANNEL_CHILD_H
#define CORSAC_COMMON_ENV_CHANNEL_CHILD_H

#include "common/env/channel.h"
#include "common/env/channel_socket.h"
#include <stdbool.h>

struct channel_child {
  struct channel *channel; // mapped, or that of the socket, or NULL
  int file;
  struct channel_socket socket; // instead of shared memory, if it is open
  bool host_is_seen;            // the host's process number is valid in this pid namespace
  uint32_t number;              // of the last request that was taken
  bool answered;                // it has been answered
  struct channel_patience patience;
  void *state; // (capacity) mapped, or NULL
  uint64_t capacity;
  char why[CHANNEL_TEXT]; // the last failure
};

// Whether this process has been started as a child.
bool channel_child_wanted(void);

// Finds, checks and claims the channel. Returns 0, or a negative number with the reason in `why`.
int channel_child_open(struct channel_child *child);

// Publishes the spec, which answers the request OPEN.
int channel_child_publish(struct channel_child *child, const struct channel_spec *spec, const double *action_low,
                          const double *action_high);

// Waits for a request. Returns an enum channel_request, or a negative number where the host has ended or its request is
// invalid.
int channel_child_wait(struct channel_child *child);

void channel_child_answer(struct channel_child *child, const struct channel_answer *answer);
void channel_child_fail(struct channel_child *child, const char *why);

// The memory of the state (channel->state_capacity), during a SAVE or LOAD. NULL on failure, with the reason in `why`.
void *channel_child_state(struct channel_child *child);

void channel_child_close(struct channel_child *child);
#endif
