#include "common/env/channel_socket.h"

#include "common/env/frame.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Weak, so that a program that is linked statically has no part of the name service in it: it takes numbers only then.
#pragma weak getaddrinfo
#pragma weak freeaddrinfo
#pragma weak gai_strerror

enum { CONNECT_SECONDS = 30 }; // for a connection, and for corsac's welcome

__attribute__((format(printf, 2, 3))) static int fail(char *why, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(why, CHANNEL_TEXT, format, arguments);
  va_end(arguments);
  return -1;
}

// --- connect ---

// 0: something came in time; else an errno.
static int await(int file, short events) {
  struct pollfd wait = {.fd = file, .events = events};
  const double end = channel_now() + CONNECT_SECONDS;
  for (;;) { // a program with a timer is interrupted often
    const double left = end - channel_now();
    const int result = poll(&wait, 1, left > 0 ? (int)(left * 1e3) + 1 : 0);
    if (result > 0) return 0;
    if (result < 0 && errno != EINTR) return errno;
    if (left <= 0) return ETIMEDOUT;
  }
}

// Returns the connected socket, or a negative errno.
static int connect_to(const struct sockaddr *address, socklen_t length) {
  const int file = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0) return -errno;
  int why = connect(file, address, length) == 0 ? 0 : errno;
  socklen_t size = sizeof why;
  if (why == EINPROGRESS || why == EINTR) {
    why = await(file, POLLOUT);
    if (why == 0 && getsockopt(file, SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
  }
  const int flags = fcntl(file, F_GETFL);
  if (why == 0 && fcntl(file, F_SETFL, flags & ~O_NONBLOCK) == 0) return file;
  if (why == 0) why = errno;
  close(file);
  return -why;
}

static int connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  static_assert(sizeof address.sun_path == FRAME_PATH, "a path of frame.h fits");
  memcpy(address.sun_path, path, strlen(path) + 1);
  return connect_to((const struct sockaddr *)&address, sizeof address);
}

// Tries all addresses that the name has.
static int connect_tcp(const struct frame_address *address, const char **unknown) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  struct addrinfo *found = NULL;
  const int result = getaddrinfo(address->host, address->port, &hints, &found);
  if (result != 0) *unknown = gai_strerror(result);
  int file = -ENOENT;
  for (const struct addrinfo *at = found; at && file < 0; at = at->ai_next)
    file = connect_to(at->ai_addr, at->ai_addrlen);
  if (found) freeaddrinfo(found);
  return file;
}

// Without a name service: numbers only.
static int connect_numbers(const struct frame_address *address, const char **unknown) {
  struct sockaddr_in four = {.sin_family = AF_INET};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  four.sin_port = six.sin6_port = htons((uint16_t)strtoul(address->port, NULL, 10));
  if (inet_pton(AF_INET, address->host, &four.sin_addr) == 1)
    return connect_to((const struct sockaddr *)&four, sizeof four);
  if (inet_pton(AF_INET6, address->host, &six.sin6_addr) == 1)
    return connect_to((const struct sockaddr *)&six, sizeof six);
  *unknown = "this program is linked statically and looks up no names";
  return -ENOENT;
}

// --- open ---

static int greet(struct channel_socket *link, const struct frame_address *address, char *why) {
  struct frame_hello hello = {.magic = FRAME_MAGIC, .version = FRAME_VERSION};
  struct frame_welcome welcome;
  memcpy(hello.key, address->key, sizeof hello.key);
  frame_prepare(link->file);
  int result = frame_send_bytes(link->file, &hello, sizeof hello);
  if (result == 0) result = await(link->file, POLLIN);
  if (result == 0) result = frame_receive(link->file, &welcome, sizeof welcome);
  if (result == FRAME_CLOSED)
    return fail(
        why, "corsac has closed the connection at once: %s is good for one program, once (of an MPI program one rank)",
        CHANNEL_VARIABLE);
  if (result != 0) return fail(why, "the connection to corsac failed: %s", frame_reason(result));
  if (memcmp(welcome.magic, hello.magic, sizeof welcome.magic) != 0)
    return fail(why, "what listens at the address of %s is not corsac", CHANNEL_VARIABLE);
  if (welcome.verdict == 0) return 0;
  return fail(why,
              "corsac speaks version %u of the connection, this simulator's libcorsac_sim version %d: build it "
              "with that corsac's library",
              welcome.version, FRAME_VERSION);
}

static int connect_address(const struct frame_address *address, char *why) {
  const char *unknown = NULL;
  const int file = address->is_unix                              ? connect_unix(address->path)
                   : getaddrinfo && freeaddrinfo && gai_strerror ? connect_tcp(address, &unknown)
                                                                 : connect_numbers(address, &unknown);
  if (file >= 0) return file;
  const char *reason = unknown ? unknown : strerror(-file);
  if (address->is_unix)
    return fail(
        why, "no connection to corsac at %s: %s. A container has to mount that file; it is good for one program, once",
        address->path, reason);
  return fail(why,
              "no connection to corsac at %s, port %s: %s. It is good for one program, once; --channel-host says where "
              "corsac listens",
              address->host, address->port, reason);
}

int channel_socket_open(struct channel_socket *link, const char *value, char why[CHANNEL_TEXT]) {
  struct frame_address address;
  *link = (struct channel_socket){.file = -1};
  if (!frame_parse(value, &address))
    return fail(why, "%s=%.100s is neither unix:PATH:KEY nor tcp:HOST:PORT:KEY", CHANNEL_VARIABLE, value);
  link->file = connect_address(&address, why);
  if (link->file < 0) return -1;
  if (greet(link, &address, why) != 0) goto failed;
  // Only what is touched takes memory.
  void *memory =
      mmap(NULL, sizeof(struct channel), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    fail(why, "not enough memory for a channel");
    goto failed;
  }
  link->channel = memory;
  link->number = 1;
  link->request = CHANNEL_OPEN;
  return 0;
failed:
  close(link->file);
  link->file = -1;
  return -1;
}

void channel_socket_close(struct channel_socket *link) {
  if (!link->channel) return;
  munmap(link->channel, sizeof(struct channel));
  free(link->state);
  close(link->file);
  *link = (struct channel_socket){.file = -1};
}

// --- requests ---

void *channel_socket_state(struct channel_socket *link, char why[CHANNEL_TEXT]) {
  const uint64_t need = link->channel->state_capacity;
  if (link->state && need <= link->capacity) return link->state;
  uint8_t *memory = need <= CHANNEL_MAX_STATE ? realloc(link->state, (size_t)need + 1) : NULL;
  if (!memory) {
    fail(why, "there is no memory for a state of %llu bytes", (unsigned long long)need);
    return NULL;
  }
  link->state = memory;
  link->capacity = need;
  return memory;
}

static int receive_state(struct channel_socket *link, uint64_t length, char *why) {
  link->channel->state_size = link->channel->state_capacity = length;
  void *state = channel_socket_state(link, why);
  return state ? frame_receive(link->file, state, (size_t)length) : ENOMEM;
}

// Skips what a later corsac may send behind what is known.
static int receive_reset(struct channel_socket *link, uint64_t length) {
  struct channel *channel = link->channel;
  uint64_t known[3];
  char more[FRAME_MAX_RESET + 1] = "";
  if (length < sizeof known || length > FRAME_MAX_RESET) return EPROTO;
  int result = frame_receive(link->file, known, sizeof known);
  channel->seed = known[0];
  channel->episode = known[1];
  channel->env_steps = known[2];
  if (result == 0) result = frame_receive(link->file, more, (size_t)length - sizeof known);
  snprintf(channel->case_text, sizeof channel->case_text, "%.*s", CHANNEL_CASE - 1, more);
  return result;
}

// Receives the payload of a request.
static int receive_payload(struct channel_socket *link, const struct frame_head *head, char *why) {
  struct channel *channel = link->channel;
  const uint64_t action = channel->spec.act_dim * sizeof(float);
  switch (head->what) {
  case CHANNEL_RESET: return receive_reset(link, head->length);
  case CHANNEL_STEP: return head->length == action ? frame_receive(link->file, channel->action, action) : EPROTO;
  case CHANNEL_SAVE: return head->length == 8 ? frame_receive(link->file, &channel->state_capacity, 8) : EPROTO;
  case CHANNEL_LOAD: return head->length <= CHANNEL_MAX_STATE ? receive_state(link, head->length, why) : EPROTO;
  case CHANNEL_CLOSE: return head->length == 0 ? 0 : EPROTO;
  default: return EPROTO;
  }
}

int channel_socket_wait(struct channel_socket *link, char why[CHANNEL_TEXT]) {
  struct frame_head head = {0};
  int result = link->lost;
  *why = 0;
  if (result == 0) result = frame_receive_head(link->file, &head, &link->patience);
  if (result == 0) result = receive_payload(link, &head, why);
  if (result == 0) {
    link->number = head.number;
    link->request = head.what;
    return (int)head.what;
  }
  if (*why) return -1;
  if (result == FRAME_CLOSED) return fail(why, "corsac is gone");
  if (result == EPROTO)
    return fail(why, "corsac asks for %u with %llu bytes, which version %d of the connection does not know", head.what,
                (unsigned long long)head.length, FRAME_VERSION);
  return fail(why, "the connection to corsac was lost: %s", frame_reason(result));
}

// --- answers ---

static void answer(struct channel_socket *link, uint32_t what, const struct iovec *parts, int count) {
  const int result = frame_send(link->file, what, link->number, parts, count);
  if (result != 0 && link->lost == 0) link->lost = result;
}

void channel_socket_publish(struct channel_socket *link) {
  struct channel *channel = link->channel;
  const size_t bounds = channel->spec.act_dim * sizeof(double);
  answer(link, CHANNEL_OPEN,
         (const struct iovec[]){
             {&channel->spec, FRAME_SPEC}, {channel->action_low, bounds}, {channel->action_high, bounds}},
         3);
}

static void answer_result(struct channel_socket *link, const struct channel_answer *given) {
  struct channel *channel = link->channel;
  struct frame_result result = {.flags = given->flags, .reward = given->reward};
  answer(link, link->request,
         (const struct iovec[]){{&result, sizeof result},
                                {channel->info, channel->spec.info_dim * sizeof(double)},
                                {channel->obs, channel->spec.obs_dim * sizeof(float)}},
         3);
}

static void answer_state(struct channel_socket *link, const struct channel_answer *given) {
  uint64_t size = given->state_size;
  const bool fits = link->state && size <= link->channel->state_capacity && size <= link->capacity;
  const bool failed = (int64_t)size < 0;
  const struct iovec more = failed ? (struct iovec){(void *)given->text, strnlen(given->text, CHANNEL_TEXT - 1)}
                                   : (struct iovec){link->state, fits ? (size_t)size : 0};
  answer(link, link->request, (const struct iovec[]){{&size, sizeof size}, more}, 2);
}

void channel_socket_answer(struct channel_socket *link, const struct channel_answer *given) {
  if (given->status != CHANNEL_OK)
    answer(link, FRAME_FAILED, &(struct iovec){(void *)given->text, strnlen(given->text, CHANNEL_TEXT - 1)}, 1);
  else if (link->request == CHANNEL_RESET || link->request == CHANNEL_STEP)
    answer_result(link, given);
  else if (link->request == CHANNEL_SAVE)
    answer_state(link, given);
  else if (link->request == CHANNEL_LOAD)
    answer(link, link->request, NULL, 0);
}
