// Between an actor and a child process of its environment stands a supervisor: this program, started anew in a hidden
// subcommand. It starts the child in a session of its own, keeps what that writes, and tells how it ended. When the
// actor closes its end of the socket, or dies, however that may be, it ends the child and everything the child has
// started: their orphans come to it (PR_SET_CHILD_SUBREAPER), so that none is left.
#ifndef CORSAC_ACTOR_ENVS_SUPERVISOR_H
#define CORSAC_ACTOR_ENVS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

// argv of a supervisor, from the program's name on:
//   PROGRAM SUPERVISOR_COMMAND LOG THREADS exec COMMAND                     /bin/sh -c COMMAND, or -c "exec COMMAND"
//                                          argv PROGRAM ARGUMENTS...        as they are, looked up in PATH
//                                          plugin PATH ARGS INDEX EVALUATION
// LOG: the file that gets what the child writes, or "" for stderr. THREADS: the child's OPENBLAS_NUM_THREADS, or "".
#define SUPERVISOR_COMMAND "__child"
enum { SUPERVISOR_SOCKET = 3, SUPERVISOR_CHANNEL = 4, SUPERVISOR_TAIL = 320 };

// What a supervisor says, one packet each: first STARTED, last ENDED.
enum supervisor_news { SUPERVISOR_STARTED = 1, SUPERVISOR_ENDED };
struct supervisor_report {
  uint32_t news;
  int32_t group;  // the child's process group
  int32_t status; // of ENDED: as waitpid gave it
  char
      tail[SUPERVISOR_TAIL]; // of ENDED: the last lines that it wrote, with " | " between them; other bytes as they are
};

// What main() asks first of all.
bool supervisor_wanted(int argc, char **argv);
int supervisor_main(int argc, char **argv); // returns the exit status
#endif
