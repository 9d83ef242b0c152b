#include "tests/simulation/queue.h"

#include <stdbool.h>
#include <stdlib.h>

void queue_release(struct queue *queue) {
  free(queue->entry);
  *queue = (struct queue){0};
}

static bool is_before(const struct queue_entry *a, const struct queue_entry *b) {
  return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void put(struct queue *queue, struct queue_entry entry) {
  if (queue->size == queue->capacity) {
    queue->capacity = queue->capacity ? 2 * queue->capacity : 16;
    queue->entry = realloc(queue->entry, queue->capacity * sizeof *queue->entry);
    if (!queue->entry) abort();
  }
  size_t at = queue->size++;
  for (; at > 0 && is_before(&entry, &queue->entry[(at - 1) / 2]); at = (at - 1) / 2)
    queue->entry[at] = queue->entry[(at - 1) / 2];
  queue->entry[at] = entry;
}

void queue_put(struct queue *queue, double time, void *item, uint64_t number) {
  put(queue, (struct queue_entry){time, queue->order++, item, number});
}

struct queue_entry queue_take(struct queue *queue) {
  const struct queue_entry first = queue->entry[0], last = queue->entry[--queue->size];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < queue->size; at = child) {
    if (child + 1 < queue->size && is_before(&queue->entry[child + 1], &queue->entry[child])) child++;
    if (!is_before(&queue->entry[child], &last)) break;
    queue->entry[at] = queue->entry[child];
  }
  queue->entry[at] = last;
  return first;
}

void queue_filter(struct queue *queue, bool (*wanted)(const struct queue_entry *, void *),
                  void (*each)(const struct queue_entry *, void *), void *argument) {
  struct queue before = *queue, out = {0};
  *queue = (struct queue){.order = before.order};
  for (size_t i = 0; i < before.size; i++) put(wanted(&before.entry[i], argument) ? &out : queue, before.entry[i]);
  while (out.size > 0) {
    const struct queue_entry entry = queue_take(&out);
    each(&entry, argument);
  }
  queue_release(&out);
  free(before.entry);
}
