// Between an actor (the host) and a simulator in a child process: one shared memory object, in which the host asks and
// the child answers. Only plain data of fixed width is in it. Both sides check magic, version and size before anything
// else; the host believes nothing it reads: it copies a value, then checks the copy.
//
//   host                                        child
//   writes the head, request OPEN, number 1     claims the channel, writes the spec, answers 1
//   RESET (seed)                                obs
//   STEP (action)                               obs, reward, flags, info
//   SAVE                                        state_size; the state itself where it fits into state_capacity
//   LOAD (state_size)                           nothing
//   CLOSE                                       ends
//
// An answer may also be CHANNEL_FAILED with a text. The child finds the object by CHANNEL_VARIABLE in its environment:
// "FD:PATH", a descriptor that it has inherited, and a path to the same for programs whose launcher closed it.
#ifndef CORSAC_COMMON_ENV_CHANNEL_H
#define CORSAC_COMMON_ENV_CHANNEL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_VARIABLE "CORSAC_CHANNEL"
#define CHANNEL_MAGIC    0x6361736f72636f63u
enum {
  CHANNEL_VERSION = 1,
  CHANNEL_MAX_DIM = 1 << 20,
  CHANNEL_MAX_INFO = 16,
  CHANNEL_NAME = 64,
  CHANNEL_INFO_NAME = 32,
  CHANNEL_TEXT = 512,
  CHANNEL_LINE = 64 // bytes that two cores do not fight for
};

enum channel_request { CHANNEL_OPEN = 1, CHANNEL_RESET, CHANNEL_STEP, CHANNEL_SAVE, CHANNEL_LOAD, CHANNEL_CLOSE };
enum channel_status { CHANNEL_OK = 0, CHANNEL_FAILED = 1 };
enum { CHANNEL_CAN_SAVE = 1 }; // channel_spec.flags

// What one side sleeps at until the other (or whoever has news) rings.
struct channel_bell {
  _Alignas(CHANNEL_LINE) _Atomic uint32_t rung;
  _Atomic uint32_t asleep;
};

// Numbers and names of the simulator. Texts end with a 0 within their size.
struct channel_spec {
  uint32_t obs_dim, act_dim, max_episode_steps, info_dim, flags;
  char name[CHANNEL_NAME];
  char info_names[CHANNEL_MAX_INFO][CHANNEL_INFO_NAME];
};

struct channel_answer {
  uint32_t status; // enum channel_status
  int32_t flags;
  double reward;
  uint64_t state_size;
  char text[CHANNEL_TEXT]; // why it failed
};

struct channel {
  // The head, the same in every version. Written by the host before the child is there, but for the last line.
  uint64_t magic;
  uint32_t version, size; // CHANNEL_VERSION, sizeof(struct channel)
  int32_t host;           // process number
  uint32_t child_version, child_size;
  // The host's. asked is the number of the request, counted from 1, and is written last.
  struct channel_bell to_child;
  _Atomic uint32_t asked;
  uint32_t request; // enum channel_request
  uint64_t seed, state_size, state_capacity;
  // The child's. answered is the number of the request that answer is for, and is written last.
  struct channel_bell to_host;
  _Atomic uint32_t answered;
  _Atomic uint32_t claimed; // its process number
  struct channel_answer answer;
  struct channel_spec spec;
  double info[CHANNEL_MAX_INFO];
  // By the spec's dimensions; the object is sparse, so that what is not used takes no memory.
  _Alignas(4096) float action[CHANNEL_MAX_DIM];
  float obs[CHANNEL_MAX_DIM];
  double action_low[CHANNEL_MAX_DIM], action_high[CHANNEL_MAX_DIM];
};
// Behind it, from byte CHANNEL_STATE on, lie state_capacity bytes for SAVE and LOAD; the host makes the object larger.
#define CHANNEL_STATE ((sizeof(struct channel) + 65535) / 65536 * 65536)

// How one side waits: it looks again and again for as long as that has been worth it lately, then sleeps.
struct channel_patience {
  double looks; // s
  uint32_t waits;
};

void channel_ring(struct channel_bell *bell);
// Returns when the bell has been rung since it stood at `seen`, or after about so many seconds, or now and then for no
// reason: look, read `rung` before looking, and wait again.
void channel_wait(struct channel_bell *bell, uint32_t seen, double seconds, struct channel_patience *patience);
#endif
