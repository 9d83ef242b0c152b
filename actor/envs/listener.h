// The socket at which a program outside of the process tree is awaited: in a container, on another host. The actor
// makes it before the program starts; the relay takes the connection (actor/envs/relay.h). common/env/frame.h has the
// protocol.
#ifndef CORSAC_ACTOR_ENVS_LISTENER_H
#define CORSAC_ACTOR_ENVS_LISTENER_H

#include "common/env/frame.h"
#include <stdbool.h>
#include <stddef.h>

struct listener {
  int file;                  // or -1
  char path[FRAME_PATH];     // of the socket, in a directory of its own; "": it is none of the file system
  char value[FRAME_ADDRESS]; // of CHANNEL_VARIABLE, with a new key; "": there is no listener
};

// kind: "unix" or "tcp". host, for tcp: an address of this host, or the name of a network interface. The program is
// told this address; for 0.0.0.0 and :: it is told this host's name. Looks up no names, so it does not wait. false:
// `why` says what failed, and nothing is left to be closed.
bool listener_open(struct listener *listener, const char *kind, const char *host, char *why, size_t size);

// Closes the socket; its file stays.
void listener_close(struct listener *listener);

// Removes the socket's file with its directory, if there are any. May be called twice, and by several processes.
void listener_remove(const char *path);

// Waits, without an end, for a program that shows the key, and welcomes it. Connections without the key are closed:
// after LISTENER_SECONDS, when LISTENER_OPEN newer ones have come, or at once where the key is wrong; each is told on
// stderr. Returns the connected socket. LISTENER_TIRED: LISTENER_MOST of them have come. LISTENER_VERSION: the program
// with the key speaks *version, which is not FRAME_VERSION.
enum { LISTENER_SECONDS = 5, LISTENER_OPEN = 8, LISTENER_MOST = 1000 };
enum { LISTENER_TIRED = -1, LISTENER_VERSION = -2 };
int listener_accept(int file, const char *key, uint32_t *version);
#endif
