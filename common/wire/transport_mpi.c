#include "common/wire/transport_mpi.h"
#include "common/base/clock.h"
#include "common/base/exit_bound.h"
#include "common/base/guest_files.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/block_pool.h"
#include "common/wire/launcher_watch.h"
#include "common/wire/message.h"
#include "common/wire/transport_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TAG = 1, VERSION_TEXT = 64 };

// STATUS_OK for MPI_SUCCESS; else the message "MPI_X: what MPI says".
static enum status mpi_check(int code, const char *call, struct error *error) {
  if (code == MPI_SUCCESS) return STATUS_OK;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) snprintf(text, sizeof text, "error %d", code);
  return error_set(error, STATUS_FAILED, "%s: %s", call, text);
}

// ---- start and stop

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
  // Open MPI keeps a disposition that it finds. Without this a process with a TCP send in flight to a dying rank dies
  // with it.
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return error_set(error, STATUS_FAILED, "cannot ignore SIGPIPE");
  int provided = MPI_THREAD_SINGLE;
  // By itself mpirun might say that all is well.
  exit_bound_for("MPI_Init", (unsigned)mpi_start_seconds() + LAUNCHER_SECONDS, launcher_process());
  enum status status = mpi_check(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread", error);
  exit_bound_over();
  if (status) return status;
  guest_files_begin_mpi();
  if (provided < MPI_THREAD_FUNNELED) {
    return error_set(error, STATUS_FAILED, "this MPI does not allow programs with threads (MPI_THREAD_FUNNELED)");
  }
  status = mpi_check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
  if (!status) status = mpi_check(MPI_Comm_rank(MPI_COMM_WORLD, rank), "MPI_Comm_rank", error);
  if (!status) status = mpi_check(MPI_Comm_size(MPI_COMM_WORLD, size), "MPI_Comm_size", error);
  return status;
}

void mpi_stop(bool together, int exit_code) {
  fflush(NULL);
  if (together && guest_files_have_libraries()) { // else MPI_Finalize waits for what is closed
    struct error error = {0};
    // MPI_Finalize frees shared windows, which waits for every rank of the node and so for ever where one has died
    // unseen.
    exit_bound(exit_code, FINALIZE_SECONDS);
    const enum status status = mpi_check(MPI_Finalize(), "MPI_Finalize", &error);
    exit_bound(exit_code, EXIT_SECONDS);
    if (!status) return;
    fprintf(stderr, "corsac: %s\n", error.text);
  }
  _exit(exit_code);
}

// Waits for a collective of start-up. Where it does not end in time, MPI may still use its memory: the caller must not
// free that.
static enum status wait_until(MPI_Request *request, double end, const char *what, struct error *error) {
  static const double SILENT_SECONDS = 30;
  const double began = clock_now();
  struct backoff backoff = {0};
  int rank = 0;
  bool said = false;
  const enum status known = mpi_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank", error);
  if (known) return known;
  for (;;) {
    int done = 0;
    if (rank == 0 && !said && clock_now() - began > SILENT_SECONDS) {
      said = true;
      log_info("%s: waiting for the other ranks, %.0f s more at most", what, end - clock_now());
    }
    enum status status = mpi_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), "MPI_Test", error);
    if (status || done) return status;
    if (clock_now() >= end) return error_set(error, STATUS_PEER, "%s: not every rank took part in time", what);
    backoff_wait(&backoff);
  }
}

enum status mpi_same_version(const char *version, double seconds, struct error *error) {
  double end = clock_now() + seconds;
  int size = 0;
  MPI_Request request;
  enum status status = mpi_check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size", error);
  if (status) return status;
  // A text of fixed size, so that programs of different versions understand each other here; [0]: mine, then
  // everybody's.
  char(*texts)[VERSION_TEXT] = memory_alloc((size_t)size + 1, sizeof *texts, "the ranks' versions", error);
  if (!texts) return STATUS_MEMORY;
  snprintf(texts[0], VERSION_TEXT, "%s", version);
  status = mpi_check(
      MPI_Iallgather(texts[0], VERSION_TEXT, MPI_CHAR, texts[1], VERSION_TEXT, MPI_CHAR, MPI_COMM_WORLD, &request),
      "MPI_Iallgather", error);
  if (!status) status = wait_until(&request, end, "comparing the ranks' versions", error);
  if (status) return status; // texts stay MPI's
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
  enum status failed = mpi_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank", error);
  if (failed) return failed;
  if (rank == 0 && !status && *size > WIRE_MAX_MESSAGE) {
    status = error_set(error, STATUS_FAILED, "%s: %zu bytes, at most %zu", what, *size, WIRE_MAX_MESSAGE);
  }
  uint64_t *head = memory_alloc(2, sizeof *head, what, error); // on the heap: after a timeout it stays MPI's
  if (!head) return STATUS_MEMORY;
  head[0] = (uint64_t)status;
  head[1] = status ? 0 : (uint64_t)*size;
  failed = mpi_check(MPI_Ibcast(head, 2, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request), "MPI_Ibcast", error);
  if (!failed) failed = wait_until(&request, end, what, error);
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
  status = mpi_check(MPI_Ibcast(data, (int)length, MPI_BYTE, 0, MPI_COMM_WORLD, &request), "MPI_Ibcast", error);
  if (!status) status = wait_until(&request, end, what, error);
  if (rank == 0) {
    if (status) *bytes = NULL, *size = 0; // the data stay MPI's
    return status;
  }
  if (status) return status;
  *bytes = data;
  *size = length;
  return STATUS_OK;
}

// ---- the transport

// Requests under way with their blocks, in the order in which they were started.
struct transfers {
  size_t count, capacity;
  MPI_Request *request; // (capacity)
  struct block **block; // (capacity)
  int *done;            // (capacity) scratch of MPI_Testsome
};
struct transport_mpi {
  struct transport base;
  MPI_Comm comm;
  struct block_pool pool;
  struct transfers outgoing, incoming;
  struct block *current; // what the last receive handed out
  uint64_t *held_back;   // (size) the last turn in which this source's oldest message was not complete
  uint64_t turn;
  bool *lost;               // (size) a transfer with this peer failed
  int *shared_weights_home; // (size)
  MPI_Comm aside;           // see transport_mpi_listen_aside, MPI_COMM_NULL: none
  int speakers;             // ranks of it that are one peer
  int *world;               // (size)
};

// A larger array with the old one's contents, which is freed; NULL leaves the old one.
static void *grown(void *old, size_t count, size_t capacity, size_t width, struct error *error) {
  void *larger = memory_alloc(capacity, width, "message requests", error);
  if (!larger) return NULL;
  if (count) memcpy(larger, old, count * width);
  memory_free(old);
  return larger;
}

// Room for one more.
static enum status transfers_reserve(struct transfers *transfers, struct error *error) {
  size_t count = transfers->count, capacity = transfers->capacity ? 2 * transfers->capacity : 16;
  if (count < transfers->capacity) return STATUS_OK;
  MPI_Request *request = grown(transfers->request, count, capacity, sizeof *request, error);
  if (!request) return STATUS_MEMORY;
  transfers->request = request;
  struct block **block = grown(transfers->block, count, capacity, sizeof *block, error);
  if (!block) return STATUS_MEMORY;
  transfers->block = block;
  int *done = grown(transfers->done, 0, capacity, sizeof *done, error);
  if (!done) return STATUS_MEMORY;
  transfers->done = done;
  transfers->capacity = capacity;
  return STATUS_OK;
}

static void transfers_append(struct transfers *transfers, MPI_Request request, struct block *block) {
  transfers->request[transfers->count] = request;
  transfers->block[transfers->count++] = block;
}

static void transfers_remove(struct transfers *transfers, size_t i) {
  size_t after = --transfers->count - i;
  memmove(transfers->request + i, transfers->request + i + 1, after * sizeof *transfers->request);
  memmove(transfers->block + i, transfers->block + i + 1, after * sizeof *transfers->block);
}

static void transfers_release(struct transfers *transfers) {
  memory_free(transfers->request);
  memory_free(transfers->block);
  memory_free(transfers->done);
}

// Open MPI rarely reports a dead peer; over TCP a send to one may fail. Whatever the reason, a message is missing now:
// nothing more goes to this peer or comes from it, so that both sides see silence and heartbeats decide, as for any
// other death.
static void lose_peer(struct transport_mpi *mpi, int peer, int code, const char *call) {
  struct error error = {0};
  if (mpi->lost[peer]) return;
  mpi->lost[peer] = true;
  mpi_check(code, call, &error);
  log_warn("rank %d cannot be reached any more: %s", transport_world_rank(&mpi->base, peer), error.text);
}

// Gives the blocks of finished sends back to the pool. One call of MPI for all of them, since each call makes progress
// on everything.
static enum status reap_sends(struct transport_mpi *mpi, struct error *error) {
  struct transfers *sends = &mpi->outgoing;
  if (sends->count == 0) return STATUS_OK;
  int finished = 0;
  int code = MPI_Testsome((int)sends->count, sends->request, &finished, sends->done, MPI_STATUSES_IGNORE);
  // A send that ends with an error has ended: its peer is gone, and heartbeats say so.
  if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS) return mpi_check(code, "MPI_Testsome", error);
  if (finished == MPI_UNDEFINED || finished == 0) return STATUS_OK;
  size_t kept = 0;
  for (size_t i = 0; i < sends->count; i++) {
    if (sends->request[i] == MPI_REQUEST_NULL) {
      block_pool_give(&mpi->pool, sends->block[i]);
    } else {
      sends->request[kept] = sends->request[i];
      sends->block[kept++] = sends->block[i];
    }
  }
  sends->count = kept;
  return STATUS_OK;
}

static enum status mpi_send(struct transport *transport, int to, const void *bytes, size_t size, struct error *error) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  enum status status = reap_sends(mpi, error);
  if (!status) status = transfers_reserve(&mpi->outgoing, error);
  if (status) return status;
  if (mpi->lost[to]) return STATUS_OK;
  struct block *block = block_pool_take(&mpi->pool, size, error);
  if (!block) return STATUS_MEMORY;
  memcpy(block->bytes, bytes, size);
  MPI_Request request;
  int code = MPI_Isend(block->bytes, (int)size, MPI_BYTE, to, TAG, mpi->comm, &request);
  if (code != MPI_SUCCESS) {
    lose_peer(mpi, to, code, "MPI_Isend");
    block_pool_give(&mpi->pool, block);
    return STATUS_OK;
  }
  transfers_append(&mpi->outgoing, request, block);
  return STATUS_OK;
}

static size_t mpi_unsent(struct transport *transport) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  (void)reap_sends(mpi, NULL); // what it could not look at counts as under way
  return mpi->outgoing.count;
}

// Tests the receive i. Whether it has ended and is out of the list; *block is its message, NULL if the peer is lost.
static bool finish_receive(struct transport_mpi *mpi, size_t i, struct block **block) {
  int finished = 0;
  int code = MPI_Test(&mpi->incoming.request[i], &finished, MPI_STATUS_IGNORE);
  if (code == MPI_SUCCESS && !finished) return false;
  struct block *taken = mpi->incoming.block[i];
  transfers_remove(&mpi->incoming, i);
  if (code != MPI_SUCCESS) lose_peer(mpi, taken->from, code, "receiving a message: MPI_Test");
  *block = mpi->lost[taken->from] ? NULL : taken;
  if (!*block) block_pool_give(&mpi->pool, taken);
  return true;
}

// The oldest complete receive from i on, or NULL. A complete one waits while an older one of the same source is not:
// order per pair.
static struct block *next_complete(struct transport_mpi *mpi, size_t i) {
  struct block *block = NULL;
  while (!block && i < mpi->incoming.count) {
    int source = mpi->incoming.block[i]->from;
    if (mpi->held_back[source] == mpi->turn) {
      i++;
    } else if (!finish_receive(mpi, i, &block)) {
      mpi->held_back[source] = mpi->turn;
      i++;
    }
  }
  return block;
}

// Starts the receive of a message that MPI_Improbe matched, of this peer.
static enum status start_receive(struct transport_mpi *mpi, MPI_Message *message, const MPI_Status *envelope, int from,
                                 struct error *error) {
  MPI_Count size = 0;
  enum status status = mpi_check(MPI_Get_elements_x(envelope, MPI_BYTE, &size), "MPI_Get_elements_x", error);
  if (status) return status;
  if (size < 0 || (size_t)size > mpi->base.limit) {
    // Matched and never received. Receiving less than the whole is no way out: Open MPI 4.1 crashes on that over TCP.
    return error_set(error, STATUS_FORMAT, "rank %d sent a message of %lld bytes, more than %zu: it is dropped",
                     transport_world_rank(&mpi->base, from), (long long)size, mpi->base.limit);
  }
  struct block *block = block_pool_take(&mpi->pool, (size_t)size, error);
  if (!block) return STATUS_MEMORY;
  block->from = from;
  MPI_Request request;
  status = mpi_check(MPI_Imrecv(block->bytes, (int)size, MPI_BYTE, message, &request), "MPI_Imrecv", error);
  if (status) {
    block_pool_give(&mpi->pool, block);
    return status;
  }
  transfers_append(&mpi->incoming, request, block);
  return STATUS_OK;
}

// *message stays MPI_MESSAGE_NULL where none has come.
static enum status probe(struct transport_mpi *mpi, MPI_Message *message, MPI_Status *envelope, int *from,
                         struct error *error) {
  int arrived = 0;
  enum status status =
      mpi_check(MPI_Improbe(MPI_ANY_SOURCE, TAG, mpi->comm, &arrived, message, envelope), "MPI_Improbe", error);
  if (status) return status;
  *from = envelope->MPI_SOURCE;
  if (arrived) return STATUS_OK;
  *message = MPI_MESSAGE_NULL;
  if (mpi->aside == MPI_COMM_NULL) return STATUS_OK;
  status = mpi_check(MPI_Improbe(MPI_ANY_SOURCE, TAG, mpi->aside, &arrived, message, envelope), "MPI_Improbe", error);
  if (status || !arrived) return *message = MPI_MESSAGE_NULL, status;
  *from = 1 + (envelope->MPI_SOURCE - 1) / mpi->speakers;
  return STATUS_OK;
}

// Large messages take several calls to arrive, and one whose sender died never does: so nothing here waits for one, and
// others overtake it.
static enum status mpi_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                               struct error *error) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  block_pool_give(&mpi->pool, mpi->current);
  mpi->current = NULL;
  mpi->turn++;
  struct block *block = next_complete(mpi, 0);
  while (!block) {
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status envelope;
    enum status status = transfers_reserve(&mpi->incoming, error);
    if (!status) status = probe(mpi, &message, &envelope, from, error);
    if (status || message == MPI_MESSAGE_NULL) return status;
    status = start_receive(mpi, &message, &envelope, *from, error);
    if (status) return status;
    block = next_complete(mpi, mpi->incoming.count - 1);
  }
  mpi->current = block;
  *from = block->from;
  *bytes = block->bytes;
  *size = block->size;
  return STATUS_OK;
}

// ---- the shared weights: a shared window on each node

// Open MPI fails on a shared window it finds no room for on the node's first rank alone, and the others then wait for
// ever; so that rank looks first. Windows are files in this directory, which may only be promised: not so here.
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

// The ranks that share memory with this one, itself among them; MPI_COMM_NULL where it does not ask (capacity 0).
// *capacity becomes that of the first of them; 0: no shared weights, as for one alone.
static enum status find_node(struct transport_mpi *mpi, size_t *capacity, MPI_Comm *node, double end,
                             struct error *error) {
  int size = 1, place = 0;
  MPI_Request request;
  const int type = *capacity ? MPI_COMM_TYPE_SHARED : MPI_UNDEFINED;
  enum status status = mpi_check(MPI_Comm_split_type(mpi->comm, type, mpi->base.rank, MPI_INFO_NULL, node),
                                 "MPI_Comm_split_type", error);
  if (status || *node == MPI_COMM_NULL) return status;
  uint64_t *promised = memory_alloc(1, sizeof *promised, "the weights' board", error); // after a timeout it stays MPI's
  if (!promised) return STATUS_MEMORY;
  status = mpi_check(MPI_Comm_set_errhandler(*node, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
  if (!status) status = mpi_check(MPI_Comm_size(*node, &size), "MPI_Comm_size", error);
  if (!status) status = mpi_check(MPI_Comm_rank(*node, &place), "MPI_Comm_rank", error);
  if (!status && place == 0 && size > 1) {
    struct error full = {0};
    *promised = *capacity;
    if (find_room(shared_weights_size(*capacity) + SHARED_WEIGHTS_ALIGNMENT, &full)) {
      warn_slower(&full);
      *promised = 0;
    }
  }
  if (!status) status = mpi_check(MPI_Ibcast(promised, 1, MPI_UINT64_T, 0, *node, &request), "MPI_Ibcast", error);
  if (!status) status = wait_until(&request, end, "sharing memory on the node", error);
  if (status) return status;
  *capacity = (size_t)*promised;
  memory_free(promised);
  return STATUS_OK;
}

// The window is never freed: that would be a collective. Its file is gone since every rank has it open, and the memory
// goes with the last process.
static enum status share_window(struct transport_mpi *mpi, size_t capacity, MPI_Comm node, struct error *error) {
  MPI_Win window;
  char *base = NULL;
  int unit, place = 0;
  enum status status = mpi_check(MPI_Comm_rank(node, &place), "MPI_Comm_rank", error);
  if (status) return status;
  MPI_Aint bytes = place == 0 ? (MPI_Aint)(shared_weights_size(capacity) + SHARED_WEIGHTS_ALIGNMENT) : 0;
  status = mpi_check(MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, node, &base, &window), "MPI_Win_allocate_shared",
                     error);
  if (!status) status = mpi_check(MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler", error);
  if (!status) status = mpi_check(MPI_Win_shared_query(window, 0, &bytes, &unit, &base), "MPI_Win_shared_query", error);
  if (status) return status;
  base += (SHARED_WEIGHTS_ALIGNMENT - (uintptr_t)base % SHARED_WEIGHTS_ALIGNMENT) %
          SHARED_WEIGHTS_ALIGNMENT; // the same in all: pages are aligned
  shared_weights_attach(&mpi->base.shared, base, capacity);
  if (place == 0) shared_weights_clear(&mpi->base.shared);
  return STATUS_OK;
}

// The rank in the whole job of a node's first.
static enum status find_home(const struct transport_mpi *mpi, MPI_Comm node, int *home, struct error *error) {
  const int first = 0;
  MPI_Group of_node, of_all;
  enum status status = mpi_check(MPI_Comm_group(node, &of_node), "MPI_Comm_group", error);
  if (status) return status;
  status = mpi_check(MPI_Comm_group(mpi->comm, &of_all), "MPI_Comm_group", error);
  if (!status) {
    status = mpi_check(MPI_Group_translate_ranks(of_node, 1, &first, of_all, home), "MPI_Group_translate_ranks", error);
    MPI_Group_free(&of_all); // local, and nothing depends on it
  }
  MPI_Group_free(&of_node);
  return status;
}

// Everybody says where the shared weights is that it sees. One of its own is of no use to a rank, nor one that its
// node's first does not see.
static enum status share_views(struct transport_mpi *mpi, int home, double end, struct error *error) {
  const size_t size = (size_t)mpi->base.size;
  MPI_Request request;
  int *homes = memory_alloc(size + 1, sizeof *homes, "the weights' board", error); // after a timeout it stays MPI's
  if (!homes) return STATUS_MEMORY;
  homes[size] = mpi->base.shared.memory ? home : -1;
  enum status status = mpi_check(MPI_Iallgather(homes + size, 1, MPI_INT, homes, 1, MPI_INT, mpi->comm, &request),
                                 "MPI_Iallgather", error);
  if (!status) status = wait_until(&request, end, "sharing memory on the node", error);
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

static enum status mpi_board_open(struct transport *transport, size_t capacity, struct error *error) {
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
    warn_slower(&failed); // else the node's first has
  return status;
}

static size_t mpi_memory(const struct transport *transport) {
  const struct transport_mpi *mpi = (const struct transport_mpi *)transport;
  size_t slots = mpi->outgoing.capacity + mpi->incoming.capacity;
  return mpi->pool.memory + slots * (sizeof(MPI_Request) + sizeof(struct block *) + sizeof(int));
}

// The duplicated communicator stays: MPI_Comm_free is collective. So do the blocks of transfers under way: MPI may
// still use them.
static void mpi_destroy(struct transport *transport) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  (void)mpi_unsent(transport);
  block_pool_give(&mpi->pool, mpi->current);
  block_pool_release(&mpi->pool);
  transfers_release(&mpi->outgoing);
  transfers_release(&mpi->incoming);
  memory_free(mpi->held_back);
  memory_free(mpi->lost);
  memory_free(mpi->shared_weights_home);
  memory_free(mpi->world);
  memory_free(mpi);
}

// mpi->world: what the ranks are in MPI_COMM_WORLD.
static enum status find_world(struct transport_mpi *mpi, struct error *error) {
  const size_t size = (size_t)mpi->base.size;
  MPI_Group own, world;
  int *ranks = memory_alloc(size, sizeof *ranks, "the ranks", error);
  mpi->world = memory_alloc(size, sizeof *mpi->world, "the ranks", error);
  enum status status = ranks && mpi->world ? STATUS_OK : STATUS_MEMORY;
  for (int i = 0; ranks && i < mpi->base.size; i++) ranks[i] = i;
  if (!status) status = mpi_check(MPI_Comm_group(mpi->comm, &own), "MPI_Comm_group", error);
  if (!status) status = mpi_check(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group", error);
  if (!status)
    status = mpi_check(MPI_Group_translate_ranks(own, mpi->base.size, ranks, world, mpi->world),
                       "MPI_Group_translate_ranks", error);
  if (!status) status = mpi_check(MPI_Group_free(&own), "MPI_Group_free", error);
  if (!status) status = mpi_check(MPI_Group_free(&world), "MPI_Group_free", error);
  memory_free(ranks);
  mpi->base.world = mpi->world;
  return status;
}

enum status transport_mpi_create_on(int comm, struct transport **transport, struct error *error) {
  static const struct transport_operations operations = {mpi_send,       mpi_receive, mpi_unsent,
                                                         mpi_board_open, mpi_memory,  mpi_destroy};
  static const char what[] = "the MPI transport";
  *transport = NULL;
  struct transport_mpi *mpi = memory_alloc(1, sizeof *mpi, what, error);
  if (!mpi) return STATUS_MEMORY;
  mpi->base.operations = &operations;
  mpi->base.limit = WIRE_MAX_MESSAGE;
  mpi->aside = MPI_COMM_NULL;
  enum status status = mpi_check(MPI_Comm_dup(MPI_Comm_f2c(comm), &mpi->comm), "MPI_Comm_dup", error);
  if (!status)
    status = mpi_check(MPI_Comm_set_errhandler(mpi->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
  if (!status) status = mpi_check(MPI_Comm_rank(mpi->comm, &mpi->base.rank), "MPI_Comm_rank", error);
  if (!status) status = mpi_check(MPI_Comm_size(mpi->comm, &mpi->base.size), "MPI_Comm_size", error);
  if (status) goto fail;
  status = STATUS_MEMORY;
  if (!(mpi->held_back = memory_alloc((size_t)mpi->base.size, sizeof *mpi->held_back, what, error))) goto fail;
  if (!(mpi->lost = memory_alloc((size_t)mpi->base.size, sizeof *mpi->lost, what, error))) goto fail;
  if (!(mpi->shared_weights_home = memory_alloc((size_t)mpi->base.size, sizeof *mpi->shared_weights_home, what, error)))
    goto fail;
  status = find_world(mpi, error);
  if (status) goto fail;
  *transport = &mpi->base;
  return STATUS_OK;
fail:
  memory_free(mpi->world);
  memory_free(mpi->shared_weights_home);
  memory_free(mpi->held_back);
  memory_free(mpi->lost);
  memory_free(mpi);
  return status;
}

enum status transport_mpi_create(struct transport **transport, struct error *error) {
  return transport_mpi_create_on(MPI_Comm_c2f(MPI_COMM_WORLD), transport, error);
}

void transport_mpi_listen_aside(struct transport *transport, int comm, int speakers) {
  struct transport_mpi *mpi = (struct transport_mpi *)transport;
  mpi->aside = MPI_Comm_f2c(comm);
  mpi->speakers = speakers;
}

enum status transport_mpi_speak_aside(int comm, const void *bytes, size_t size, double seconds, struct error *error) {
  MPI_Request request;
  const enum status status =
      mpi_check(MPI_Isend(bytes, (int)size, MPI_BYTE, 0, TAG, MPI_Comm_f2c(comm), &request), "MPI_Isend", error);
  return status ? status : wait_until(&request, clock_now() + seconds, "telling rank 0", error);
}
