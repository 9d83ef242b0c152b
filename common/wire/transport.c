#include "common/wire/transport_impl.h"
#include "common/base/clock.h"
#include <assert.h>

int transport_rank(const struct transport *transport) { return transport->rank; }

int transport_size(const struct transport *transport) { return transport->size; }

int transport_world_rank(const struct transport *transport, int rank) {
  if (transport->one_process) return 0;
  return transport->world && rank >= 0 && rank < transport->size ? transport->world[rank] : rank;
}

void transport_is_one_process(struct transport *transport) { transport->one_process = true; }

enum status transport_send(struct transport *transport, int to, const void *bytes, size_t size, struct error *error) {
  assert(to >= 0 && to < transport->size && size > 0);
  if (size > transport->limit) {
    return error_set(error, STATUS_FAILED,
                     "a message of %zu bytes from rank %d to rank %d is larger than %zu, the most that goes at once",
                     size, transport_world_rank(transport, transport->rank), transport_world_rank(transport, to),
                     transport->limit);
  }
  enum status status = transport->operations->send(transport, to, bytes, size, error);
  if (status) return status;
  transport->statistics.messages_sent++;
  transport->statistics.bytes_sent += size;
  return STATUS_OK;
}

enum status transport_receive(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                              struct error *error) {
  *from = -1;
  *bytes = NULL;
  *size = 0;
  enum status status = transport->operations->receive(transport, from, bytes, size, error);
  if (status || *size == 0) return status;
  transport->statistics.messages_received++;
  transport->statistics.bytes_received += *size;
  return STATUS_OK;
}

size_t transport_unsent(struct transport *transport) { return transport->operations->unsent(transport); }

bool transport_flush(struct transport *transport, double seconds) {
  double end = clock_now() + seconds;
  struct backoff backoff = {0};
  while (transport_unsent(transport) > 0) {
    if (clock_now() >= end) return false;
    backoff_wait(&backoff);
  }
  return true;
}

enum status transport_shared_weights_open(struct transport *transport, size_t capacity, struct error *error) {
  transport->shared_weights_asked = capacity;
  return transport->operations->shared_weights_open(transport, capacity, error);
}

size_t transport_shared_weights_asked(const struct transport *transport) { return transport->shared_weights_asked; }

struct shared_weights *transport_shared_weights(struct transport *transport) {
  return transport->shared.memory ? &transport->shared : NULL;
}

int transport_shared_weights_home(const struct transport *transport, int rank) {
  return transport->shared_weights_home ? transport->shared_weights_home[rank] : -1;
}

bool transport_shares_cores(const struct transport *transport, int rank) {
  if (rank == transport->rank) return true;
  return transport->cores && transport->cores[rank] == transport->cores[transport->rank];
}

struct transport_statistics transport_statistics(const struct transport *transport) {
  struct transport_statistics statistics = transport->statistics;
  statistics.memory = transport->operations->memory(transport);
  return statistics;
}

void transport_destroy(struct transport *transport) {
  if (transport) transport->operations->destroy(transport);
}
