#include "common/base/memory.h"
#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Rows and panels in 4 KiB pages miss the TLB. This is a hint: where it is refused, everything is only slower.
static void ask_huge_pages(char *block, size_t size) {
  enum { LARGE = 4 << 20 };
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t begin = ((uintptr_t)block + page - 1) / page * page, end = ((uintptr_t)block + size) / page * page;
  if (size >= LARGE) (void)madvise(block + (begin - (uintptr_t)block), end - begin, MADV_HUGEPAGE);
}

// calloc gets large blocks zeroed from the kernel without touching them, while a block of aligned_alloc would have to
// be zeroed by hand. So calloc's block has room for alignment, and its address lies right before the aligned part.
void *memory_alloc(size_t count, size_t size, const char *what, struct error *error) {
  enum { ROOM = MEMORY_ALIGNMENT + sizeof(void *) };
  size_t total;
  if (__builtin_mul_overflow(count, size, &total) || total > PTRDIFF_MAX - ROOM) {
    error_set(error, STATUS_MEMORY, "%s: %zu items of %zu bytes are more than any memory holds", what, count, size);
    return NULL;
  }
  char *block = calloc(total + ROOM, 1);
  if (!block) {
    error_set(error, STATUS_MEMORY, "%s: no memory for %.1f MiB (%.1f MiB are available)", what,
              (double)total / 1048576, (double)memory_available() / 1048576);
    return NULL;
  }
  ask_huge_pages(block, total + ROOM);
  char *start = block + sizeof(void *);
  start += -(uintptr_t)start % MEMORY_ALIGNMENT;
  memcpy(start - sizeof(void *), &block, sizeof block);
  return start;
}

void memory_free(void *pointer) {
  if (!pointer) return;
  char *block;
  memcpy(&block, (char *)pointer - sizeof(void *), sizeof block);
  free(block);
}

// Reads the number after `key` at the start of a line of a file ("" for the first word of the file). Returns false if
// there is none (a control group without a limit has "max").
static bool read_number(const char *path, const char *key, uint64_t *value) {
  FILE *file = fopen(path, "re");
  if (!file) return false;
  char line[256];
  size_t length = strlen(key);
  bool found = false;
  while (!found && fgets(line, sizeof line, file)) {
    unsigned long long number;
    if (strncmp(line, key, length) == 0 && sscanf(line + length, " %llu", &number) == 1) {
      *value = number;
      found = true;
    }
  }
  fclose(file);
  return found;
}

// The minimum of limit - (usage - droppable cache) over the group at `path` below `mount` and its parents.
static uint64_t group_available(const char *mount, char *path, const char *limit_file, const char *usage_file,
                                const char *cache_key) {
  uint64_t least = UINT64_MAX;
  for (;;) {
    char name[PATH_MAX];
    uint64_t limit, usage = 0, cache = 0;
    snprintf(name, sizeof name, "%s%s/%s", mount, path, limit_file);
    if (read_number(name, "", &limit)) {
      snprintf(name, sizeof name, "%s%s/%s", mount, path, usage_file);
      (void)read_number(name, "", &usage);
      snprintf(name, sizeof name, "%s%s/memory.stat", mount, path);
      (void)read_number(name, cache_key, &cache);
      usage -= cache < usage ? cache : usage;
      uint64_t rest = usage < limit ? limit - usage : 0;
      if (rest < least) least = rest;
    }
    char *slash = strrchr(path, '/');
    if (!slash) return least;
    *slash = '\0';
  }
}

uint64_t memory_available(void) {
  uint64_t least = UINT64_MAX, kilobytes;
  if (read_number("/proc/meminfo", "MemAvailable:", &kilobytes)) least = kilobytes * 1024;
  FILE *file = fopen("/proc/self/cgroup", "re"); // "0::/path" (version 2), "9:memory:/path" (version 1)
  if (!file) return least;
  char line[PATH_MAX];
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = '\0';
    uint64_t rest = UINT64_MAX;
    if (strcmp(controllers, ":") == 0) {
      rest = group_available("/sys/fs/cgroup", path, "memory.max", "memory.current", "inactive_file ");
    } else if (strstr(controllers, "memory")) {
      rest = group_available("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes",
                             "total_inactive_file ");
    }
    if (rest < least) least = rest;
  }
  fclose(file);
  return least;
}

enum status buffer_reserve(struct buffer *buffer, size_t capacity, struct error *error) {
  if (capacity <= buffer->capacity) return STATUS_OK;
  // Doubling makes many small appends cheap.
  if (buffer->capacity <= SIZE_MAX / 2 && capacity < 2 * buffer->capacity) capacity = 2 * buffer->capacity;
  uint8_t *data = memory_alloc(capacity, 1, "buffer", error);
  if (!data) return STATUS_MEMORY;
  if (buffer->size > 0) memcpy(data, buffer->data, buffer->size);
  memory_free(buffer->data);
  buffer->data = data;
  buffer->capacity = capacity;
  return STATUS_OK;
}

void buffer_release(struct buffer *buffer) {
  memory_free(buffer->data);
  *buffer = (struct buffer){0};
}

enum status arena_init(struct arena *arena, size_t size, const char *what, struct error *error) {
  char *base = memory_alloc(size, 1, what, error);
  if (!base) return STATUS_MEMORY;
  *arena = (struct arena){.base = base, .size = size};
  return STATUS_OK;
}

void arena_release(struct arena *arena) {
  memory_free(arena->base);
  *arena = (struct arena){0};
}

size_t arena_need(size_t count, size_t size) {
  size_t total;
  bool overflow = __builtin_mul_overflow(count, size, &total);
  // arena_init refuses this size with a message.
  if (overflow || total > SIZE_MAX - MEMORY_ALIGNMENT) return SIZE_MAX - SIZE_MAX % MEMORY_ALIGNMENT;
  return (total + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size) {
  size_t need = arena_need(count, size);
  assert(need <= arena->size - arena->used);
  void *start = arena->base + arena->used;
  arena->used += need;
  return start;
}
