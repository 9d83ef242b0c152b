#include "launch/mpi/mpi_calls.h"

#include "common/base/clock.h"

enum status mpi_call_await(MPI_Request *request, const char *what, struct error *error) {
  struct backoff backoff = {0};
  for (;;) {
    int done = 0;
    const enum status status = mpi_call_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what, error);
    if (status != STATUS_OK || done) return status;
    backoff_wait(&backoff);
  }
}

enum status mpi_call_meet(struct error *error) {
  MPI_Request request;
  const enum status status = mpi_call_check(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier", error);
  return status == STATUS_OK ? mpi_call_await(&request, "MPI_Ibarrier", error) : status;
}
