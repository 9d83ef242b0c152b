// The relay of a program that shares no memory with the actor. It is a process below the supervisor, beside the
// program: for the actor it is the child at the other end of the channel, for the program it is corsac at the other end
// of a socket (common/env/frame.h). So the actor never waits for a network, and trusts a remote program no more than a
// local one.
//
// The states
//
//   AWAITING  it listens; the channel is not claimed
//             a program shows the key: it is RELAYING, and nobody can connect any more
//   RELAYING  each request of the actor goes to the program, and its answer to the actor
//             CLOSE: it is CLOSING. The connection ends, or the program breaks the protocol: it is LOST
//   CLOSING   the program may take its time; the relay ends when the connection does
//   LOST      the relay ends. The supervisor reports that, where the program does not end, too
//
// Invariants
//
//   R1. No length of a frame is believed: what is read is as long as the spec and the request say, or it is refused.
//   R2. What comes from the program goes into the channel before the answer does, and the actor checks it there.
//   R3. The relay ends with the supervisor, and the supervisor ends it.
#ifndef CORSAC_ACTOR_ENVS_RELAY_H
#define CORSAC_ACTOR_ENVS_RELAY_H

enum { RELAY_CLOSED = 0, RELAY_LOST = 3 }; // its exit status

// The body of the relay's process. listener: a socket of listener_open. value: that of CHANNEL_VARIABLE. channel: the
// descriptor of the memory. Words for the user go to stderr. Returns its exit status.
int relay(int listener, const char *value, int channel);
#endif
