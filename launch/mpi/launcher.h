// Who started this process, as its environment variables say, in addition to what MPI says.
#ifndef CORSAC_LAUNCH_MPI_LAUNCHER_H
#define CORSAC_LAUNCH_MPI_LAUNCHER_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

struct launcher {
  const char *name;     // NULL: nothing shows that several processes were started
  const char *variable; // the one that says how many
  const char *advice;   // what to type instead, where MPI does not connect them
  uint64_t tasks, task; // how many were started, and which of them this is
};

// Reads the environment variables. Call it before MPI_Init, since MPI sets some of them itself.
struct launcher launcher_find(void);

// size: the number of ranks that MPI sees, 1 without MPI. STATUS_USAGE where several processes were started that MPI
// does not connect: each would be a job of its own. The message says what to type.
enum status launcher_check(const struct launcher *launcher, int size, struct error *error);

// The kinds of MPI that srun can start processes for, as `srun --mpi=list` names them ("none pmi2 pmix"). "": there is
// no srun, or it does not answer within seconds.
void launcher_srun_kinds(char *text, size_t size);
#endif
