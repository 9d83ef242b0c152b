#include "tests/simulation/network.h"

#include "common/wire/message.h"
#include "common/wire/transport_impl.h"
#include "tests/simulation/queue.h"
#include "tests/simulation/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct message {
  int from;
  size_t size;
  uint8_t bytes[];
};

struct end {
  struct transport base;
  struct network *network;
  bool closed;
  struct queue inbox; // of messages, by their arrival; INFINITY: the link is cut
  struct message *current;
  double last_sent;                // the latest arrival of what it has sent
  double to_learner, from_learner; // the latest arrival of messages between it and the learner
  uint32_t held;                   // messages of its own that wait for a cut link
};

struct network {
  uint32_t size;
  uint64_t sent;
  struct end *ends;         // (size)
  int *home;                // (size) first rank that sees the same shared weights
  void *memory[PLAN_HOSTS]; // the shared weights of a host
  size_t memory_size[PLAN_HOSTS];
};

static bool is_cut(int a, int b) {
  const uint32_t from = world->process[a].host, to = world->process[b].host;
  return from != to && (world->host[from].cut || world->host[to].cut);
}

// --- sending ---

// Actors do not write to each other.
static double *last_arrival(struct end *from, struct end *to) {
  return to->base.rank == 0 ? &from->to_learner : &to->from_learner;
}

static double arrival_of(struct end *from, struct end *to, size_t size) {
  const struct plan *plan = &world->plan;
  const bool local = world->process[from->base.rank].host == world->process[to->base.rank].host;
  const double jitter = plan->jitter * plan_uniform(plan, 4, from->network->sent++, world->start);
  const double took = local ? 1e-6 + (double)size / 1e10 : plan->latency + jitter + (double)size / plan->bandwidth;
  double *last = last_arrival(from, to);
  return *last = fmax(world->now + took, *last);
}

static void dispatch(struct end *from, struct end *to, struct message *message) {
  if (is_cut(from->base.rank, to->base.rank)) {
    from->held++;
    queue_put(&to->inbox, INFINITY, message, 0);
    return;
  }
  const double arrival = arrival_of(from, to, message->size);
  from->last_sent = fmax(from->last_sent, arrival);
  queue_put(&to->inbox, arrival, message, 0);
  world_announce(&world->process[to->base.rank], arrival);
}

static enum status end_send(struct transport *transport, int to, const void *bytes, size_t size, struct error *error) {
  struct end *end = (struct end *)transport, *peer = &end->network->ends[to];
  if (peer->closed) return STATUS_OK;
  struct message *message = malloc(sizeof *message + size);
  if (!message) return error_set(error, STATUS_MEMORY, "no memory for a message");
  *message = (struct message){.from = transport->rank, .size = size};
  memcpy(message->bytes, bytes, size);
  dispatch(end, peer, message);
  return STATUS_OK;
}

// --- receiving ---

static enum status end_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                               struct error *error) {
  (void)error;
  struct end *end = (struct end *)transport;
  free(end->current);
  end->current = NULL;
  if (network_next_arrival(transport) > world->now) return STATUS_OK;
  struct message *message = end->current = queue_take(&end->inbox).item;
  world->process[end->base.rank].heard = world->now;
  world->process[end->base.rank].excused = 0;
  if (end->base.rank == 0) {
    world->process[message->from].reached = world->now;
    world->process[message->from].unheard = 0;
  }
  *from = message->from;
  *bytes = message->bytes;
  *size = message->size;
  return STATUS_OK;
}

static size_t end_unsent(struct transport *transport) {
  const struct end *end = (const struct end *)transport;
  return end->held + (end->last_sent > world->now ? 1 : 0);
}

static enum status end_shared_weights_open(struct transport *transport, size_t capacity, struct error *error) {
  struct end *end = (struct end *)transport;
  struct network *network = end->network;
  const uint32_t host = world->process[transport->rank].host;
  if (capacity == 0) return STATUS_OK;
  if (!network->memory[host]) {
    network->memory_size[host] = capacity;
    network->memory[host] =
        aligned_alloc(SHARED_WEIGHTS_ALIGNMENT, (shared_weights_size(capacity) + SHARED_WEIGHTS_ALIGNMENT - 1) /
                                                    SHARED_WEIGHTS_ALIGNMENT * SHARED_WEIGHTS_ALIGNMENT);
    if (!network->memory[host]) return error_set(error, STATUS_MEMORY, "no memory for the shared weights");
    memset(network->memory[host], 0, shared_weights_size(capacity));
  }
  shared_weights_attach(&transport->shared, network->memory[host], network->memory_size[host]);
  return STATUS_OK;
}

static size_t end_memory(const struct transport *transport) {
  const struct end *end = (const struct end *)transport;
  return network_load_to(end->network, transport->rank).bytes;
}

static void end_destroy(struct transport *transport) { (void)transport; }

// --- all ends ---

struct network *network_create(void) {
  struct network *network = calloc(1, sizeof *network);
  if (!network) abort();
  return network;
}

void network_destroy(struct network *network) { free(network); }

void network_open(struct network *network, uint32_t size) {
  static const struct transport_operations operations = {end_send,   end_receive, end_unsent, end_shared_weights_open,
                                                         end_memory, end_destroy};
  network->size = size;
  network->ends = calloc(size, sizeof *network->ends);
  network->home = calloc(size, sizeof *network->home);
  if (!network->ends || !network->home) abort();
  for (uint32_t i = 0; i < size; i++) {
    network->home[i] = (int)(i % world->plan.hosts);
    network->ends[i] = (struct end){.base = {.operations = &operations,
                                             .rank = (int)i,
                                             .size = (int)size,
                                             .limit = WIRE_MAX_MESSAGE,
                                             .shared_weights_home = network->home},
                                    .network = network};
  }
}

struct transport *network_end(struct network *network, int rank) {
  return &network->ends[rank].base;
}

static void drop_all(struct end *end) {
  while (end->inbox.size > 0) free(queue_take(&end->inbox).item);
  queue_release(&end->inbox);
  free(end->current);
  end->current = NULL;
}

void network_release(struct network *network) {
  for (uint32_t i = 0; i < network->size; i++) drop_all(&network->ends[i]);
  free(network->ends);
  free(network->home);
  for (int i = 0; i < PLAN_HOSTS; i++) {
    free(network->memory[i]);
    network->memory[i] = NULL;
  }
  network->ends = NULL;
  network->home = NULL;
  network->size = 0;
}

static bool is_lost(const struct queue_entry *entry, void *sender) {
  const struct message *message = entry->item;
  return message->from == ((const struct end *)sender)->base.rank && entry->time > world->now;
}

static void lose(const struct queue_entry *entry, void *sender) {
  (void)sender;
  free(entry->item);
}

void network_close(struct transport *transport, bool killed) {
  struct end *end = (struct end *)transport;
  struct network *network = end->network;
  end->closed = true;
  drop_all(end);
  for (uint32_t i = 0; killed && i < network->size; i++) queue_filter(&network->ends[i].inbox, is_lost, lose, end);
}

static bool is_free(const struct queue_entry *entry, void *receiver) {
  const struct message *message = entry->item;
  return entry->time == INFINITY && !is_cut(message->from, ((const struct end *)receiver)->base.rank);
}

static void send_on(const struct queue_entry *entry, void *receiver) {
  struct end *end = receiver;
  struct message *message = entry->item;
  struct end *from = &end->network->ends[message->from];
  if (from->held > 0) from->held--;
  dispatch(from, end, message);
}

void network_heal(struct network *network) {
  for (uint32_t i = 0; i < network->size; i++)
    queue_filter(&network->ends[i].inbox, is_free, send_on, &network->ends[i]);
}

double network_next_arrival(const struct transport *transport) {
  const struct end *end = (const struct end *)transport;
  return end->inbox.size > 0 ? end->inbox.entry[0].time : INFINITY;
}

struct network_load network_load_to(const struct network *network, int rank) {
  const struct queue *inbox = &network->ends[rank].inbox;
  struct network_load load = {.messages = inbox->size};
  for (size_t i = 0; i < inbox->size; i++) load.bytes += ((const struct message *)inbox->entry[i].item)->size;
  return load;
}
