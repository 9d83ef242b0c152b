// The cores that the learner may run on, and who says so.
#ifndef CORSAC_LAUNCH_TRAIN_AFFINITY_H
#define CORSAC_LAUNCH_TRAIN_AFFINITY_H

#include <stdbool.h>
#include <stdint.h>

int affinity_cores(void);           // that this process may use; 1 where that cannot be asked
int affinity_launchers_cores(void); // that its parent may use, mpirun where it is that
// Warns where `threads` threads have fewer cores, with what mends it: mpirun's binding, or the number of threads.
// ranks: of this mpirun's job, 1 in one process. fixed: the number of threads may not change any more.
void affinity_check(uint64_t threads, uint32_t ranks, bool fixed);

#endif
