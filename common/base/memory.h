// Aligned memory, and an arena for scratch that is taken once and reused: nothing is allocated in an update or a step.
#ifndef CORSAC_COMMON_BASE_MEMORY_H
#define CORSAC_COMMON_BASE_MEMORY_H

#include "common/base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_ALIGNMENT = 64 }; // a cache line, and the widest vector

// count x size bytes, zeroed, aligned to MEMORY_ALIGNMENT; never NULL for count 0. NULL and STATUS_MEMORY with a
// message that says how much `what` wanted if it cannot be had or count * size overflows. Large blocks cost no memory
// until they are touched. Free with memory_free.
void *memory_alloc(size_t count, size_t size, const char *what, struct error *error);
void memory_free(void *pointer); // NULL is fine

// Bytes that this process may still take: the least of the machine's available memory and its control group's limit.
uint64_t memory_available(void);

// A growing byte buffer. Zero-initialised is empty. Its address changes when it grows.
struct buffer {
  uint8_t *data;
  size_t size, capacity;
};
enum status buffer_reserve(struct buffer *buffer, size_t capacity, struct error *error); // keeps data[0..size)
void buffer_release(struct buffer *buffer);

struct arena {
  char *base;
  size_t size, used;
};
enum status arena_init(struct arena *arena, size_t size, const char *what, struct error *error);
void arena_release(struct arena *arena);
// Aligned; asserts that it fits: an arena is sized by whoever knows the shapes. Contents are whatever was there.
void *arena_alloc(struct arena *arena, size_t count, size_t size);
// Bytes that arena_alloc(count, size) takes, with its alignment: what sizes are added up from.
size_t arena_need(size_t count, size_t size);
size_t arena_mark(const struct arena *arena);
void arena_reset(struct arena *arena, size_t mark); // gives back everything since the mark

#endif
