#include "actor/envs/process_state.h"

#include "common/env/channel.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool process_state_reserve(struct process_state *state, int file, size_t size) {
  if (size <= state->capacity && state->data) return true;
  const size_t capacity = (size / 65536 + 1) * 65536;
  struct stat status;
  if (fstat(file, &status) != 0) return false;
  // The child may have made it larger, but its seal keeps it from becoming smaller.
  if ((size_t)status.st_size < CHANNEL_STATE + capacity && ftruncate(file, (off_t)(CHANNEL_STATE + capacity)) != 0)
    return false;
  void *memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)CHANNEL_STATE);
  if (memory == MAP_FAILED) return false;
  process_state_release(state);
  *state = (struct process_state){memory, capacity};
  return true;
}

void process_state_release(struct process_state *state) {
  if (state->data) munmap(state->data, state->capacity);
  *state = (struct process_state){0};
}
