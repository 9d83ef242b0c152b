// The channel as messages, for a simulator that shares no memory with corsac: in a container, on another host, on
// another operating system. The requests and answers are those of channel.h. Any language with sockets can speak this;
// launch/examples/exec/frames.py is a program that does, without our library.
//
// CORSAC_CHANNEL tells where corsac listens for the program:
//
//   unix:PATH:KEY         a socket in the file system
//   tcp:HOST:PORT:KEY     HOST is a name, an IPv4 address, or an IPv6 address in brackets
//
// KEY is 32 hexadecimal digits, good for one connection. All numbers are little-endian, floats are IEEE 754, and no
// byte lies between two fields. The program connects and begins:
//
//   program   HELLO     8 bytes "corsac-1", u32 version (1), u32 0, 32 bytes KEY
//   corsac    WELCOME   8 bytes "corsac-1", u32 version, u32 verdict: 0: go on, 1: corsac does not speak that version
//
// After a wrong key corsac closes the connection. Everything else is a frame:
//
//   u32 what, u32 number, u64 length, then length bytes
//
// corsac asks, one request at a time, and the program answers each with the request's own what and number, or with what
// FAILED (7), the request's number, and a text of at most 511 bytes. The first answer belongs to OPEN, which corsac
// does not send: its number is 1.
//
//   what      corsac sends                  the program answers
//   OPEN 1    nothing                       the spec: u32 obs_dim, act_dim, max_episode_steps, info_dim, flags;
//                                           64 bytes name; 16 x 32 bytes names of info; 16 x u8 rules of info;
//                                           f64 action_low[act_dim], f64 action_high[act_dim]
//   RESET 2   u64 seed, u64 episode, u64    a result: i32 flags, u32 0, f64 reward, f64 info[info_dim],
//             env_steps; where there are    f32 obs[obs_dim]; only obs counts
//             cases the case as text; more
//             may follow after its 0, which
//             a program skips
//   STEP 3    f32 action[act_dim]           a result
//   SAVE 4    u64 capacity                  i64 size; the state itself where 0 < size <= capacity; where size is
//                                           negative the save failed, and why may follow: at most 511 bytes
//   LOAD 5    the state                     nothing
//   CLOSE 6   nothing                       no answer: the program closes the connection
//
// flags of the spec: bit 0: the program can SAVE and LOAD; bit 1: it looks at the case of RESET, without which
// --cases-per episode refuses it. The case of LOAD is that of the episode that was saved, so a state holds it. Texts of
// a fixed size end with a 0. A rule of info is 0 (mean), 1 (last) or 2 (max). flags of a result: bit 0: terminated, bit
// 1: truncated.
#ifndef CORSAC_COMMON_ENV_FRAME_H
#define CORSAC_COMMON_ENV_FRAME_H

#include "common/env/channel.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define FRAME_MAGIC "corsac-1"
enum {
  FRAME_VERSION = 1,
  FRAME_KEY = 32,     // characters
  FRAME_FAILED = 7,   // what: beside enum channel_request
  FRAME_PATH = 108,   // bytes that the path of a unix socket may have, with its 0
  FRAME_HOST = 256,   // of a name of a host
  FRAME_ADDRESS = 384 // of the value of CHANNEL_VARIABLE
};
enum { FRAME_SPEC = offsetof(struct channel_spec, agents) }; // bytes of the spec without its bounds
enum { FRAME_RESET = 24, FRAME_MAX_RESET = 2048 };           // bytes that come with RESET, without and with the case

struct frame_hello {
  char magic[8];
  uint32_t version, zero;
  char key[FRAME_KEY];
};
struct frame_welcome {
  char magic[8];
  uint32_t version, verdict;
};
struct frame_head {
  uint32_t what, number;
  uint64_t length;
};
struct frame_result {
  int32_t flags;
  uint32_t zero;
  double reward;
};

// --- where corsac listens ---

struct frame_address {
  bool is_unix;
  char path[FRAME_PATH];          // unix
  char host[FRAME_HOST], port[8]; // tcp
  char key[FRAME_KEY + 1];
};

// Whether a value of CHANNEL_VARIABLE leads to a socket, and not to memory.
bool frame_is_address(const char *value);

// Takes a value apart. false: it is none of the two forms.
bool frame_parse(const char *value, struct frame_address *address);

// --- a connection ---

// What the calls below return when the other side has closed the connection. 0 is success, a positive number an errno.
enum { FRAME_CLOSED = -1 };

// Why a connection failed, as text.
const char *frame_reason(int result);

// Messages leave at once, and a link that is dead is noticed within FRAME_SILENCE seconds.
enum { FRAME_SILENCE = 60 };
void frame_prepare(int socket);

// Sends a frame whose payload is these parts (at most FRAME_PARTS), in one packet where it fits.
enum { FRAME_PARTS = 4 };
int frame_send(int socket, uint32_t what, uint32_t number, const struct iovec *parts, int count);

// Sends bytes that are no frame.
int frame_send_bytes(int socket, const void *bytes, size_t size);

// Waits for exactly `size` bytes.
int frame_receive(int socket, void *bytes, size_t size);

// Waits for the head of a frame. Polls before it sleeps, for as long as that has paid off lately.
int frame_receive_head(int socket, struct frame_head *head, struct channel_patience *patience);

// The bytes of a result's payload.
uint64_t frame_result_size(uint32_t obs_dim, uint32_t info_dim);
#endif
