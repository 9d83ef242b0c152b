// The cores that the learner may run on, and what limits them.
#ifndef CORSAC_LAUNCH_TRAIN_AFFINITY_H
#define CORSAC_LAUNCH_TRAIN_AFFINITY_H

#include <stdbool.h>
#include <stdint.h>

// The number of cores that this process may use; 1 where the system does not tell.
int affinity_cores(void);

// The same for its parent, which may be mpirun.
int affinity_launchers_cores(void);

// A number for this machine and the cores that this process may use: equal in processes that share them.
uint64_t affinity_id(void);

// Warns where `threads` threads have fewer cores, and says what helps: another binding of mpirun, or fewer threads.
// ranks: of this mpirun's job, 1 in one process. fixed: the number of threads can no longer change.
void affinity_check(uint64_t threads, uint32_t ranks, bool fixed);

#endif
