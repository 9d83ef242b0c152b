// The state of a simulator as bytes: what save puts into it, and what load gets out of it in the same order. The first
// thing that goes wrong is kept in `why`, so that a simulator may ignore what its calls return.
//
//   bytes [0, 8)   SIM_STATE_MAGIC
//   bytes [8, 16)  the seed of the episode
//   bytes [16, ..) what was put. A file is its size (8 bytes) and its content.
//
// Where the episode has a case, the first bytes are SIM_STATE_CASE, and the case stands before what was put: its length
// (8 bytes) and its text.
#ifndef CORSAC_COMMON_SIM_SIM_STATE_H
#define CORSAC_COMMON_SIM_SIM_STATE_H

#include <stddef.h>
#include <stdint.h>

#define SIM_STATE_MAGIC 0x3165746174536d53u
#define SIM_STATE_CASE  0x3265746174536d53u
enum { SIM_STATE_WHY = 256, SIM_STATE_TEXT = 1024 }; // SIM_STATE_TEXT: bytes of a case with its 0

// Zero-initialised is empty.
struct sim_state {
  unsigned char *bytes;         // (capacity) what was put; kept from one save to the next
  size_t capacity, size;        // size: what was put, also where it is more than CHANNEL_MAX_STATE and not kept
  const unsigned char *given;   // (given_size) what is got, not owned
  size_t given_size, at, begin; // begin: where what was put begins
  char why[SIM_STATE_WHY];      // "": nothing is wrong
};

void sim_state_release(struct sim_state *state);

// Begins a new state. case_text: of the episode, "": it has none. The next four return 0, or -1 with a reason in `why`.
int sim_state_begin(struct sim_state *state, uint64_t seed, const char *case_text);
int sim_state_put(struct sim_state *state, const void *bytes, size_t size);
int sim_state_put_file(struct sim_state *state, const char *path);

// Begins to get out of `bytes`, which have to stay until the last get, and writes the seed and the case.
int sim_state_open(struct sim_state *state, const void *bytes, size_t size, uint64_t *seed,
                   char case_text[SIM_STATE_TEXT]);

// A get that fails writes zeros.
int sim_state_get(struct sim_state *state, void *bytes, size_t size);
int sim_state_get_file(struct sim_state *state, const char *path);
size_t sim_state_left(const struct sim_state *state);

// Sets `why`, unless there is one. Returns -1.
int sim_state_refuse(struct sim_state *state, const char *why);

// Checks that everything has been got.
int sim_state_close(struct sim_state *state);
#endif
