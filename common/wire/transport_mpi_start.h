// A process' first and last steps in MPI, and what the ranks agree on in between, before they exchange messages.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_MPI_START_H
#define CORSAC_COMMON_WIRE_TRANSPORT_MPI_START_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

bool mpi_is_launched(
    void); // this process was started by mpirun, srun or the like (decided by the environment, before MPI_Init)
// How long the ranks of a job may take to come together, in each part of start-up: CORSAC_START_SECONDS, 120 where that
// is not set.
double mpi_start_seconds(void);
// MPI_Init with one thread calling MPI, SIGPIPE ignored first, errors returned. Call before anything else that starts
// threads. A rank that dies in it is not told of by Open MPI: the process ends when mpi_start_seconds and
// LAUNCHER_SECONDS have passed, for who is not looked after by launcher_watch.
enum status mpi_start(int *argc, char ***argv, int *rank, int *size, struct error *error);
// Collective, at start-up, waiting with backoff. Every rank gives its version text; on every rank the first rank with
// another text than rank 0's is an error that names both (STATUS_MISMATCH).
enum status mpi_same_version(const char *version, double seconds, struct error *error);
// Collective, at start-up: rank 0's `size` bytes go to all; *bytes is owned by the caller (memory_free), NULL where
// size is 0. The status that rank 0 passes goes with it and is returned everywhere (with an empty message on the
// others: rank 0 says it).
enum status mpi_broadcast(enum status status, void **bytes, size_t *size, double seconds, struct error *error);
// The last thing: MPI_Finalize where every rank is believed to arrive (`together`), for FINALIZE_SECONDS or until a
// signal; else, or then, the process ends at once with `exit_code` and mpirun brings the others down.
enum { FINALIZE_SECONDS = 30 };
void mpi_stop(bool together, int exit_code);

#endif
