#include "common/wire/block_pool.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_reuse(void) {
  struct block_pool pool = {0};
  struct block *a = block_pool_take(&pool, 1000, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(a);
  CU_ASSERT_EQUAL(a->size, 1000);
  CU_ASSERT_EQUAL(a->capacity, 1024);
  CU_ASSERT_EQUAL((uintptr_t)a->bytes % 64, 0);
  memset(a->bytes, 1, a->capacity);
  size_t memory = pool.memory;
  CU_ASSERT_TRUE(memory >= 1024);
  struct block *b = block_pool_take(&pool, 1000, NULL);
  CU_ASSERT_PTR_NOT_EQUAL(a, b);
  CU_ASSERT_EQUAL(pool.memory, 2 * memory);
  block_pool_give(&pool, a);
  CU_ASSERT_PTR_EQUAL(block_pool_take(&pool, 513, NULL), a); // of the same class
  CU_ASSERT_EQUAL(a->size, 513);
  CU_ASSERT_EQUAL(pool.memory, 2 * memory);
  struct block *c = block_pool_take(&pool, 512, NULL); // of the class below
  CU_ASSERT_EQUAL(c->capacity, 512);
  block_pool_give(&pool, a);
  block_pool_give(&pool, b);
  block_pool_give(&pool, c);
  block_pool_give(&pool, NULL);
  block_pool_release(&pool);
  CU_ASSERT_EQUAL(pool.memory, 0);
}

static void test_sizes(void) {
  struct block_pool pool = {0};
  for (size_t size = 0; size < 70000; size += 1 + size / 7) {
    struct block *block = block_pool_take(&pool, size, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_EQUAL(block->size, size);
    CU_ASSERT_TRUE(block->capacity >= size);
    CU_ASSERT_TRUE(block->capacity == 256 || block->capacity < 2 * size);
    memset(block->bytes, 2, block->capacity);
    block_pool_give(&pool, block);
  }
  block_pool_release(&pool);
}

static void test_large_blocks_go_back(void) {
  struct block_pool pool = {0};
  struct block *large = block_pool_take(&pool, BLOCK_KEPT + 1, NULL), *kept = block_pool_take(&pool, 300, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(large);
  CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
  CU_ASSERT_TRUE(pool.memory > BLOCK_KEPT);
  block_pool_give(&pool, large);
  block_pool_give(&pool, kept);
  CU_ASSERT_TRUE(pool.memory < 2000);
  CU_ASSERT_TRUE(pool.memory >= 512);
  block_pool_release(&pool);
}

static void test_too_much(void) {
  struct block_pool pool = {0};
  struct error error = {0};
  CU_ASSERT_PTR_NULL(block_pool_take(&pool, SIZE_MAX, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  CU_ASSERT_EQUAL(pool.memory, 0);
  block_pool_release(&pool);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a block that was given back is taken again", test_reuse},
      {"a block has the size that was asked for and wastes less than half", test_sizes},
      {"large blocks go back to the system", test_large_blocks_go_back},
      {"a block that memory has no room for is refused", test_too_much},
  };
  return unit_run("block_pool", cases, sizeof cases / sizeof *cases);
}
