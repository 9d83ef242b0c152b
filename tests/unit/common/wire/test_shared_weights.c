#include "common/wire/shared_weights.h"
#include "tests/support/unit.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 1000, READERS = 3, LARGE = 20000, CONTENTS = 64, VERSIONS = 50000 };

static struct shared_weights shared_weights_of(size_t capacity) {
  struct shared_weights shared;
  void *memory = aligned_alloc(SHARED_WEIGHTS_ALIGNMENT, shared_weights_size(capacity));
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  memset(memory, 0xee, shared_weights_size(capacity));
  shared_weights_attach(&shared, memory, capacity);
  shared_weights_clear(&shared);
  return shared;
}

// Every byte depends on the version: of two contents no two bytes in the same place agree.
static void fill(uint8_t *bytes, size_t size, uint64_t version) {
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(version + i * 7);
}

static bool is_of(const uint8_t *bytes, size_t size, uint64_t version) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != (uint8_t)(version + i * 7)) return false;
  return true;
}

static void test_empty(void) {
  struct shared_weights shared = shared_weights_of(CAPACITY);
  uint8_t bytes[4] = {1, 2, 3, 4};
  size_t size = 9;
  CU_ASSERT_EQUAL(shared_weights_version(&shared), 0);
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 0, bytes, sizeof bytes, &size), 0);
  CU_ASSERT_EQUAL(size, 0);
  CU_ASSERT_EQUAL(bytes[0], 1);
  free(shared.memory);
}

// A process that died while it wrote keeps nobody from writing. One that lives does.
static void test_shared(void) {
  const size_t bytes = shared_weights_size(CAPACITY);
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CU_ASSERT_FATAL(memory != MAP_FAILED);
  struct shared_weights shared;
  uint8_t in[CAPACITY], out[CAPACITY];
  size_t size;
  shared_weights_attach(&shared, memory, CAPACITY);
  shared_weights_clear(&shared);
  fill(in, sizeof in, 3);
  CU_ASSERT_TRUE(shared_weights_publish_shared(&shared, 3, NULL, 0, in, sizeof in));
  CU_ASSERT_FALSE(shared_weights_publish_shared(&shared, 3, NULL, 0, in, sizeof in));
  CU_ASSERT_FALSE(shared_weights_publish_shared(&shared, 2, NULL, 0, in, sizeof in));
  const pid_t child = fork();
  if (child == 0) { // dies in the middle of the copy: what it copies ends before the page that is not there
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page + 4096, 4096, PROT_NONE) != 0) _exit(1);
    signal(SIGSEGV, SIG_DFL);
    shared_weights_publish_shared(&shared, 4, NULL, 0, page + 4096 - CAPACITY / 2, CAPACITY);
    _exit(2);
  }
  int status;
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) > 2); // a sanitizer turns the signal into a status
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 0, out, sizeof out, &size), 3);
  CU_ASSERT_EQUAL(size, sizeof in);
  CU_ASSERT_TRUE(is_of(out, size, 3));
  fill(in, sizeof in, 5);
  CU_ASSERT_TRUE(shared_weights_publish_shared(&shared, 5, NULL, 0, in, sizeof in));
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 3, out, sizeof out, &size), 5);
  CU_ASSERT_TRUE(is_of(out, size, 5));
  munmap(memory, bytes);
}

static void test_newest(void) {
  static const size_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 500, CAPACITY};
  struct shared_weights shared = shared_weights_of(CAPACITY);
  uint8_t in[CAPACITY], out[CAPACITY + 8];
  uint64_t version = 0;
  size_t size;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    version += 1 + i % 3;
    fill(in, sizes[i], version);
    const size_t head = sizes[i] / 2 / 8 * 8; // the seam lies anywhere
    shared_weights_publish(&shared, version, in, head, in + head, sizes[i] - head);
    memset(out, 0xaa, sizeof out);
    CU_ASSERT_EQUAL(shared_weights_version(&shared), version);
    CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, version - 1, out, CAPACITY, &size), version);
    CU_ASSERT_EQUAL(size, sizes[i]);
    CU_ASSERT_TRUE_FATAL(is_of(out, size, version));
    CU_ASSERT_EQUAL(out[size], 0xaa);
    CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, version, out, CAPACITY, &size), 0); // nothing newer
  }
  free(shared.memory);
}

static void test_limit(void) {
  struct shared_weights shared = shared_weights_of(CAPACITY);
  uint8_t bytes[CAPACITY] = {0}, small[10] = {0};
  size_t size;
  memset(bytes, 1, sizeof bytes);
  shared_weights_publish(&shared, 1, bytes, 8, bytes, 3);
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 0, small, sizeof small, &size), 1);
  CU_ASSERT_EQUAL(size, 11);
  CU_ASSERT_EQUAL(small[0], 0);
  free(shared.memory);
}

// Whatever is in the shared memory, a reader ends, and it neither reads nor writes out of bounds.
static void test_hostile(void) {
  struct shared_weights shared = shared_weights_of(CAPACITY);
  uint8_t bytes[CAPACITY];
  size_t size;
  memset(bytes, 5, sizeof bytes);
  memset(shared.memory, 0xff, shared_weights_size(CAPACITY)); // the version and the size of both slots
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 0, bytes, sizeof bytes, &size), UINT64_MAX);
  CU_ASSERT_TRUE(size > sizeof bytes);
  CU_ASSERT_EQUAL(bytes[0], 5);
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 0, bytes, SIZE_MAX, &size), UINT64_MAX); // nor beyond the memory
  CU_ASSERT_TRUE(size > sizeof bytes);
  CU_ASSERT_EQUAL(bytes[0], 5);
  shared_weights_clear(&shared);
  shared_weights_publish(&shared, 1, bytes, 0, bytes, 10);
  memset(shared.memory, 0x11, sizeof(uint64_t)); // a newest version that no slot has: as a writer that died in its work
  CU_ASSERT_EQUAL(shared_weights_read_newer(&shared, 1, bytes, sizeof bytes, &size), 0);
  CU_ASSERT_EQUAL(size, 0);
  free(shared.memory);
}

static void test_reserve(void) {
  struct shared_weights shared = shared_weights_of(CAPACITY);
  CU_ASSERT_TRUE(shared_weights_reserve(&shared, CAPACITY));
  CU_ASSERT_FALSE(shared_weights_reserve(&shared, CAPACITY + 1));
  free(shared.memory);
#ifdef MADV_POPULATE_WRITE
  // A mapping beyond its file's end is memory that is promised and not there.
  const int file = memfd_create("shared_weights", 0);
  const size_t bytes = shared_weights_size(1 << 20);
  CU_ASSERT_TRUE_FATAL(file >= 0);
  CU_ASSERT_EQUAL_FATAL(ftruncate(file, 4096), 0);
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CU_ASSERT_FATAL(memory != MAP_FAILED);
  shared_weights_attach(&shared, memory, 1 << 20);
  CU_ASSERT_FALSE(shared_weights_reserve(&shared, 1 << 20));
  munmap(memory, bytes);
  close(file);
#endif
}

// One thread writes as fast as it can, others read.
struct race {
  struct shared_weights shared;
  atomic_bool over;
  atomic_int torn, backwards;
  atomic_ulong reads;
};

static void *read_all(void *argument) {
  struct race *race = argument;
  uint8_t *bytes = malloc(LARGE);
  for (uint64_t last = 0; bytes && last < VERSIONS;) {
    size_t size = 0;
    const uint64_t version = shared_weights_read_newer(&race->shared, last, bytes, LARGE, &size);
    if (version == 0) {
      if (atomic_load(&race->over) && shared_weights_version(&race->shared) <= last) break;
      continue;
    }
    if (version <= last) atomic_fetch_add(&race->backwards, 1);
    if (size != LARGE - version % CONTENTS || !is_of(bytes, size, version % CONTENTS)) atomic_fetch_add(&race->torn, 1);
    last = version;
    atomic_fetch_add(&race->reads, 1);
  }
  free(bytes);
  return NULL;
}

static void test_race(void) {
  struct race race = {.shared = shared_weights_of(LARGE)};
  pthread_t readers[READERS];
  uint8_t *contents = malloc(CONTENTS * LARGE); // ready, so that the writer overtakes readers
  CU_ASSERT_PTR_NOT_NULL_FATAL(contents);
  for (uint64_t i = 0; i < CONTENTS; i++) fill(contents + i * LARGE, LARGE, i);
  for (int i = 0; i < READERS; i++) CU_ASSERT_EQUAL_FATAL(pthread_create(&readers[i], NULL, read_all, &race), 0);
  for (uint64_t version = 1; version <= VERSIONS; version++)
    shared_weights_publish(&race.shared, version, NULL, 0, contents + version % CONTENTS * LARGE,
                           LARGE - version % CONTENTS);
  atomic_store(&race.over, true);
  for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
  CU_ASSERT_EQUAL(race.torn, 0);
  CU_ASSERT_EQUAL(race.backwards, 0);
  CU_ASSERT_TRUE(race.reads >= READERS); // each at least the last one
  free(contents);
  free(race.shared.memory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"several processes may write, and one that dies in the middle hinders nobody", test_shared},
      {"empty shared weights have version 0 and nothing to read", test_empty},
      {"the newest content is read whole, and only if it is newer", test_newest},
      {"a content larger than the reader's limit is not copied", test_limit},
      {"no content of the shared memory leads a reader out of bounds", test_hostile},
      {"memory that is missing is noticed before it is written to", test_reserve},
      {"readers see whole contents in ascending versions while a writer publishes at full speed", test_race},
  };
  return unit_run("shared_weights", cases, sizeof cases / sizeof *cases);
}
