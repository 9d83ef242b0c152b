#include "launch/train/groups.h"

#include "launch/mpi/mpi_calls.h"
#include "launch/mpi/mpi_errors.h"

#include <mpi.h>

static enum status split(int color, int rank, MPI_Comm *comm, struct error *error) {
  enum status status = mpi_call_check(MPI_Comm_split(MPI_COMM_WORLD, color, rank, comm), "MPI_Comm_split", error);
  if (status != STATUS_OK || *comm == MPI_COMM_NULL) return status;
  return mpi_call_check(MPI_Comm_set_errhandler(*comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
}

enum status groups_split(uint64_t k, struct group_position *position, struct error *error) {
  int rank = 0;
  MPI_Comm front, group, environment = MPI_COMM_NULL, aside = MPI_COMM_NULL;
  enum status status = mpi_call_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank", error);
  const int number = rank == 0 ? -1 : (int)((uint64_t)(rank - 1) / k);
  position->follows = rank > 0 && (uint64_t)(rank - 1) % k > 0;
  if (status == STATUS_OK) status = split(position->follows ? MPI_UNDEFINED : 0, rank, &front, error);
  if (status == STATUS_OK) status = split(number < 0 ? MPI_UNDEFINED : number, rank, &group, error);
  if (status == STATUS_OK) status = split(0, rank, &aside, error);
  if (status == STATUS_OK && group != MPI_COMM_NULL)
    status = mpi_call_check(MPI_Comm_dup(group, &environment), "MPI_Comm_dup", error);
  if (status == STATUS_OK && group != MPI_COMM_NULL) status = mpi_errors_end_guest(environment, error);
  if (status != STATUS_OK) return status;
  position->front = front == MPI_COMM_NULL ? -1 : MPI_Comm_c2f(front);
  position->group = group == MPI_COMM_NULL ? -1 : MPI_Comm_c2f(group);
  position->aside = MPI_Comm_c2f(aside);
  position->peer = (uint32_t)(number + 1);
  position->environment = environment == MPI_COMM_NULL ? -1 : MPI_Comm_c2f(environment);
  return STATUS_OK;
}
