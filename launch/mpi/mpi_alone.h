// MPI for an environment in a process that no mpirun started, or that takes no part in mpirun's job: a plugin that is
// linked with MPI then finds it started, and can compute on MPI_COMM_SELF. A plugin that called MPI_Init by itself
// under mpirun would wait for the other ranks for ever.
#ifndef CORSAC_LAUNCH_MPI_MPI_ALONE_H
#define CORSAC_LAUNCH_MPI_MPI_ALONE_H

#include "common/base/status.h"

// Starts MPI, unless it runs, as a job of this one process. For guest_set_mpi.
enum status mpi_alone_start(struct error *error);

// Ends what mpi_alone_start began. Does nothing else.
void mpi_alone_stop(void);

#endif
