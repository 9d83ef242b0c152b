#include "common/base/memory.h"
#include "tests/support/unit.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Too much must come back as NULL also where a sanitizer owns malloc.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "allocator_may_return_null=1"; }

static int is_zero(const unsigned char *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (data[i]) return 0;
  }
  return 1;
}

static void test_alloc(void) {
  static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct error error = {0};
    unsigned char *data = memory_alloc(sizes[i], 3, "test", &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CU_ASSERT_EQUAL((uintptr_t)data % MEMORY_ALIGNMENT, 0);
    CU_ASSERT(is_zero(data, 3 * sizes[i]));
    memset(data, 0xff, 3 * sizes[i]); // the sanitizer checks that the block is this long
    memory_free(data);
    CU_ASSERT_EQUAL(error.status, STATUS_OK);
  }
  memory_free(NULL);
}

static void test_alloc_refused(void) {
  struct error error = {0};
  CU_ASSERT_PTR_NULL(memory_alloc(SIZE_MAX / 2, 3, "replay", &error));
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  CU_ASSERT_TRUE(error_says(&error, "replay"));
  error_clear(&error);
  CU_ASSERT_PTR_NULL(memory_alloc((size_t)1 << 60, 1, "replay", &error));
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  CU_ASSERT_TRUE(error_says(&error, "replay"));
  CU_ASSERT_TRUE(error_says(&error, "1099511627776.0 MiB"));
  CU_ASSERT_PTR_NULL(memory_alloc((size_t)1 << 60, 1, "replay", NULL));
}

static void test_untouched_costs_nothing(void) {
  enum { SIZE = 1 << 28 };
  size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = SIZE / page - 1, resident = 0;
  char *data = memory_alloc(SIZE, 1, "test", NULL);
  unsigned char *in_core = memory_alloc(pages, 1, "test", NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(data);
  CU_ASSERT_PTR_NOT_NULL_FATAL(in_core);
  char *start = data + page - (uintptr_t)data % page;
  CU_ASSERT_EQUAL(mincore(start, pages * page, in_core), 0);
  for (size_t i = 0; i < pages; i++) resident += in_core[i] & 1;
#ifndef __SANITIZE_THREAD__ // which clears blocks by hand
  CU_ASSERT(resident < pages / 16);
#endif
  memory_free(data);
  memory_free(in_core);
}

static void test_available(void) {
  uint64_t available = memory_available();
  uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
  CU_ASSERT(available > 1 << 20);
  CU_ASSERT(available <= physical);
}

static void test_buffer(void) {
  struct buffer buffer = {0};
  CU_ASSERT_EQUAL(buffer_reserve(&buffer, 0, NULL), STATUS_OK);
  unsigned moves = 0;
  for (unsigned i = 0; i < 10000; i++) {
    uint8_t *before = buffer.data;
    CU_ASSERT_EQUAL_FATAL(buffer_reserve(&buffer, buffer.size + 1, NULL), STATUS_OK);
    moves += buffer.data != before;
    buffer.data[buffer.size++] = (uint8_t)(i * 7);
  }
  CU_ASSERT(buffer.capacity >= 10000);
  CU_ASSERT(moves < 20);
  unsigned wrong = 0;
  for (unsigned i = 0; i < 10000; i++) wrong += buffer.data[i] != (uint8_t)(i * 7);
  CU_ASSERT_EQUAL(wrong, 0);
  struct buffer copy = buffer;
  struct error error = {0};
  UNIT_STATUS(buffer_reserve(&buffer, SIZE_MAX, &error), STATUS_MEMORY, &error);
  CU_ASSERT_EQUAL(error.status, STATUS_MEMORY);
  CU_ASSERT_EQUAL(buffer.data, copy.data);
  CU_ASSERT_EQUAL(buffer.size, copy.size);
  CU_ASSERT_EQUAL(buffer.capacity, copy.capacity);
  CU_ASSERT_EQUAL(buffer_reserve(&buffer, 5, NULL), STATUS_OK); // it does not shrink
  CU_ASSERT_EQUAL(buffer.capacity, copy.capacity);
  buffer_release(&buffer);
  CU_ASSERT_PTR_NULL(buffer.data);
  CU_ASSERT_EQUAL(buffer.capacity, 0);
}

static void test_arena(void) {
  size_t size = arena_need(3, sizeof(float)) + arena_need(0, 8) + arena_need(64, 1) + arena_need(65, 1);
  CU_ASSERT_EQUAL(size, 64 + 0 + 64 + 128);
  struct arena arena;
  CU_ASSERT_EQUAL_FATAL(arena_init(&arena, size, "scratch", NULL), STATUS_OK);
  char *a = arena_alloc(&arena, 3, sizeof(float));
  char *b = arena_alloc(&arena, 64, 1);
  char *c = arena_alloc(&arena, 65, 1);
  CU_ASSERT_EQUAL((uintptr_t)a % MEMORY_ALIGNMENT, 0);
  CU_ASSERT_EQUAL(b - a, 64);
  CU_ASSERT_EQUAL(c - b, 64);
  memset(a, 1, 12), memset(b, 2, 64), memset(c, 3, 65);
  CU_ASSERT_EQUAL(a[11], 1);
  CU_ASSERT_EQUAL(b[63], 2);
  CU_ASSERT_EQUAL(arena.used, size);
  arena_release(&arena);
  CU_ASSERT_PTR_NULL(arena.base);
  struct error error = {0};
  UNIT_STATUS(arena_init(&arena, arena_need(SIZE_MAX / 2, 4), "scratch", &error), STATUS_MEMORY, &error);
  CU_ASSERT_TRUE(error_says(&error, "scratch"));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"memory is aligned, zeroed, and as large as asked for", test_alloc},
      {"a refused allocation names who wanted how much", test_alloc_refused},
      {"a large block costs nothing until it is touched", test_untouched_costs_nothing},
      {"the available memory is not more than the machine has", test_available},
      {"a buffer grows with its contents", test_buffer},
      {"an arena hands out aligned arrays that do not overlap", test_arena},
  };
  return unit_run("memory", cases, sizeof cases / sizeof *cases);
}
