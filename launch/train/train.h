// A whole training run inside a program that has started MPI, or has none.
#ifndef CORSAC_LAUNCH_TRAIN_TRAIN_H
#define CORSAC_LAUNCH_TRAIN_TRAIN_H

#include "launch/train/roles.h"

// Does what `corsac train` does with these arguments on rank `rank` of `size` (1: in one process). Only rank 0's
// arguments count. watch: of launcher_watch_begin, or -1. last: the process ends after it (see exit_bound).
struct role_result train_job(int argc, char **argv, int rank, int size, int watch, bool last,
                             const volatile sig_atomic_t *stop);

#endif
