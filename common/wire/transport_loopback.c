#include "common/wire/transport_loopback.h"
#include "common/base/memory.h"
#include "common/wire/block_pool.h"
#include "common/wire/message.h"
#include "common/wire/transport_impl.h"
#include <assert.h>
#include <string.h>

struct loopback {
  struct transport base;
  struct hub *hub;
  struct block_pool pool;     // of what is sent to this end
  struct block *first, *last; // the inbox, oldest first
  struct block *current;      // what the last receive handed out
  int home;                   // first end on its node
};
struct shared_weights_slot {
  void *memory; // NULL: not opened yet
  size_t capacity;
};
struct hub {
  int alive, size;
  struct shared_weights_slot *shared; // (size) of the node whose first end that is
  int *shared_weights_home;           // (size) -1 until it is opened
  struct loopback *end[];             // (size), NULL once destroyed
};

static enum status loopback_send(struct transport *transport, int to, const void *bytes, size_t size,
                                 struct error *error) {
  struct loopback *peer = ((struct loopback *)transport)->hub->end[to];
  if (!peer) return STATUS_OK; // as with MPI, which does not report that a rank has left
  struct block *block = block_pool_take(&peer->pool, size, error);
  if (!block) return STATUS_MEMORY;
  memcpy(block->bytes, bytes, size);
  block->from = transport->rank;
  if (peer->last)
    peer->last->next = block;
  else
    peer->first = block;
  peer->last = block;
  return STATUS_OK;
}

static enum status loopback_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                                    struct error *error) {
  (void)error;
  struct loopback *end = (struct loopback *)transport;
  block_pool_give(&end->pool, end->current);
  struct block *block = end->current = end->first;
  if (!block) return STATUS_OK;
  end->first = block->next;
  if (!end->first) end->last = NULL;
  *from = block->from;
  *bytes = block->bytes;
  *size = block->size;
  return STATUS_OK;
}

// A message in the peer's inbox is handed over. Waiting until the peer looks would be waiting for oneself.
static size_t loopback_unsent(struct transport *transport) {
  (void)transport;
  return 0;
}

// The first end of a node that opens them makes them, so that should be the node's first.
static enum status loopback_shared_weights_open(struct transport *transport, size_t capacity, struct error *error) {
  struct loopback *end = (struct loopback *)transport;
  struct shared_weights_slot *slot = &end->hub->shared[end->home];
  if (capacity == 0) return STATUS_OK;
  if (!slot->memory) {
    slot->memory = memory_alloc(1, shared_weights_size(capacity), "the shared weights", error);
    if (!slot->memory) return STATUS_MEMORY;
    slot->capacity = capacity;
  }
  shared_weights_attach(&transport->shared, slot->memory, slot->capacity);
  end->hub->shared_weights_home[transport->rank] = end->home;
  return STATUS_OK;
}

void transport_loopback_move(struct transport *end, int home) { ((struct loopback *)end)->home = home; }

static size_t loopback_memory(const struct transport *transport) {
  return ((const struct loopback *)transport)->pool.memory;
}

static void hub_destroy(struct hub *hub) {
  for (int i = 0; hub->shared && i < hub->size; i++) memory_free(hub->shared[i].memory);
  memory_free(hub->shared);
  memory_free(hub->shared_weights_home);
  memory_free(hub);
}

static void loopback_destroy(struct transport *transport) {
  struct loopback *end = (struct loopback *)transport;
  while (end->first) {
    struct block *block = end->first;
    end->first = block->next;
    block_pool_give(&end->pool, block);
  }
  block_pool_give(&end->pool, end->current);
  block_pool_release(&end->pool);
  end->hub->end[transport->rank] = NULL;
  if (--end->hub->alive == 0) hub_destroy(end->hub);
  memory_free(end);
}

enum status transport_loopback_create(int size, struct transport **ends, struct error *error) {
  static const struct transport_operations operations = {loopback_send,   loopback_receive,
                                                         loopback_unsent, loopback_shared_weights_open,
                                                         loopback_memory, loopback_destroy};
  assert(size > 0);
  memset(ends, 0, (size_t)size * sizeof *ends);
  struct hub *hub = memory_alloc(1, sizeof *hub + (size_t)size * sizeof *hub->end, "the loopback transport", error);
  if (!hub) return STATUS_MEMORY;
  hub->size = size;
  hub->shared = memory_alloc((size_t)size, sizeof *hub->shared, "the loopback transport", error);
  hub->shared_weights_home =
      memory_alloc((size_t)size, sizeof *hub->shared_weights_home, "the loopback transport", error);
  if (!hub->shared || !hub->shared_weights_home) goto fail;
  for (int rank = 0; rank < size; rank++) hub->shared_weights_home[rank] = -1;
  for (int rank = 0; rank < size; rank++) {
    struct loopback *end = memory_alloc(1, sizeof *end, "the loopback transport", error);
    if (!end) goto fail;
    end->base = (struct transport){.operations = &operations,
                                   .rank = rank,
                                   .size = size,
                                   .limit = WIRE_MAX_MESSAGE,
                                   .shared_weights_home = hub->shared_weights_home};
    end->hub = hub;
    hub->end[rank] = end;
    hub->alive++;
    ends[rank] = &end->base;
  }
  return STATUS_OK;
fail:
  if (hub->alive == 0) hub_destroy(hub);
  for (int rank = 0; rank < size; rank++) {
    transport_destroy(ends[rank]);
    ends[rank] = NULL;
  }
  return STATUS_MEMORY;
}
