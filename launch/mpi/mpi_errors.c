#include "launch/mpi/mpi_errors.h"

#include "actor/guest/guest.h"
#include "launch/mpi/mpi_calls.h"

#include <stdio.h>

static void take_error(MPI_Comm *comm, int *code, ...) {
  char text[MPI_MAX_ERROR_STRING] = "", how[MPI_MAX_ERROR_STRING + 64];
  int length = 0;
  (void)comm;
  if (!guest_is_at_work()) return; // the call returns the error
  if (MPI_Error_string(*code, text, &length) != MPI_SUCCESS) snprintf(text, sizeof text, "error %d", *code);
  snprintf(how, sizeof how, "a call of MPI failed: %s", text);
  guest_ends(how);
}

enum status mpi_errors_end_guest(MPI_Comm comm, struct error *error) {
  MPI_Errhandler handler;
  enum status status =
      mpi_call_check(MPI_Comm_create_errhandler(take_error, &handler), "MPI_Comm_create_errhandler", error);
  if (status == STATUS_OK)
    status = mpi_call_check(MPI_Comm_set_errhandler(comm, handler), "MPI_Comm_set_errhandler", error);
  if (status == STATUS_OK) status = mpi_call_check(MPI_Errhandler_free(&handler), "MPI_Errhandler_free", error);
  return status; // the communicator keeps it
}

enum status mpi_errors_end_guests(struct error *error) {
  const enum status status = mpi_errors_end_guest(MPI_COMM_WORLD, error);
  return status == STATUS_OK ? mpi_errors_end_guest(MPI_COMM_SELF, error) : status;
}
