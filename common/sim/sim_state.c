#include "common/sim/sim_state.h"

#include "common/env/channel.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static int fail(struct sim_state *state, const char *format, ...) {
  if (*state->why) return -1; // the first reason is the one that tells
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(state->why, sizeof state->why, format, arguments);
  va_end(arguments);
  return -1;
}

void sim_state_release(struct sim_state *state) {
  free(state->bytes);
  *state = (struct sim_state){0};
}

int sim_state_refuse(struct sim_state *state, const char *why) { return fail(state, "%s", *why ? why : "no reason"); }

// --- put ---

// Makes room for `size` more bytes and counts them. Returns where they go; NULL: nowhere, since the state is too large
// (corsac then refuses its size), or there is no memory.
static unsigned char *append(struct sim_state *state, size_t size) {
  const size_t at = state->size, need = size > SIZE_MAX - at ? SIZE_MAX : at + size;
  if (need > state->capacity && need <= CHANNEL_MAX_STATE) {
    const size_t capacity = need < CHANNEL_MAX_STATE / 2 ? 2 * need : CHANNEL_MAX_STATE;
    unsigned char *bytes = realloc(state->bytes, capacity);
    if (!bytes) {
      fail(state, "there is no memory for a state of %zu bytes", need);
      return NULL;
    }
    state->bytes = bytes;
    state->capacity = capacity;
  }
  state->size = need;
  return need <= CHANNEL_MAX_STATE ? state->bytes + at : NULL;
}

int sim_state_begin(struct sim_state *state, uint64_t seed, const char *case_text) {
  const uint64_t length = strlen(case_text), head[3] = {length > 0 ? SIM_STATE_CASE : SIM_STATE_MAGIC, seed, length};
  state->size = 0;
  *state->why = 0;
  if (length == 0) return sim_state_put(state, head, 2 * sizeof *head);
  return sim_state_put(state, head, sizeof head) == 0 ? sim_state_put(state, case_text, (size_t)length) : -1;
}

int sim_state_put(struct sim_state *state, const void *bytes, size_t size) {
  unsigned char *to = append(state, size);
  if (to && size > 0) memcpy(to, bytes, size);
  return *state->why ? -1 : 0;
}

static int put_content(struct sim_state *state, int file, const char *path) {
  struct stat status;
  if (fstat(file, &status) != 0) return fail(state, "%.150s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail(state, "%.150s is no regular file", path);
  const uint64_t size = (uint64_t)status.st_size;
  if (sim_state_put(state, &size, sizeof size) != 0) return -1;
  unsigned char *to = append(state, (size_t)size);
  for (uint64_t done = 0; to && done < size;) {
    const ssize_t got = read(file, to + done, (size_t)(size - done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(state, "%.150s: %s", path, strerror(errno));
    if (got == 0) return fail(state, "%.150s became shorter while it was read", path);
    done += (uint64_t)got;
  }
  return *state->why ? -1 : 0;
}

int sim_state_put_file(struct sim_state *state, const char *path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(state, "%.150s: %s", path, strerror(errno));
  const int result = put_content(state, file, path);
  close(file);
  return result;
}

// --- get ---

// Takes the case out of a state that has one. Returns whether it is whole.
static bool take_case(struct sim_state *state, char case_text[SIM_STATE_TEXT]) {
  uint64_t length;
  if (sim_state_left(state) < sizeof length) return false;
  memcpy(&length, state->given + state->at, sizeof length);
  state->at += sizeof length;
  if (length >= SIM_STATE_TEXT || length > sim_state_left(state)) return false;
  memcpy(case_text, state->given + state->at, (size_t)length);
  case_text[length] = 0;
  state->at += (size_t)length;
  return true;
}

int sim_state_open(struct sim_state *state, const void *bytes, size_t size, uint64_t *seed,
                   char case_text[SIM_STATE_TEXT]) {
  uint64_t head[2] = {0, 0};
  *state->why = *case_text = 0;
  if (size >= sizeof head) memcpy(head, bytes, sizeof head);
  *seed = head[1];
  state->given = bytes;
  state->given_size = size;
  state->at = sizeof head;
  const bool has_case = head[0] == SIM_STATE_CASE;
  if (has_case ? !take_case(state, case_text) : head[0] != SIM_STATE_MAGIC)
    return fail(state, "these %zu bytes are no state that libcorsac_sim has saved", size);
  state->begin = state->at;
  return 0;
}

size_t sim_state_left(const struct sim_state *state) { return state->given_size - state->at; }

static int fail_short(struct sim_state *state, uint64_t size) {
  return fail(state,
              "load asks for %llu bytes where %zu of the %zu are left that save has put: the two differ, or another "
              "version of the program saved them",
              (unsigned long long)size, sim_state_left(state), state->given_size - state->begin);
}

int sim_state_get(struct sim_state *state, void *bytes, size_t size) {
  if (size > sim_state_left(state)) fail_short(state, size);
  if (*state->why) {
    if (size > 0) memset(bytes, 0, size);
    return -1;
  }
  if (size > 0) memcpy(bytes, state->given + state->at, size);
  state->at += size;
  return 0;
}

static int write_content(const unsigned char *bytes, size_t size, int file) {
  while (size > 0) {
    const ssize_t done = write(file, bytes, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return -1;
    bytes += done;
    size -= (size_t)done;
  }
  return 0;
}

int sim_state_get_file(struct sim_state *state, const char *path) {
  uint64_t size;
  if (sim_state_get(state, &size, sizeof size) != 0) return -1;
  if (size > sim_state_left(state)) return fail_short(state, size);
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return fail(state, "%.150s: %s", path, strerror(errno));
  if (write_content(state->given + state->at, (size_t)size, file) != 0)
    fail(state, "%.150s: %s", path, strerror(errno));
  if (close(file) != 0) fail(state, "%.150s: %s", path, strerror(errno));
  state->at += (size_t)size;
  return *state->why ? -1 : 0;
}

int sim_state_close(struct sim_state *state) {
  const size_t left = sim_state_left(state);
  if (left > 0)
    fail(
        state,
        "load has left %zu of the %zu bytes that save has put: the two differ, or another version of the program saved "
        "them",
        left, state->given_size - state->begin);
  return *state->why ? -1 : 0;
}
