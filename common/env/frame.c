#include "common/env/frame.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a frame is sent as it lies in memory");
static_assert(sizeof(struct frame_hello) == 48 && sizeof(struct frame_welcome) == 16, "the layout in frame.h");
static_assert(sizeof(struct frame_head) == 16 && sizeof(struct frame_result) == 16, "the layout in frame.h");
static_assert(FRAME_SPEC == 612, "the layout in frame.h: another one raises FRAME_VERSION");

static const char UNIX[] = "unix:", TCP[] = "tcp:";

static bool begins(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

bool frame_is_address(const char *value) { return begins(value, UNIX) || begins(value, TCP); }

// Copies [from, end) where it is not empty and fits.
static bool copy(char *to, size_t size, const char *from, const char *end) {
  const size_t length = (size_t)(end - from);
  if (length == 0 || length >= size) return false;
  memcpy(to, from, length);
  to[length] = 0;
  return true;
}

bool frame_parse(const char *value, struct frame_address *address) {
  *address = (struct frame_address){.is_unix = begins(value, UNIX)};
  if (!frame_is_address(value)) return false;
  const char *from = strchr(value, ':') + 1, *key = strrchr(from, ':');
  if (!key || strlen(key + 1) != FRAME_KEY || strspn(key + 1, "0123456789abcdef") != FRAME_KEY) return false;
  memcpy(address->key, key + 1, FRAME_KEY);
  if (address->is_unix) return copy(address->path, sizeof address->path, from, key);
  const char *port = memrchr(from, ':', (size_t)(key - from));
  if (!port || port == from || strspn(port + 1, "0123456789") != (size_t)(key - port - 1)) return false;
  const bool bracket = *from == '[' && port[-1] == ']';
  return copy(address->port, sizeof address->port, port + 1, key) &&
         copy(address->host, sizeof address->host, from + bracket, port - bracket);
}

const char *frame_reason(int result) {
  if (result == FRAME_CLOSED) return "the other side has closed it";
  return result == EAGAIN ? "the other side takes no data" : strerror(result);
}

void frame_prepare(int socket) {
  const int yes = 1, idle = FRAME_SILENCE / 3, interval = FRAME_SILENCE / 6, probes = 4, most = FRAME_SILENCE * 1000;
  const struct timeval time = {.tv_sec = FRAME_SILENCE};
  // A unix socket refuses those of TCP, and needs none of them.
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &most, sizeof most);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

static int send_all(int socket, struct iovec *parts, size_t count) {
  while (count > 0) {
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    const ssize_t result = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return errno == EPIPE ? FRAME_CLOSED : errno;
    size_t sent = (size_t)result;
    for (; count > 0 && sent >= parts->iov_len; count--) sent -= parts++->iov_len;
    if (count == 0) break;
    parts->iov_base = (char *)parts->iov_base + sent;
    parts->iov_len -= sent;
  }
  return 0;
}

int frame_send(int socket, uint32_t what, uint32_t number, const struct iovec *parts, int count) {
  assert(count <= FRAME_PARTS);
  struct frame_head head = {.what = what, .number = number};
  struct iovec all[FRAME_PARTS + 1] = {{.iov_base = &head, .iov_len = sizeof head}};
  size_t used = 1;
  for (int i = 0; i < count; i++) {
    if (parts[i].iov_len == 0) continue;
    head.length += parts[i].iov_len;
    all[used++] = parts[i];
  }
  return send_all(socket, all, used);
}

int frame_send_bytes(int socket, const void *bytes, size_t size) {
  return send_all(socket, &(struct iovec){.iov_base = (void *)bytes, .iov_len = size}, 1);
}

int frame_receive(int socket, void *bytes, size_t size) {
  for (char *at = bytes; size > 0;) {
    const ssize_t result = recv(socket, at, size, MSG_WAITALL);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return errno == ECONNRESET ? FRAME_CLOSED : errno;
    if (result == 0) return FRAME_CLOSED;
    at += result;
    size -= (size_t)result;
  }
  return 0;
}

static bool has_come(void *context) {
  char byte;
  const ssize_t result = recv(*(const int *)context, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return result >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

int frame_receive_head(int socket, struct frame_head *head, struct channel_patience *patience) {
  channel_poll(patience, has_come, &socket);
  return frame_receive(socket, head, sizeof *head);
}

uint64_t frame_result_size(uint32_t obs_dim, uint32_t info_dim) {
  return sizeof(struct frame_result) + info_dim * sizeof(double) + (uint64_t)obs_dim * sizeof(float);
}
