// Message buffers that are allocated once and reused. There is a free list for each power of two, so that steady
// traffic allocates nothing.
#ifndef CORSAC_COMMON_WIRE_BLOCK_POOL_H
#define CORSAC_COMMON_WIRE_BLOCK_POOL_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_CLASSES = 48, BLOCK_SMALLEST = 8 }; // 2^8 bytes is the smallest block
// Larger blocks go back to the system, so that the burst of a checkpoint is not held for ever.
#define BLOCK_KEPT ((size_t)1 << 26)

struct block {
  struct block *next; // for the holder of the block
  size_t size, capacity;
  int from;
  uint8_t *bytes; // (capacity), in the same allocation
};
// Zero-initialised is empty.
struct block_pool {
  struct block *free[BLOCK_CLASSES];
  size_t memory; // bytes of all blocks, free or taken
};

// NULL: STATUS_MEMORY.
struct block *block_pool_take(struct block_pool *pool, size_t size, struct error *error);
// NULL is fine.
void block_pool_give(struct block_pool *pool, struct block *block);
// Frees the blocks that were given back. Taken ones stay their holders'.
void block_pool_release(struct block_pool *pool);

#endif
