#include "common/wire/transport_mpi_start.h"
#include "common/base/clock.h"
#include "common/base/exit_bound.h"
#include "common/base/guest_files.h"
#include "common/base/memory.h"
#include "common/wire/launcher_watch.h"
#include "common/wire/message.h"
#include "common/wire/transport_mpi_calls.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION_TEXT = 64 };

bool mpi_is_launched(void) {
  // Not SLURM_*: a shell inside a Slurm allocation has those, and a program started there is one process.
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value && *value) return true;
  }
  return false;
}

double mpi_start_seconds(void) {
  const char *text = getenv("CORSAC_START_SECONDS");
  char *end;
  const double seconds = text ? strtod(text, &end) : 0;
  return seconds >= 1 && seconds <= 1e6 && !*end ? seconds : 120;
}

enum status mpi_start(int *argc, char ***argv, int *rank, int *size, struct error *error) {
  // Open MPI keeps the disposition that it finds. Without this a process dies that has a TCP send under way to a rank
  // that dies.
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return error_set(error, STATUS_FAILED, "cannot ignore SIGPIPE");
  int provided = MPI_THREAD_SINGLE;

  // The bound ends mpirun, too, which by itself might end as if all were well.
  exit_bound_for("MPI_Init", (unsigned)mpi_start_seconds() + LAUNCHER_SECONDS, launcher_process());
  enum status status =
      mpi_call_check(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread", error);
  exit_bound_over();
  if (status) return status;
  guest_files_begin_mpi();
  if (provided < MPI_THREAD_FUNNELED) {
    return error_set(error, STATUS_FAILED, "this MPI does not allow programs with threads (MPI_THREAD_FUNNELED)");
  }
  status = mpi_call_check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
  if (!status) status = mpi_call_check(MPI_Comm_rank(MPI_COMM_WORLD, rank), "MPI_Comm_rank", error);
  if (!status) status = mpi_call_check(MPI_Comm_size(MPI_COMM_WORLD, size), "MPI_Comm_size", error);
  return status;
}

void mpi_stop(bool together, int exit_code, unsigned patience) {
  fflush(NULL);
  if (together && guest_files_have_libraries()) { // otherwise MPI_Finalize may wait on what a guest has closed
    struct error error = {0};
    // MPI_Finalize frees shared windows, which waits for every rank of the node: for ever, where one has died unseen.
    exit_bound(exit_code, patience + FINALIZE_SECONDS);
    const enum status status = mpi_call_check(MPI_Finalize(), "MPI_Finalize", &error);
    exit_bound(exit_code, EXIT_SECONDS);
    if (!status) return;
    fprintf(stderr, "corsac: %s\n", error.text);
  }
  _exit(exit_code);
}

enum status mpi_same_version(const char *version, double seconds, struct error *error) {
  double end = clock_now() + seconds;
  int size = 0;
  MPI_Request request;
  enum status status = mpi_call_check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size", error);
  if (status) return status;

  // Texts of a fixed size, so that programs of different versions understand each other here. [0]: this rank's, then
  // everybody's.
  char(*texts)[VERSION_TEXT] = memory_alloc((size_t)size + 1, sizeof *texts, "the ranks' versions", error);
  if (!texts) return STATUS_MEMORY;
  snprintf(texts[0], VERSION_TEXT, "%s", version);
  status = mpi_call_check(
      MPI_Iallgather(texts[0], VERSION_TEXT, MPI_CHAR, texts[1], VERSION_TEXT, MPI_CHAR, MPI_COMM_WORLD, &request),
      "MPI_Iallgather", error);
  if (!status) status = mpi_call_wait_until(&request, end, "comparing the ranks' versions", error);
  if (status) return status; // MPI may still use the texts

  for (int rank = 1; rank < size && !status; rank++) {
    char *first = texts[1], *other = texts[1 + rank];
    first[VERSION_TEXT - 1] = other[VERSION_TEXT - 1] = 0;
    if (strcmp(first, other) != 0) {
      status =
          error_set(error, STATUS_MISMATCH,
                    "rank 0 runs corsac %s, rank %d runs %s: every rank must run the same program", first, rank, other);
    }
  }
  memory_free(texts);
  return status;
}

enum status mpi_broadcast(enum status status, void **bytes, size_t *size, double seconds, struct error *error) {
  static const char what[] = "sharing the job's configuration";
  double end = clock_now() + seconds;
  int rank = 0;
  MPI_Request request;
  enum status failed = mpi_call_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank", error);
  if (failed) return failed;
  if (rank == 0 && !status && *size > WIRE_MAX_MESSAGE) {
    status = error_set(error, STATUS_FAILED, "%s: %zu bytes, at most %zu", what, *size, WIRE_MAX_MESSAGE);
  }
  uint64_t *head = memory_alloc(2, sizeof *head, what, error); // on the heap: after a timeout MPI may still use it
  if (!head) return STATUS_MEMORY;
  head[0] = (uint64_t)status;
  head[1] = status ? 0 : (uint64_t)*size;
  failed = mpi_call_check(MPI_Ibcast(head, 2, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request), "MPI_Ibcast", error);
  if (!failed) failed = mpi_call_wait_until(&request, end, what, error);
  if (failed) return failed;
  status = (enum status)head[0];
  size_t length = (size_t)head[1];
  memory_free(head);
  if (rank != 0) {
    *bytes = NULL;
    *size = 0;
    if (status) return error_set(error, status, "%s", ""); // rank 0 says it
  }
  if (status || length == 0) return status;
  void *data = rank == 0 ? *bytes : memory_alloc(length, 1, what, error);
  if (!data) return STATUS_MEMORY;
  status = mpi_call_check(MPI_Ibcast(data, (int)length, MPI_BYTE, 0, MPI_COMM_WORLD, &request), "MPI_Ibcast", error);
  if (!status) status = mpi_call_wait_until(&request, end, what, error);
  if (rank == 0) {
    if (status) *bytes = NULL, *size = 0; // MPI may still use the data
    return status;
  }
  if (status) return status;
  *bytes = data;
  *size = length;
  return STATUS_OK;
}
