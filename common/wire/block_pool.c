#include "common/wire/block_pool.h"
#include "common/base/memory.h"
#include <assert.h>

enum { BLOCK_HEADER = (sizeof(struct block) + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT };

static unsigned block_class(size_t size) {
  unsigned bin = BLOCK_SMALLEST;
  while (bin < BLOCK_CLASSES && ((size_t)1 << bin) < size) bin++;
  return bin;
}

struct block *block_pool_take(struct block_pool *pool, size_t size, struct error *error) {
  unsigned bin = block_class(size);
  if (bin == BLOCK_CLASSES) {
    error_set(error, STATUS_MEMORY, "a message buffer of %zu bytes is more than can be had", size);
    return NULL;
  }
  struct block *block = pool->free[bin];
  if (block) {
    pool->free[bin] = block->next;
  } else {
    size_t capacity = (size_t)1 << bin;
    block = memory_alloc(1, BLOCK_HEADER + capacity, "a message buffer", error);
    if (!block) return NULL;
    block->bytes = (uint8_t *)block + BLOCK_HEADER;
    block->capacity = capacity;
    pool->memory += BLOCK_HEADER + capacity;
  }
  block->next = NULL;
  block->size = size;
  return block;
}

void block_pool_give(struct block_pool *pool, struct block *block) {
  if (!block) return;
  assert(pool->memory >= BLOCK_HEADER + block->capacity);
  if (block->capacity > BLOCK_KEPT) {
    pool->memory -= BLOCK_HEADER + block->capacity;
    memory_free(block);
    return;
  }
  unsigned bin = block_class(block->capacity);
  block->next = pool->free[bin];
  pool->free[bin] = block;
}

void block_pool_release(struct block_pool *pool) {
  for (unsigned bin = 0; bin < BLOCK_CLASSES; bin++) {
    while (pool->free[bin]) {
      struct block *block = pool->free[bin];
      pool->free[bin] = block->next;
      memory_free(block);
    }
  }
  *pool = (struct block_pool){0};
}
