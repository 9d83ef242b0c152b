#include "launch/bench/bench_mpi.h"

#include "common/base/clock.h"

enum status bench_mpi_check(int code, const char *what, struct error *error) {
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  if (code == MPI_SUCCESS) return STATUS_OK;
  (void)MPI_Error_string(code, text, &length);
  return error_set(error, STATUS_FAILED, "%s: %s", what, text);
}

enum status bench_mpi_await(MPI_Request *request, const char *what, struct error *error) {
  struct backoff backoff = {0};
  for (;;) {
    int done = 0;
    const enum status status = bench_mpi_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what, error);
    if (status != STATUS_OK || done) return status;
    backoff_wait(&backoff);
  }
}

enum status bench_mpi_meet(const struct bench *bench, struct error *error) {
  MPI_Request request;
  if (bench->size == 1) return STATUS_OK;
  const enum status status = bench_mpi_check(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier", error);
  return status == STATUS_OK ? bench_mpi_await(&request, "MPI_Ibarrier", error) : status;
}
