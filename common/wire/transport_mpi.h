// Transport over MPI point-to-point. There are no collectives after start-up: MPI never reports a dead peer as an
// error, so nothing here may wait for one without a limit.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_MPI_H
#define CORSAC_COMMON_WIRE_TRANSPORT_MPI_H

#include "common/wire/transport.h"
#include <stdbool.h>

// Collective. Takes a duplicate of MPI_COMM_WORLD.
enum status transport_mpi_create(struct transport **transport, struct error *error);

// The same of another communicator, given by its Fortran handle (mpi.h stays out of here).
enum status transport_mpi_create_on(int comm, struct transport **transport, struct error *error);

// Tells each rank which others run on its cores: those that give the same number, for machine and cores.
// Collective, at the start.
enum status transport_mpi_share_cores(struct transport *transport, uint64_t own, struct error *error);

// Rank 0 also receives over another communicator (its Fortran handle, not owned). There ranks 1 + g k to (g + 1) k send
// for peer g + 1 of this transport, where k is `speakers`.
void transport_mpi_listen_aside(struct transport *transport, int comm, int speakers);

// Sends a message to the rank that listens there. Waits until it has left, at most `seconds`.
enum status transport_mpi_speak_aside(int comm, const void *bytes, size_t size, double seconds, struct error *error);

#endif
