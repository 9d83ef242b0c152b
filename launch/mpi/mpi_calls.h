// MPI calls of the program's own, outside of the transport. mpi_call_check comes with this header.
#ifndef CORSAC_LAUNCH_MPI_MPI_CALLS_H
#define CORSAC_LAUNCH_MPI_MPI_CALLS_H

#include "common/wire/transport_mpi_calls.h"

// Waits for the request, however long that takes, and sleeps meanwhile so that other ranks have the core.
enum status mpi_call_await(MPI_Request *request, const char *what, struct error *error);

// Collective over all ranks: a rank returns only after every rank has called it.
enum status mpi_call_meet(struct error *error);
#endif
