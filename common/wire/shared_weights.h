// One content, newest wins, that a process writes and others on its node read out of memory they share: a seqlock.
// Nobody waits: the writer never looks at readers, and a reader that was overtaken keeps what it has. Two slots take
// turns, so a reader is overtaken only where the writer begins the version after next during the reader's copy.
#ifndef CORSAC_COMMON_WIRE_SHARED_WEIGHTS_H
#define CORSAC_COMMON_WIRE_SHARED_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARED_WEIGHTS_ALIGNMENT = 64 };

struct shared_weights_memory; // as it is shared
// One process' view of it.
struct shared_weights {
  struct shared_weights_memory *memory; // not owned
  size_t capacity; // bytes of the largest content; from the one who made the memory, never read out of it
};
size_t shared_weights_size(size_t capacity); // bytes of memory
// memory: shared_weights_size(capacity) bytes, aligned to SHARED_WEIGHTS_ALIGNMENT. The writer clears it before anybody
// else looks.
void shared_weights_attach(struct shared_weights *shared, void *memory, size_t capacity);
void shared_weights_clear(struct shared_weights *shared);
// The writer: makes the memory for contents of `size` bytes its own, which until then may only be promised (a full
// /dev/shm kills whoever touches a page that is not there). false: they do not fit, or the memory is not to be had.
bool shared_weights_reserve(struct shared_weights *shared, size_t size);
// The writer: head, a multiple of 8 bytes, then body; together at most the capacity. Versions ascend from 1.
void shared_weights_publish(struct shared_weights *shared, uint64_t version, const void *head, size_t head_size,
                            const void *body, size_t body_size);
// The same where several processes may write, of which one does at a time: false where another one is at it, or has put
// up this version or a newer one. Who died over it is nobody's hindrance.
bool shared_weights_publish_shared(struct shared_weights *shared, uint64_t version, const void *head, size_t head_size,
                                   const void *body, size_t body_size);
uint64_t shared_weights_version(const struct shared_weights *shared); // the newest there is, 0: none; one load
// Copies the newest content and returns its version if that is above `than`; 0: there is none, or the writer was faster
// a few times over. *size is what the content says of itself: where it is more than `limit`, nothing was copied.
uint64_t shared_weights_read_newer(const struct shared_weights *shared, uint64_t than, void *bytes, size_t limit,
                                   size_t *size);

#endif
