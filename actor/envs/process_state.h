// The part of a channel's memory object that holds a saved state. It is mapped as far as it is used.
#ifndef CORSAC_ACTOR_ENVS_PROCESS_STATE_H
#define CORSAC_ACTOR_ENVS_PROCESS_STATE_H

#include <stdbool.h>
#include <stddef.h>

// Zero-initialised is empty.
struct process_state {
  void *data;
  size_t capacity;
};
// Makes room for at least `size` bytes, in the object and in the mapping. false: errno says why.
bool process_state_reserve(struct process_state *state, int file, size_t size);
void process_state_release(struct process_state *state);
#endif
