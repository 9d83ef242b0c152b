// A process' first and last steps in MPI, and what the ranks agree on in between, before they exchange messages.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_MPI_START_H
#define CORSAC_COMMON_WIRE_TRANSPORT_MPI_START_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>

// Whether mpirun, srun or the like started this process. The environment tells, before MPI_Init.
bool mpi_is_launched(void);

// How long the ranks of a job may take to come together, in each part of start-up: CORSAC_START_SECONDS, or 120 where
// that is not set.
double mpi_start_seconds(void);

// MPI_Init, for one thread that calls MPI; ignores SIGPIPE first; MPI returns errors from then on. Call it before
// anything else that starts threads. Open MPI tells nobody of a rank that dies in MPI_Init. launcher_watch looks after
// rank 0 under mpirun; any other process ends when mpi_start_seconds and LAUNCHER_SECONDS have passed.
enum status mpi_start(int *argc, char ***argv, int *rank, int *size, struct error *error);

// Collective, at start-up, waits with backoff. Every rank gives its version's text. STATUS_MISMATCH on every rank where
// one has another text than rank 0; the message names both.
enum status mpi_same_version(const char *version, double seconds, struct error *error);

// Collective, at start-up. Rank 0's `size` bytes go to all. The caller owns *bytes (memory_free), which is NULL where
// size is 0. The status that rank 0 passes goes with them and is returned everywhere; on other ranks its message is
// empty, since rank 0 says it.
enum status mpi_broadcast(enum status status, void **bytes, size_t *size, double seconds, struct error *error);

// The last call. together: every rank is believed to arrive, and may take `patience` s for it, so this one calls
// MPI_Finalize, for FINALIZE_SECONDS more or until a signal. Otherwise, or then, the process ends at once with
// `exit_code`, and mpirun ends the others.
enum { FINALIZE_SECONDS = 30 };
void mpi_stop(bool together, int exit_code, unsigned patience);

#endif
