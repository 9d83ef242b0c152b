// A seqlock with two slots, which take turns: the newest content stays where it is while the next one is written.
//
// States of a slot, by its version:
//
//   OPEN      0: it was never written, or a writer is filling it
//   WHOLE     v: it holds all of version v
//
// States of the memory:
//
//   EMPTY     newest is 0, both slots are OPEN
//   STANDING  newest is v, one slot is WHOLE with v, the other is OPEN or WHOLE with an older version
//   FILLING   the same, and the other slot is OPEN while a writer fills it
//
// Events:
//
//   any -> EMPTY                shared_weights_clear, before any other process reads
//   EMPTY, STANDING -> FILLING  shared_weights_publish begins
//   FILLING -> STANDING         shared_weights_publish ends: first its slot is WHOLE, then newest is its version
//   FILLING stays               the writer died. The next one fills the same slot from its begin, also where the slot
//                               was WHOLE already and only newest was missing.
//
// Several writers (shared_weights_publish_shared) exclude each other by the field `writer`. A writer stores its process
// number there, and 0 when it has finished. A writer that finds another one there returns without publishing.
//
// Invariants:
//
//   I1. One process writes at a time: the only writer there is, or the one whose process number is in `writer`. The
//       field is taken over from a writer that died only after its process has ended.
//   I2. newest never goes down, and it is stored after its slot has become WHOLE.
//   I3. While newest is v > 0, one slot is WHOLE with v, and no writer touches that slot.
//   I4. A slot is OPEN from before the first word of a content is stored until after the last one. So a reader that
//       finds the same version before and after its copy has that version and nothing else.
//   I5. The two slots never have the same version, but for 0.
//   I6. A reader trusts no number in the memory before it has checked it. The capacity is not read from there.
//
// A reader that finds no whole newest version was overtaken: it tries a few times and then keeps what it has.
#include "common/wire/shared_weights.h"

#include "common/base/process.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TRIES = 4, WORD = sizeof(uint64_t) };
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "processes share atomics, so these must need no lock");

struct slot {
  _Alignas(SHARED_WEIGHTS_ALIGNMENT)
      atomic_uint_least64_t version; // of the whole content; 0: there is none, or it is being written
  atomic_uint_least64_t size;        // bytes
};
struct shared_weights_memory {
  _Alignas(SHARED_WEIGHTS_ALIGNMENT) atomic_uint_least64_t newest;
  atomic_uint_least32_t writer; // I1: the process that writes, where several may; 0: none
  struct slot slot[2];
  atomic_uint_least64_t words[]; // (2 x words of a slot)
};

static size_t slot_words(size_t capacity) {
  const size_t line = SHARED_WEIGHTS_ALIGNMENT / WORD;
  return (capacity + SHARED_WEIGHTS_ALIGNMENT - 1) / SHARED_WEIGHTS_ALIGNMENT * line;
}

static atomic_uint_least64_t *words_of(const struct shared_weights *shared, int i) {
  return shared->memory->words + (size_t)i * slot_words(shared->capacity);
}

size_t shared_weights_size(size_t capacity) {
  return sizeof(struct shared_weights_memory) + 2 * slot_words(capacity) * WORD;
}

void shared_weights_attach(struct shared_weights *shared, void *memory, size_t capacity) {
  assert((uintptr_t)memory % SHARED_WEIGHTS_ALIGNMENT == 0);
  *shared = (struct shared_weights){memory, capacity};
}

void shared_weights_clear(struct shared_weights *shared) {
  struct shared_weights_memory *memory = shared->memory;
  atomic_store(&memory->newest, 0);
  atomic_store(&memory->writer, 0);
  for (int i = 0; i < 2; i++) {
    atomic_store(&memory->slot[i].version, 0);
    atomic_store(&memory->slot[i].size, 0);
  }
}

// A kernel without MADV_POPULATE_WRITE (before 5.14) says EINVAL. Its promise of the memory is then believed.
static bool populate(void *start, size_t size) {
#ifdef MADV_POPULATE_WRITE
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)start / page * page;
  char *from = (char *)start - ((uintptr_t)start - first);
  return madvise(from, (uintptr_t)start + size - first, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
#else
  return start && size > 0;
#endif
}

bool shared_weights_reserve(struct shared_weights *shared, size_t size) {
  if (size > shared->capacity) return false;
  bool there = populate(shared->memory, sizeof *shared->memory);
  for (int i = 0; i < 2; i++) there = there && populate(words_of(shared, i), slot_words(size) * WORD);
  return there;
}

uint64_t shared_weights_version(const struct shared_weights *shared) {
  return atomic_load_explicit(&shared->memory->newest, memory_order_acquire);
}

// The content's words are atomic, since a reader may be copying them. Each store releases and each load acquires: a
// reader that sees any word of a later content then also sees that the slot has been opened (I4). On x86-64 these are
// plain moves. Fences would do the same, but the thread sanitizer does not know them.
static void store_words(atomic_uint_least64_t *to, const uint8_t *from, size_t size) {
#pragma GCC unroll 8
  for (; size >= WORD; size -= WORD, from += WORD) {
    uint64_t word;
    memcpy(&word, from, WORD);
    atomic_store_explicit(to++, word, memory_order_release);
  }
  if (size == 0) return;
  uint64_t word = 0;
  memcpy(&word, from, size);
  atomic_store_explicit(to, word, memory_order_release);
}

static void load_words(uint8_t *to, atomic_uint_least64_t *from, size_t size) {
#pragma GCC unroll 8
  for (; size >= WORD; size -= WORD, to += WORD) {
    const uint64_t word = atomic_load_explicit(from++, memory_order_acquire);
    memcpy(to, &word, WORD);
  }
  if (size == 0) return;
  const uint64_t word = atomic_load_explicit(from, memory_order_acquire);
  memcpy(to, &word, size);
}

// As the one writer (I1) sees them, between two contents. The slot that a writer left when it died may be ahead of
// newest.
static void check_invariants(const struct shared_weights *shared) {
#ifdef CORSAC_CHECKS
  struct shared_weights_memory *memory = shared->memory;
  const uint64_t newest = atomic_load(&memory->newest);
  const uint64_t first = atomic_load(&memory->slot[0].version), second = atomic_load(&memory->slot[1].version);
  assert(newest == 0 || first == newest || second == newest); // I3
  assert(first != second || first == 0);                      // I5
  const struct slot *whole = &memory->slot[first == newest ? 0 : 1];
  assert(newest == 0 || atomic_load(&whole->size) <= shared->capacity);
#else
  (void)shared;
#endif
}

void shared_weights_publish(struct shared_weights *shared, uint64_t version, const void *head, size_t head_size,
                            const void *body, size_t body_size) {
  struct shared_weights_memory *memory = shared->memory;
  const uint64_t newest = atomic_load_explicit(&memory->newest, memory_order_relaxed);
  const size_t size = head_size + body_size;
  assert(size <= shared->capacity);
  assert(head_size % WORD == 0);
  assert(version > newest); // I2
  check_invariants(shared);

  // The slot that does not hold the newest version (I3) is open (I4) while it is filled.
  const int i = atomic_load_explicit(&memory->slot[0].version, memory_order_relaxed) == newest;
  struct slot *slot = &memory->slot[i];
  atomic_store_explicit(&slot->version, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->size, size, memory_order_release);
  store_words(words_of(shared, i), head, head_size);
  store_words(words_of(shared, i) + head_size / WORD, body, body_size);

  // Whole first, newest then (I2).
  atomic_store_explicit(&slot->version, version, memory_order_release);
  atomic_store_explicit(&memory->newest, version, memory_order_release);
  check_invariants(shared);
}

bool shared_weights_publish_shared(struct shared_weights *shared, uint64_t version, const void *head, size_t head_size,
                                   const void *body, size_t body_size) {
  atomic_uint_least32_t *writer = &shared->memory->writer;
  const uint32_t self = (uint32_t)getpid();
  uint32_t other = 0;
  if (shared_weights_version(shared) >= version) return false;

  // The field is 0, or the number of a process that has ended (I1).
  if (!atomic_compare_exchange_strong(writer, &other, self) &&
      !(process_has_ended(other) && atomic_compare_exchange_strong(writer, &other, self)))
    return false;

  const bool newer = shared_weights_version(shared) < version; // another writer may have been here meanwhile (I2)
  if (newer) shared_weights_publish(shared, version, head, head_size, body, body_size);
  atomic_store(writer, 0);
  return newer;
}

uint64_t shared_weights_read_newer(const struct shared_weights *shared, uint64_t than, void *bytes, size_t limit,
                                   size_t *size) {
  struct shared_weights_memory *memory = shared->memory;
  *size = 0;
  for (int tries = 0; tries < TRIES; tries++) {
    const uint64_t newest = shared_weights_version(shared);
    if (newest <= than) return 0;

    // One of the slots has it (I3), unless a writer has gone on meanwhile.
    for (int i = 0; i < 2; i++) {
      struct slot *slot = &memory->slot[i];
      if (atomic_load_explicit(&slot->version, memory_order_acquire) != newest) continue;
      const uint64_t length = atomic_load_explicit(&slot->size, memory_order_acquire); // I6: checked below
      if (length <= limit && length <= shared->capacity) load_words(bytes, words_of(shared, i), (size_t)length);
      // Versions ascend (I2), so the version that is still there has been there all the time (I4).
      if (atomic_load_explicit(&slot->version, memory_order_relaxed) != newest) continue;
      *size = length <= shared->capacity ? (size_t)length : SIZE_MAX;
      return newest;
    }
  }
  return 0;
}
