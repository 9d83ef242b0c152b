#include "common/wire/transport_mpi_calls.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include <stdbool.h>
#include <stdio.h>

enum status mpi_call_check(int code, const char *call, struct error *error) {
  if (code == MPI_SUCCESS) return STATUS_OK;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) snprintf(text, sizeof text, "error %d", code);
  return error_set(error, STATUS_FAILED, "%s: %s", call, text);
}

enum status mpi_call_wait_until(MPI_Request *request, double end, const char *what, struct error *error) {
  static const double SILENT_SECONDS = 30;
  const double began = clock_now();
  struct backoff backoff = {0};
  int rank = 0;
  bool said = false;
  const enum status known = mpi_call_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank", error);
  if (known) return known;
  for (;;) {
    int done = 0;
    if (rank == 0 && !said && clock_now() - began > SILENT_SECONDS) {
      said = true;
      log_info("%s: waiting for the other ranks, %.0f s more at most", what, end - clock_now());
    }
    enum status status = mpi_call_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), "MPI_Test", error);
    if (status || done) return status;
    if (clock_now() >= end) return error_set(error, STATUS_PEER, "%s: not every rank took part in time", what);
    backoff_wait(&backoff);
  }
}
