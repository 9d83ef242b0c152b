// Between an actor and a child process of its environment runs a supervisor: this program, started again with a hidden
// subcommand. It starts the child in a session of its own, keeps the child's output, and reports how the child ended.
// When the actor closes its end of the socket, or dies in any way, the supervisor ends the child and all processes that
// the child has started. Their orphans become its children (PR_SET_CHILD_SUBREAPER), so none is left.
//
// Where CORSAC_CHANNEL is the address of a socket, the supervisor also starts the relay (relay.h) at that socket. The
// child then gets that address, and not the channel's memory.
#ifndef CORSAC_ACTOR_ENVS_SUPERVISOR_H
#define CORSAC_ACTOR_ENVS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

// The command line of a supervisor:
//
//   PROGRAM SUPERVISOR_COMMAND LOG THREADS DIRECTORY COPY_OF CORES exec COMMAND
//                                                                  argv PROGRAM ARGUMENTS...
//                                                                  plugin PATH ARGS INDEX EVALUATION
//
// LOG: the file for the child's output, or "" for stderr. THREADS: the child's OPENBLAS_NUM_THREADS, or "" for none.
// DIRECTORY: where the child runs, "" for here; first it becomes a copy of COPY_OF, unless that is "". CORES: those of
// the child, "0,1,5", or "" for all. COMMAND goes to /bin/sh -c; PROGRAM is looked up in PATH.
#define SUPERVISOR_COMMAND "__child"

// Descriptors that a supervisor has from the start, the last one only with a relay; bytes of supervisor_report.tail.
enum { SUPERVISOR_SOCKET = 3, SUPERVISOR_CHANNEL = 4, SUPERVISOR_LISTENER = 5, SUPERVISOR_TAIL = 320 };

// Why the supervisor has ended the child, if it was not the actor who wanted that.
enum supervisor_cause {
  SUPERVISOR_NO_CAUSE = 0,
  SUPERVISOR_ALONE, // the program said that it runs without corsac (CHANNEL_ALONE), and had not claimed the channel
  SUPERVISOR_LOST   // the relay has ended before the program
};

// The two reports that a supervisor sends, one packet each.
enum supervisor_news { SUPERVISOR_STARTED = 1, SUPERVISOR_ENDED };
struct supervisor_report {
  uint32_t news;
  int32_t group;  // the child's process group
  int32_t status; // of ENDED: as waitpid gave it
  uint32_t cause; // of ENDED: enum supervisor_cause

  // Of ENDED: the last lines of the child's output, with " | " between them; other bytes are as they were.
  char tail[SUPERVISOR_TAIL];
};

// Whether main() has been started as a supervisor; it asks this before anything else.
bool supervisor_wanted(int argc, char **argv);

// Returns the exit status.
int supervisor_main(int argc, char **argv);
#endif
