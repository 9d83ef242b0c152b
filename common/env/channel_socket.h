// The program's side of a channel that is a socket (frame.h). It keeps a struct channel in its own memory, so that
// channel_child.c hands out action, seed and obs as it does with shared memory.
#ifndef CORSAC_COMMON_ENV_CHANNEL_SOCKET_H
#define CORSAC_COMMON_ENV_CHANNEL_SOCKET_H

#include "common/env/channel.h"
#include <stddef.h>

struct channel_socket {
  int file;
  struct channel *channel; // in this process's own memory, or NULL: it is not open
  uint32_t number;         // of the last request
  uint32_t request;        // enum channel_request: what has to be answered
  struct channel_patience patience;
  uint8_t *state; // (capacity) or NULL
  uint64_t capacity;
  int lost; // an answer could not be sent: what frame_send returned
};

// Connects to the address that CHANNEL_VARIABLE has, and shows the key. Returns 0, or a negative number with the reason
// in `why`, here and below.
int channel_socket_open(struct channel_socket *link, const char *address, char why[CHANNEL_TEXT]);

// Sends the spec of link->channel with its bounds, which answers OPEN.
void channel_socket_publish(struct channel_socket *link);

// Waits for a request and puts its payload into link->channel. Returns an enum channel_request.
int channel_socket_wait(struct channel_socket *link, char why[CHANNEL_TEXT]);

// Sends the answer to link->request. A connection that is lost fails the next channel_socket_wait.
void channel_socket_answer(struct channel_socket *link, const struct channel_answer *answer);

// The memory for a state (channel->state_capacity). NULL: there is not enough.
void *channel_socket_state(struct channel_socket *link, char why[CHANNEL_TEXT]);

// A link that is not open is fine.
void channel_socket_close(struct channel_socket *link);
#endif
