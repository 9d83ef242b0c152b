// Aligned memory, a growing buffer, and an arena for the arrays of one owner. Memory is taken at the start: nothing is
// allocated in an update or a step.
#ifndef CORSAC_COMMON_BASE_MEMORY_H
#define CORSAC_COMMON_BASE_MEMORY_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_ALIGNMENT = 64 }; // a cache line, and the widest vector

// Allocates count x size bytes, zeroed and aligned to MEMORY_ALIGNMENT; not NULL for count 0. If there is not enough
// memory or count * size overflows, returns NULL and sets STATUS_MEMORY with a message that says how much `what`
// wanted. Large blocks cost no memory until they are touched, and ask for huge pages.
// Free with memory_free.
void *memory_alloc(size_t count, size_t size, const char *what, struct error *error);

// NULL is fine.
void memory_free(void *pointer);

// The bytes that this process may still take: the smaller of the machine's available memory and the rest of its control
// group's limit.
uint64_t memory_available(void);

// A growing byte buffer. Zero-initialised is empty. Its address changes when it grows.
struct buffer {
  uint8_t *data;
  size_t size, capacity;
};

// Keeps data[0..size).
enum status buffer_reserve(struct buffer *buffer, size_t capacity, struct error *error);
void buffer_release(struct buffer *buffer);

// One block that holds many arrays.
struct arena {
  char *base;
  size_t size, used;
};
enum status arena_init(struct arena *arena, size_t size, const char *what, struct error *error);
void arena_release(struct arena *arena);

// The next array of the arena, aligned and zeroed. Asserts that it fits.
void *arena_alloc(struct arena *arena, size_t count, size_t size);

// The bytes that arena_alloc(count, size) takes, with its alignment. An arena's size is the sum of these.
size_t arena_need(size_t count, size_t size);

#endif
