// The channel between an actor (the host) and a simulator in a child process: one shared memory object, in which the
// host asks and the child answers. It holds only plain data of fixed width. Both sides check magic, version and size
// before anything else. The host trusts no value in it: it copies the value, then checks the copy.
//
//   host                                        child
//   writes the head, request OPEN, number 1     claims the channel, writes the spec, answers 1
//   RESET (seed, episode, env_steps, case_text) obs
//   STEP (action)                               obs, reward, flags, info
//   SAVE                                        state_size; the state itself where it fits into state_capacity.
//                                               0: there is none now; negative (as int64_t): save failed
//   LOAD (state_size, case_text)                nothing
//   CLOSE                                       ends
//
// The host may ask for RESET before a fresh child has answered OPEN: the child finds it when it waits.
//
// An answer may also be CHANNEL_FAILED with a text. The child finds the object by the environment variable
// CHANNEL_VARIABLE. Its value is "FD:PATH": a descriptor that the child has inherited, and a path to the same object
// for programs whose launcher closed the descriptor. A program that shares no memory with the host gets the address of
// a socket instead (frame.h), and a relay is the host's child (actor/envs/relay.h).
#ifndef CORSAC_COMMON_ENV_CHANNEL_H
#define CORSAC_COMMON_ENV_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_VARIABLE  "CORSAC_CHANNEL"
#define CHANNEL_MAGIC     0x6361736f72636f63u
#define CHANNEL_MAX_STATE ((size_t)1 << 29) // bytes of a state
// What a program that runs without corsac begins its first line on stderr with.
#define CHANNEL_ALONE "corsac_sim: no corsac here"
enum {
  CHANNEL_VERSION = 5,
  CHANNEL_MAX_DIM = 1 << 20,
  CHANNEL_MAX_INFO = 16,
  CHANNEL_MAX_AGENTS = 65536,
  CHANNEL_NAME = 64,
  CHANNEL_INFO_NAME = 32,
  CHANNEL_TEXT = 512,
  CHANNEL_CASE = 1024,
  CHANNEL_LINE = 64 // bytes of a cache line, so that two bells do not share one
};

enum channel_request { CHANNEL_OPEN = 1, CHANNEL_RESET, CHANNEL_STEP, CHANNEL_SAVE, CHANNEL_LOAD, CHANNEL_CLOSE };
enum channel_status { CHANNEL_OK = 0, CHANNEL_FAILED = 1 };
enum { CHANNEL_CAN_SAVE = 1, CHANNEL_TAKES_CASE = 2 }; // channel_spec.flags

// One side sleeps at a bell until another thread or process rings it.
struct channel_bell {
  _Alignas(CHANNEL_LINE) _Atomic uint32_t rung;
  _Atomic uint32_t asleep;
};

// Numbers and names of the simulator. Texts end with a 0 within their size.
struct channel_spec {
  uint32_t obs_dim, act_dim, max_episode_steps, info_dim, flags;
  char name[CHANNEL_NAME];
  char info_names[CHANNEL_MAX_INFO][CHANNEL_INFO_NAME];
  uint8_t info_rules[CHANNEL_MAX_INFO]; // enum corsac_info_rule
  // 0 or 1: one. Of several, action and obs below have a row for each, at most CHANNEL_MAX_DIM numbers in all, and
  // agent_reward and agent_flags count. Through a socket (frame.h) there is one.
  uint32_t agents;
};

// Whether so many agents have room. agents: as in the spec.
static inline bool channel_has_room(const struct channel_spec *spec) {
  const uint64_t dim = spec->obs_dim > spec->act_dim ? spec->obs_dim : spec->act_dim;
  return spec->agents <= 1 || (spec->agents <= CHANNEL_MAX_AGENTS && spec->agents * dim <= CHANNEL_MAX_DIM);
}

struct channel_answer {
  uint32_t status; // enum channel_status
  int32_t flags;
  double reward;
  uint64_t state_size;
  char text[CHANNEL_TEXT]; // why it failed; why a state_size is negative
};

struct channel {
  // The head, the same in every version. The host writes it before the child starts; the child writes the last line.
  uint64_t magic;
  uint32_t version, size; // CHANNEL_VERSION, sizeof(struct channel)
  int32_t host;           // process number
  uint32_t child_version, child_size;
  // Written by the host. asked is the number of the request, counted from 1; it is written last.
  struct channel_bell to_child;
  _Atomic uint32_t asked;
  uint32_t request; // enum channel_request
  uint64_t seed, state_size, state_capacity;
  uint64_t episode, env_steps;  // of RESET: its number; steps of the job so far
  char case_text[CHANNEL_CASE]; // of RESET and LOAD: the episode's case; "": there are no cases
  // Written by the child. answered is the number of the request that it has answered; it is written last.
  struct channel_bell to_host;
  _Atomic uint32_t answered;
  _Atomic uint32_t claimed; // the child's process number, 0: no child has opened the channel
  struct channel_answer answer;
  struct channel_spec spec;
  double info[CHANNEL_MAX_INFO];
  // Used up to the spec's dimensions. The object is sparse, so the rest takes no memory.
  _Alignas(4096) float action[CHANNEL_MAX_DIM];
  float obs[CHANNEL_MAX_DIM];
  double action_low[CHANNEL_MAX_DIM], action_high[CHANNEL_MAX_DIM];
  double agent_reward[CHANNEL_MAX_AGENTS];
  uint8_t agent_flags[CHANNEL_MAX_AGENTS]; // as agent_flags of env.h gives them
};

// From byte CHANNEL_STATE of the object on lie state_capacity bytes for SAVE and LOAD. The host makes the object larger
// when it needs more.
#define CHANNEL_STATE ((sizeof(struct channel) + 65535) / 65536 * 65536)

// How long one side polls before it sleeps. Polling becomes longer where it has paid off lately, and shorter where not.
struct channel_patience {
  double polls; // s
  uint32_t waits;
};

void channel_ring(struct channel_bell *bell);

// Polls for as long as it has paid off lately. Returns whether it has come. Call it before each sleep.
bool channel_poll(struct channel_patience *patience, bool (*has_come)(void *context), void *context);

// Seconds of a monotonic clock. That of common/base needs libm, with which a simulator in C is not linked.
double channel_now(void);

// Returns when `rung` differs from `seen`, or after about `seconds`, or sometimes earlier. The caller reads `rung`,
// checks what it waits for, and calls this again with the value it read.
void channel_wait(struct channel_bell *bell, uint32_t seen, double seconds, struct channel_patience *patience);
#endif
