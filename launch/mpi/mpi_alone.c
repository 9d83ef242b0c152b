#include "launch/mpi/mpi_alone.h"

#include "common/base/guest_files.h"
#include "common/base/launcher_variables.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/mpi/mpi_calls.h"
#include "launch/mpi/mpi_errors.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

// With the launcher's variables MPI_Init would join mpirun's job, whose other ranks may have left.
static enum status forget_launcher(struct error *error) {
  for (char **at = environ; *at;) {
    char name[256];
    const size_t length = strcspn(*at, "=");
    if (!launcher_variable(*at) || length >= sizeof name) {
      at++;
      continue;
    }
    snprintf(name, sizeof name, "%.*s", (int)length, *at);
    if (unsetenv(name) != 0) return error_set(error, STATUS_FAILED, "cannot unset %s", name);
    at = environ; // unsetenv has moved the others
  }
  return STATUS_OK;
}

enum status mpi_alone_start(struct error *error) {
  int runs = 0, rank, size;
  enum status status = mpi_call_check(MPI_Initialized(&runs), "MPI_Initialized", error);
  if (status != STATUS_OK || runs) return status;
  if (mpi_is_launched()) status = forget_launcher(error);
  if (status == STATUS_OK) status = mpi_start(NULL, NULL, &rank, &size, error);
  return status == STATUS_OK ? mpi_errors_end_guests(error) : status;
}

// A process that mpirun started, and that has kept its place in the job, has ended MPI in mpi_stop, or may not.
void mpi_alone_stop(void) {
  struct error ignored = {0};
  int runs = 0, has_ended = 0;
  if (mpi_is_launched() || MPI_Initialized(&runs) != MPI_SUCCESS || !runs) return;
  if (MPI_Finalized(&has_ended) != MPI_SUCCESS || has_ended || !guest_files_have_libraries()) return;
  mpi_call_check(MPI_Finalize(), "MPI_Finalize", &ignored);
}
