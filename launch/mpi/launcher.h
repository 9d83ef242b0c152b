// Who started this process, as its environment variables say, in addition to what MPI says.
#ifndef CORSAC_LAUNCH_MPI_LAUNCHER_H
#define CORSAC_LAUNCH_MPI_LAUNCHER_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

struct launcher {
  const char *name;     // in words; NULL: nothing says that anybody started several processes
  const char *variable; // that tells how many
  const char *advice;   // what to type instead, where MPI does not hear of the others
  uint64_t tasks, task; // how many were started, and which of them this is
};
// From the environment, before MPI_Init: MPI sets some of these variables itself.
struct launcher launcher_find(void);
// size: of the world, as MPI sees it; 1 without MPI. STATUS_USAGE where several processes were started which MPI does
// not hold together: each would be a job of its own. The message says what to type.
enum status launcher_check(const struct launcher *launcher, int size, struct error *error);

// The kinds of MPI that srun can start processes for, as `srun --mpi=list` says them ("none pmi2 pmix"), "" where there
// is no srun, or none that answers within seconds.
void launcher_srun_kinds(char *text, size_t size);
#endif
