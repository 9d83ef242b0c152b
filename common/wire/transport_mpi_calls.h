// Calls of MPI and what they return.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_MPI_CALLS_H
#define CORSAC_COMMON_WIRE_TRANSPORT_MPI_CALLS_H

#include "common/base/status.h"
#include <mpi.h>

// STATUS_OK for MPI_SUCCESS; else an error "CALL: what MPI says".
enum status mpi_call_check(int code, const char *call, struct error *error);

// Waits with backoff for a collective of start-up, until clock_now() is `end`: STATUS_PEER then. MPI may still use its
// memory in that case, so the caller must not free that.
enum status mpi_call_wait_until(MPI_Request *request, double end, const char *what, struct error *error);

#endif
