// The shared-memory weights of a node: an MPI shared window over its ranks. For transport_mpi.c.
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/transport_mpi_calls.h"
#include "common/wire/transport_mpi_impl.h"
#include "common/wire/transport_mpi_start.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

// Where Open MPI finds no room for a shared window it fails on the node's first rank alone, and the others wait for
// ever. So that rank looks for room first. A window is a file in this directory, whose pages Open MPI does not reserve.
static enum status find_room(size_t bytes, struct error *error) {
  const char *asked = getenv("OMPI_MCA_osc_sm_backing_directory"), *directory = asked ? asked : "/dev/shm";
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/corsac-XXXXXX", directory);
  const int file = mkstemp(path);
  if (file < 0) return error_set(error, STATUS_FAILED, "cannot write to %s: %s", directory, strerror(errno));
  unlink(path);
  const int code = posix_fallocate(file, 0, (off_t)(bytes + bytes / 8));
  close(file);
  if (code == 0) return STATUS_OK;
  return error_set(error, STATUS_FAILED, "%zu bytes of shared memory in %s: %s", bytes, directory, strerror(code));
}

static void warn_slower(const struct error *reason) {
  log_warn("weights go as messages also within the node, which takes longer: %s", reason->text);
}

// *node: the ranks that share memory with this one, itself among them; MPI_COMM_NULL where it does without (capacity
// 0). *capacity becomes that of the first of them. 0: this node has no shared weights, for instance because it has one
// rank.
static enum status find_node(struct transport_mpi *mpi, size_t *capacity, MPI_Comm *node, double end,
                             struct error *error) {
  int size = 1, index = 0;
  MPI_Request request;
  const int type = *capacity ? MPI_COMM_TYPE_SHARED : MPI_UNDEFINED;
  enum status status = mpi_call_check(MPI_Comm_split_type(mpi->comm, type, mpi->base.rank, MPI_INFO_NULL, node),
                                      "MPI_Comm_split_type", error);
  if (status || *node == MPI_COMM_NULL) return status;
  uint64_t *promised = memory_alloc(1, sizeof *promised, "the shared weights", error); // MPI may use it after a timeout
  if (!promised) return STATUS_MEMORY;
  status = mpi_call_check(MPI_Comm_set_errhandler(*node, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
  if (!status) status = mpi_call_check(MPI_Comm_size(*node, &size), "MPI_Comm_size", error);
  if (!status) status = mpi_call_check(MPI_Comm_rank(*node, &index), "MPI_Comm_rank", error);
  if (!status && index == 0 && size > 1) {
    struct error full = {0};
    *promised = *capacity;
    if (find_room(shared_weights_size(*capacity) + SHARED_WEIGHTS_ALIGNMENT, &full)) {
      warn_slower(&full);
      *promised = 0;
    }
  }
  if (!status) status = mpi_call_check(MPI_Ibcast(promised, 1, MPI_UINT64_T, 0, *node, &request), "MPI_Ibcast", error);
  if (!status) status = mpi_call_wait_until(&request, end, "sharing memory on the node", error);
  if (status) return status;
  *capacity = (size_t)*promised;
  memory_free(promised);
  return STATUS_OK;
}

// The window is never freed: that would be a collective. Its file has no name any more, so the memory goes with the
// last process.
static enum status share_window(struct transport_mpi *mpi, size_t capacity, MPI_Comm node, struct error *error) {
  MPI_Win window;
  char *base = NULL;
  int unit, index = 0;
  enum status status = mpi_call_check(MPI_Comm_rank(node, &index), "MPI_Comm_rank", error);
  if (status) return status;
  MPI_Aint bytes = index == 0 ? (MPI_Aint)(shared_weights_size(capacity) + SHARED_WEIGHTS_ALIGNMENT) : 0;
  status = mpi_call_check(MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, node, &base, &window),
                          "MPI_Win_allocate_shared", error);
  if (!status)
    status = mpi_call_check(MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler", error);
  if (!status)
    status = mpi_call_check(MPI_Win_shared_query(window, 0, &bytes, &unit, &base), "MPI_Win_shared_query", error);
  if (status) return status;

  // Pages are aligned, so this is the same offset in every process.
  base += (SHARED_WEIGHTS_ALIGNMENT - (uintptr_t)base % SHARED_WEIGHTS_ALIGNMENT) % SHARED_WEIGHTS_ALIGNMENT;
  shared_weights_attach(&mpi->base.shared, base, capacity);
  if (index == 0) shared_weights_clear(&mpi->base.shared);
  return STATUS_OK;
}

// The rank in the whole job of a node's first.
static enum status find_home(const struct transport_mpi *mpi, MPI_Comm node, int *home, struct error *error) {
  const int first = 0;
  MPI_Group of_node, of_all;
  enum status status = mpi_call_check(MPI_Comm_group(node, &of_node), "MPI_Comm_group", error);
  if (status) return status;
  status = mpi_call_check(MPI_Comm_group(mpi->comm, &of_all), "MPI_Comm_group", error);
  if (!status) {
    status =
        mpi_call_check(MPI_Group_translate_ranks(of_node, 1, &first, of_all, home), "MPI_Group_translate_ranks", error);
    const enum status freed = mpi_call_check(MPI_Group_free(&of_all), "MPI_Group_free", error);
    if (!status) status = freed;
  }
  const enum status freed = mpi_call_check(MPI_Group_free(&of_node), "MPI_Group_free", error);
  return status ? status : freed;
}

// Each rank tells all others the first rank of its node, if it sees that node's shared weights. A rank does without
// them if no other rank of its node sees them, or if the node's first rank does not.
static enum status share_views(struct transport_mpi *mpi, int home, double end, struct error *error) {
  const size_t size = (size_t)mpi->base.size;
  MPI_Request request;
  int *homes = memory_alloc(size + 1, sizeof *homes, "the shared weights", error); // MPI may use it after a timeout
  if (!homes) return STATUS_MEMORY;
  homes[size] = mpi->base.shared.memory ? home : -1;
  enum status status = mpi_call_check(MPI_Iallgather(homes + size, 1, MPI_INT, homes, 1, MPI_INT, mpi->comm, &request),
                                      "MPI_Iallgather", error);
  if (!status) status = mpi_call_wait_until(&request, end, "sharing memory on the node", error);
  if (status) return status;
  for (size_t r = 0; r < size; r++) {
    size_t seeing = 0;
    for (size_t other = 0; homes[r] >= 0 && other < size; other++) seeing += homes[other] == homes[r];
    mpi->shared_weights_home[r] = seeing >= 2 && homes[homes[r]] == homes[r] ? homes[r] : -1;
  }
  if (mpi->shared_weights_home[mpi->base.rank] < 0) mpi->base.shared.memory = NULL;
  mpi->base.shared_weights_home = mpi->shared_weights_home;
  memory_free(homes);
  return STATUS_OK;
}

enum status transport_mpi_node_open(struct transport *transport, size_t capacity, struct error *error) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  const double end = clock_now() + mpi_start_seconds();
  int home = -1;
  MPI_Comm node = MPI_COMM_NULL;
  struct error failed = {0};
  enum status status = find_node(mpi, &capacity, &node, end, error);
  if (!status && node != MPI_COMM_NULL) status = find_home(mpi, node, &home, error);
  if (status) return status;
  const bool shared = node != MPI_COMM_NULL && capacity > 0 && share_window(mpi, capacity, node, &failed) == STATUS_OK;
  status = share_views(mpi, home, end, error);
  if (failed.status && !shared && (mpi->base.rank == home || mpi->shared_weights_home[home] >= 0))
    warn_slower(&failed); // otherwise the node's first rank has warned
  return status;
}

enum status transport_mpi_share_cores(struct transport *transport, uint64_t own, struct error *error) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  const size_t size = (size_t)mpi->base.size;
  MPI_Request request;
  if (!mpi->cores) mpi->cores = memory_alloc(size + 1, sizeof *mpi->cores, "the cores of the ranks", error);
  if (!mpi->cores) return STATUS_MEMORY;
  mpi->cores[size] = own;
  enum status status = mpi_call_check(
      MPI_Iallgather(mpi->cores + size, 1, MPI_UINT64_T, mpi->cores, 1, MPI_UINT64_T, mpi->comm, &request),
      "MPI_Iallgather", error);
  if (!status)
    status = mpi_call_wait_until(&request, clock_now() + mpi_start_seconds(), "telling the others our cores", error);
  if (!status) mpi->base.cores = mpi->cores;
  return status;
}
