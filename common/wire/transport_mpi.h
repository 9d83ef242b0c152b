// Transport over MPI point-to-point. No collectives after start-up: a dead peer is never reported as an MPI error, so
// nothing here may wait for one without a limit.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_MPI_H
#define CORSAC_COMMON_WIRE_TRANSPORT_MPI_H

#include "common/wire/transport.h"
#include <stdbool.h>

// Takes a duplicate of MPI_COMM_WORLD (collective).
enum status transport_mpi_create(struct transport **transport, struct error *error);
// The same of another communicator, given by its Fortran handle (mpi.h stays out of here).
enum status transport_mpi_create_on(int comm, struct transport **transport, struct error *error);
// Rank 0 also takes what comes over another communicator (its Fortran handle), on which ranks 1 + g k to (g + 1) k
// speak for peer g + 1 of this transport; k: speakers. Not owned.
void transport_mpi_listen_aside(struct transport *transport, int comm, int speakers);
// A message to the rank that listens there. Waits until it has left, at most so long.
enum status transport_mpi_speak_aside(int comm, const void *bytes, size_t size, double seconds, struct error *error);

#endif
