#include "common/wire/transport_mpi.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/wire/message.h"
#include "common/wire/transport_mpi_calls.h"
#include "common/wire/transport_mpi_impl.h"
#include <stdio.h>
#include <string.h>

enum { TAG = 1 };

// Returns a larger array with the old one's contents and frees the old one. NULL: the old one stays.
static void *grown(void *old, size_t count, size_t capacity, size_t width, struct error *error) {
  void *larger = memory_alloc(capacity, width, "message requests", error);
  if (!larger) return NULL;
  if (count) memcpy(larger, old, count * width);
  memory_free(old);
  return larger;
}

// Makes room for one more.
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

// Open MPI rarely reports a dead peer, but over TCP a send to one may fail. Whatever the reason, a message is missing
// now. From here on nothing goes to this peer or comes from it: both sides see silence, and heartbeats decide as for
// any other death.
static void lose_peer(struct transport_mpi *mpi, int peer, int code, const char *call) {
  struct error error = {0};
  if (mpi->lost[peer]) return;
  mpi->lost[peer] = true;
  mpi_call_check(code, call, &error);
  log_warn("rank %d cannot be reached any more: %s", transport_world_rank(&mpi->base, peer), error.text);
}

// Gives the blocks of finished sends back to the pool. It is one call of MPI for all sends, since each call makes
// progress on everything.
static enum status reap_sends(struct transport_mpi *mpi, struct error *error) {
  struct transfers *sends = &mpi->outgoing;
  if (sends->count == 0) return STATUS_OK;
  int finished = 0;
  int code = MPI_Testsome((int)sends->count, sends->request, &finished, sends->done, MPI_STATUSES_IGNORE);
  // A send that ends with an error has ended: its peer is dead, and heartbeats tell so.
  if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS) return mpi_call_check(code, "MPI_Testsome", error);
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
  (void)reap_sends(mpi, NULL); // sends that it could not look at count as under way
  return mpi->outgoing.count;
}

// Tests the receive i. true: it has ended and left the list; *block is its message, or NULL if the peer is lost.
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

// The oldest complete receive from i on, or NULL. A complete one waits for an older one of the same source, so that the
// order of each pair is kept.
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

// Starts the receive of a message from this peer that MPI_Improbe matched.
static enum status start_receive(struct transport_mpi *mpi, MPI_Message *message, const MPI_Status *envelope, int from,
                                 struct error *error) {
  MPI_Count size = 0;
  enum status status = mpi_call_check(MPI_Get_elements_x(envelope, MPI_BYTE, &size), "MPI_Get_elements_x", error);
  if (status) return status;
  if (size < 0 || (size_t)size > mpi->base.limit) {
    // It is matched and never received. Open MPI 4.1 crashes over TCP where only a part of a message is received.
    return error_set(error, STATUS_FORMAT, "rank %d sent a message of %lld bytes, more than %zu: it is dropped",
                     transport_world_rank(&mpi->base, from), (long long)size, mpi->base.limit);
  }
  struct block *block = block_pool_take(&mpi->pool, (size_t)size, error);
  if (!block) return STATUS_MEMORY;
  block->from = from;
  MPI_Request request;
  status = mpi_call_check(MPI_Imrecv(block->bytes, (int)size, MPI_BYTE, message, &request), "MPI_Imrecv", error);
  if (status) {
    block_pool_give(&mpi->pool, block);
    return status;
  }
  transfers_append(&mpi->incoming, request, block);
  return STATUS_OK;
}

// Looks for the next message. *message is MPI_MESSAGE_NULL where none has come.
static enum status probe(struct transport_mpi *mpi, MPI_Message *message, MPI_Status *envelope, int *from,
                         struct error *error) {
  int arrived = 0;
  enum status status =
      mpi_call_check(MPI_Improbe(MPI_ANY_SOURCE, TAG, mpi->comm, &arrived, message, envelope), "MPI_Improbe", error);
  if (status) return status;
  if (arrived) return *from = envelope->MPI_SOURCE, STATUS_OK;
  *message = MPI_MESSAGE_NULL;
  if (mpi->aside == MPI_COMM_NULL) return STATUS_OK;
  status =
      mpi_call_check(MPI_Improbe(MPI_ANY_SOURCE, TAG, mpi->aside, &arrived, message, envelope), "MPI_Improbe", error);
  if (status || !arrived) return *message = MPI_MESSAGE_NULL, status;
  *from = 1 + (envelope->MPI_SOURCE - 1) / mpi->speakers;
  return STATUS_OK;
}

// A large message takes several calls to arrive, and one whose sender has died never does. So nothing here waits for
// one, and messages of others overtake it.
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

static size_t mpi_memory(const struct transport *transport) {
  const struct transport_mpi *mpi = (const struct transport_mpi *)transport;
  size_t slots = mpi->outgoing.capacity + mpi->incoming.capacity;
  return mpi->pool.memory + slots * (sizeof(MPI_Request) + sizeof(struct block *) + sizeof(int));
}

// The duplicated communicator stays, because MPI_Comm_free is collective. The blocks of transfers under way stay,
// because MPI may still use them.
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
  memory_free(mpi->cores);
  memory_free(mpi);
}

// Sets mpi->world: the rank in MPI_COMM_WORLD of each rank.
static enum status find_world(struct transport_mpi *mpi, struct error *error) {
  const size_t size = (size_t)mpi->base.size;
  MPI_Group own, world;
  int *ranks = memory_alloc(size, sizeof *ranks, "the ranks", error);
  mpi->world = memory_alloc(size, sizeof *mpi->world, "the ranks", error);
  enum status status = ranks && mpi->world ? STATUS_OK : STATUS_MEMORY;
  for (int i = 0; ranks && i < mpi->base.size; i++) ranks[i] = i;
  if (!status) status = mpi_call_check(MPI_Comm_group(mpi->comm, &own), "MPI_Comm_group", error);
  if (!status) status = mpi_call_check(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group", error);
  if (!status)
    status = mpi_call_check(MPI_Group_translate_ranks(own, mpi->base.size, ranks, world, mpi->world),
                            "MPI_Group_translate_ranks", error);
  if (!status) status = mpi_call_check(MPI_Group_free(&own), "MPI_Group_free", error);
  if (!status) status = mpi_call_check(MPI_Group_free(&world), "MPI_Group_free", error);
  memory_free(ranks);
  mpi->base.world = mpi->world;
  return status;
}

enum status transport_mpi_create_on(int comm, struct transport **transport, struct error *error) {
  static const struct transport_operations operations = {mpi_send,   mpi_receive, mpi_unsent, transport_mpi_node_open,
                                                         mpi_memory, mpi_destroy};
  static const char what[] = "the MPI transport";
  *transport = NULL;
  struct transport_mpi *mpi = memory_alloc(1, sizeof *mpi, what, error);
  if (!mpi) return STATUS_MEMORY;
  mpi->base.operations = &operations;
  mpi->base.limit = WIRE_MAX_MESSAGE;
  mpi->aside = MPI_COMM_NULL;
  enum status status = mpi_call_check(MPI_Comm_dup(MPI_Comm_f2c(comm), &mpi->comm), "MPI_Comm_dup", error);
  if (!status)
    status = mpi_call_check(MPI_Comm_set_errhandler(mpi->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", error);
  if (!status) status = mpi_call_check(MPI_Comm_rank(mpi->comm, &mpi->base.rank), "MPI_Comm_rank", error);
  if (!status) status = mpi_call_check(MPI_Comm_size(mpi->comm, &mpi->base.size), "MPI_Comm_size", error);
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
      mpi_call_check(MPI_Isend(bytes, (int)size, MPI_BYTE, 0, TAG, MPI_Comm_f2c(comm), &request), "MPI_Isend", error);
  return status ? status : mpi_call_wait_until(&request, clock_now() + seconds, "telling rank 0", error);
}
