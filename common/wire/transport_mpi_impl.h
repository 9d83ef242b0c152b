// For transport_mpi*.c only.
#ifndef CORSAC_COMMON_WIRE_TRANSPORT_MPI_IMPL_H
#define CORSAC_COMMON_WIRE_TRANSPORT_MPI_IMPL_H

#include "common/wire/block_pool.h"
#include "common/wire/transport_impl.h"
#include <mpi.h>

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
  struct block *current;    // what the last receive handed out
  uint64_t turn;            // counts receives
  uint64_t *held_back;      // (size) the last turn in which this source's oldest message was not complete
  bool *lost;               // (size) a transfer with this peer failed
  int *shared_weights_home; // (size)
  MPI_Comm aside;           // of transport_mpi_listen_aside; MPI_COMM_NULL: none
  int speakers;             // ranks of it that are one peer
  int *world;               // (size) ranks in MPI_COMM_WORLD
  uint64_t *cores;          // (size + 1) of transport_mpi_share_cores, this rank's own behind the others; or NULL
};

// The operation shared_weights_open, in transport_mpi_node.c.
enum status transport_mpi_node_open(struct transport *transport, size_t capacity, struct error *error);

#endif
