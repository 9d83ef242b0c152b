// A queue by time: what is due first comes out first, and of what is due at one time what was put in first. A binary
// heap.
#ifndef CORSAC_TESTS_SIMULATION_QUEUE_H
#define CORSAC_TESTS_SIMULATION_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queue_entry {
  double time;
  uint64_t order; // of queue_put
  void *item;
  uint64_t number; // as the caller likes
};

// Zero-initialised: empty.
struct queue {
  struct queue_entry *entry; // (capacity)
  size_t size, capacity;
  uint64_t order;
};

void queue_release(struct queue *queue);
void queue_put(struct queue *queue, double time, void *item, uint64_t number);

// The first entry; only where size > 0.
struct queue_entry queue_take(struct queue *queue);

// Takes out every entry that `wanted` returns true for, in order, and gives it to `each`.
void queue_filter(struct queue *queue, _Bool (*wanted)(const struct queue_entry *, void *),
                  void (*each)(const struct queue_entry *, void *), void *argument);

#endif
