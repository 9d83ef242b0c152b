// The environment variables by which an MPI launcher (mpirun, srun with PMI) tells a process which rank of its job it
// is. A program that calls MPI_Init with them joins that job.
#ifndef CORSAC_COMMON_BASE_LAUNCHER_VARIABLES_H
#define CORSAC_COMMON_BASE_LAUNCHER_VARIABLES_H

#include <stdbool.h>

// Whether `variable`, "NAME=VALUE", is one of them. OMPI_ALLOW_RUN_AS_ROOT* is none: people set it for all they start.
bool launcher_variable(const char *variable);
#endif
