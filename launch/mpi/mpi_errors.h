// Errors in MPI calls of an environment. With MPI's default, MPI_ERRORS_ARE_FATAL, the job would end without a word
// about which environment it was.
#ifndef CORSAC_LAUNCH_MPI_MPI_ERRORS_H
#define CORSAC_LAUNCH_MPI_MPI_ERRORS_H

#include "common/base/status.h"
#include <mpi.h>

// An error on this communicator, or on one made from it, ends the environment whose call it was (actor/guest/guest.h).
// Our own calls return the error.
enum status mpi_errors_end_guest(MPI_Comm comm, struct error *error);
// The same for MPI_COMM_WORLD and MPI_COMM_SELF.
enum status mpi_errors_end_guests(struct error *error);

#endif
