// A whole training run inside a program that has started MPI, or has none.
#ifndef CORSAC_LAUNCH_TRAIN_TRAIN_H
#define CORSAC_LAUNCH_TRAIN_TRAIN_H

#include "launch/train/ranks.h"
#include "launch/train/roles.h"

// Does what `corsac train` does with these arguments on rank ranks->rank of ranks->size (1: in one process). Only rank
// 0's arguments count. last: the process ends after it (see exit_bound).
struct role_result train_job(int argc, char **argv, struct ranks *ranks, bool last, const volatile sig_atomic_t *stop);

#endif
