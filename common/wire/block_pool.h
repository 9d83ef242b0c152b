// Message buffers that are taken once and reused: free lists by power-of-two size, so that steady traffic allocates
// nothing.
#ifndef CORSAC_COMMON_WIRE_BLOCK_POOL_H
#define CORSAC_COMMON_WIRE_BLOCK_POOL_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_CLASSES = 48, BLOCK_SMALLEST = 8 }; // 2^8 bytes is the smallest block
#define BLOCK_KEPT ((size_t)1 << 26) // larger blocks go back to the system: a checkpoint's burst is not held for ever

struct block {
  struct block *next; // for whoever holds the block
  size_t size, capacity;
  int from;
  uint8_t *bytes; // (capacity), in the same allocation
};
// Zero-initialised is empty.
struct block_pool {
  struct block *free[BLOCK_CLASSES];
  size_t memory; // bytes of all blocks, free or taken
};

struct block *block_pool_take(struct block_pool *pool, size_t size, struct error *error); // NULL: STATUS_MEMORY
void block_pool_give(struct block_pool *pool, struct block *block);                       // NULL is fine
void block_pool_release(struct block_pool *pool); // frees what was given back; taken blocks stay their holders'

#endif
