// For implementations of transport.h only: the operations behind it. An implementation embeds struct transport as its
// first member.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_IMPL_H
#define CORSAC_COMMON_WIRE_TRANSPORT_IMPL_H

#include "common/wire/transport.h"

struct transport_operations {
  enum status (*send)(struct transport *transport, int to, const void *bytes, size_t size, struct error *error);
  enum status (*receive)(struct transport *transport, int *from, const uint8_t **bytes, size_t *size,
                         struct error *error);
  size_t (*unsent)(struct transport *transport);
  enum status (*shared_weights_open)(struct transport *transport, size_t capacity, struct error *error);
  size_t (*memory)(const struct transport *transport);
  void (*destroy)(struct transport *transport);
};
struct transport {
  const struct transport_operations *operations;
  int rank, size;
  const int *world; // (size) transport_world_rank of each; NULL: the same as here
  bool one_process;
  size_t limit; // bytes of the largest message, WIRE_MAX_MESSAGE
  struct transport_statistics statistics;
  struct shared_weights shared;   // memory NULL: this rank sees none
  size_t shared_weights_asked;    // bytes that it asked for
  const int *shared_weights_home; // (size) transport_shared_weights_home of each rank; NULL: no rank sees any
  const uint64_t *cores;          // (size) a number for the cores of each rank; NULL: unknown
};

#endif
