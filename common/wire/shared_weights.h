// Shared-memory weights: one content, which one process of a node writes and the others read out of memory that they
// share. The newest version wins. Neither side waits: a writer never looks at readers, and a reader that was overtaken
// keeps what it has. shared_weights.c says how (a seqlock with two slots), shared_policy.h what the content is.
#ifndef CORSAC_COMMON_WIRE_SHARED_WEIGHTS_H
#define CORSAC_COMMON_WIRE_SHARED_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARED_WEIGHTS_ALIGNMENT = 64 };

// The memory itself.
struct shared_weights_memory;

// One process' view of it.
struct shared_weights {
  struct shared_weights_memory *memory; // not owned
  size_t capacity; // bytes of the largest content; the maker of the memory tells it; it is never read out of the memory
};

// Bytes of memory for contents of up to `capacity` bytes.
size_t shared_weights_size(size_t capacity);

// memory: shared_weights_size(capacity) bytes, aligned to SHARED_WEIGHTS_ALIGNMENT.
void shared_weights_attach(struct shared_weights *shared, void *memory, size_t capacity);

// Makes it empty. The maker of the memory calls this once, before any other process reads.
void shared_weights_clear(struct shared_weights *shared);

// The writer: makes sure of the memory for contents of `size` bytes. Until then the memory may only be promised, and
// where /dev/shm is full the kernel kills a process that touches a promised page. false: the content does not fit, or
// there is no memory.
bool shared_weights_reserve(struct shared_weights *shared, size_t size);

// The only writer: publishes head, a multiple of 8 bytes, then body; together at most the capacity. Versions ascend
// from 1.
void shared_weights_publish(struct shared_weights *shared, uint64_t version, const void *head, size_t head_size,
                            const void *body, size_t body_size);

// The same for one of several writers. false: another one is writing, or has published this version or a newer one. A
// writer that died in the middle does not stop the others.
bool shared_weights_publish_shared(struct shared_weights *shared, uint64_t version, const void *head, size_t head_size,
                                   const void *body, size_t body_size);

// The newest version there is, 0: none. One load.
uint64_t shared_weights_version(const struct shared_weights *shared);

// Copies the newest content and returns its version if that is above `than`. 0: there is none, or writers were faster a
// few times in a row. *size is the size that the content claims: where it is more than `limit`, nothing was copied.
uint64_t shared_weights_read_newer(const struct shared_weights *shared, uint64_t than, void *bytes, size_t limit,
                                   size_t *size);

#endif
