#include "actor/envs/listener.h"

#include "common/base/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// --- make one ---

union address {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

static bool make_key(char key[FRAME_KEY + 1]) {
  unsigned char bytes[FRAME_KEY / 2];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(key + 2 * i, 3, "%02x", bytes[i]);
  return true;
}

// A path of a socket is short, so a long TMPDIR is of no use.
static bool make_directory(char path[FRAME_PATH]) {
  const char *places[] = {getenv("TMPDIR"), "/tmp"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const bool is_absolute = places[i] && *places[i] == '/';
    const int length = is_absolute ? snprintf(path, FRAME_PATH, "%s/corsac-XXXXXX", places[i]) : -1;
    if (length > 0 && (size_t)length + sizeof "/channel" <= FRAME_PATH && mkdtemp(path)) return true;
  }
  *path = 0;
  return false;
}

static bool listen_unix(struct listener *listener, char *why, size_t size) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!make_directory(listener->path)) {
    snprintf(why, size, "there is no directory for the channel's socket in TMPDIR or /tmp: %s", strerror(errno));
    return false;
  }
  strcat(listener->path, "/channel");
  memcpy(address.sun_path, listener->path, sizeof address.sun_path);
  listener->file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener->file >= 0 && bind(listener->file, (const struct sockaddr *)&address, sizeof address) == 0 &&
      chmod(listener->path, 0600) == 0 && listen(listener->file, LISTENER_OPEN) == 0)
    return true;
  snprintf(why, size, "no socket for the channel at %s: %s", listener->path, strerror(errno));
  return false;
}

static bool take_number(union address *address, const char *host) {
  *address = (union address){0};
  address->any.sa_family = inet_pton(AF_INET, host, &address->four.sin_addr) == 1 ? AF_INET : AF_INET6;
  return address->any.sa_family == AF_INET || inet_pton(AF_INET6, host, &address->six.sin6_addr) == 1;
}

static bool is_usable(const struct sockaddr *address, int family) {
  if (!address || address->sa_family != family) return false;
  return family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

// The first IPv4 address of the interface, or else its first IPv6 address. names: those of all interfaces, for a
// message.
static bool take_interface(union address *address, const char *name, char *names, size_t size) {
  static const int families[] = {AF_INET, AF_INET6};
  struct ifaddrs *all = NULL;
  bool found = false;
  size_t used = 0;
  *names = 0;
  if (getifaddrs(&all) != 0) return false;
  for (int i = 0; i < 2; i++)
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
      if (!is_usable(at->ifa_addr, families[i])) continue;
      if (i == 0 && used < size)
        used += (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", at->ifa_name);
      if (found || strcmp(at->ifa_name, name) != 0) continue;
      memcpy(address, at->ifa_addr, i == 0 ? sizeof address->four : sizeof address->six);
      found = true;
    }
  freeifaddrs(all);
  return found;
}

static socklen_t size_of(const union address *address) {
  return address->any.sa_family == AF_INET ? sizeof address->four : sizeof address->six;
}

// Puts into words what the program is told: HOST:PORT.
static bool tell_address(const union address *address, char *text, size_t size) {
  char host[FRAME_HOST];
  const bool is_four = address->any.sa_family == AF_INET;
  const bool is_any =
      is_four ? address->four.sin_addr.s_addr == htonl(INADDR_ANY) : IN6_IS_ADDR_UNSPECIFIED(&address->six.sin6_addr);
  const void *number = is_four ? (const void *)&address->four.sin_addr : (const void *)&address->six.sin6_addr;
  const unsigned port = ntohs(is_four ? address->four.sin_port : address->six.sin6_port);
  if (is_any ? gethostname(host, sizeof host) != 0 : !inet_ntop(address->any.sa_family, number, host, sizeof host))
    return false;
  host[sizeof host - 1] = 0;
  const bool bracket = !is_any && !is_four;
  return (size_t)snprintf(text, size, "%s%s%s:%u", bracket ? "[" : "", host, bracket ? "]" : "", port) < size;
}

static bool listen_tcp(struct listener *listener, const char *host, char *told, size_t told_size, char *why,
                       size_t size) {
  union address address;
  char names[256];
  if (!take_number(&address, host) && !take_interface(&address, host, names, sizeof names)) {
    snprintf(why, size, "channel_host %.100s is neither an address nor a network interface of this host; it has %s",
             host, names);
    return false;
  }
  socklen_t length = size_of(&address);
  listener->file = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener->file >= 0 && bind(listener->file, &address.any, length) == 0 &&
      listen(listener->file, LISTENER_OPEN) == 0 && getsockname(listener->file, &address.any, &length) == 0 &&
      tell_address(&address, told, told_size))
    return true;
  snprintf(why, size, "channel_host %.100s: no program can be awaited there: %s", host, strerror(errno));
  return false;
}

bool listener_open(struct listener *listener, const char *kind, const char *host, char *why, size_t size) {
  const bool is_unix = strcmp(kind, "unix") == 0;
  char key[FRAME_KEY + 1], told[FRAME_HOST + 16];
  *listener = (struct listener){.file = -1};
  if (!make_key(key)) {
    snprintf(why, size, "the kernel gives no random numbers for a channel's key: %s", strerror(errno));
    return false;
  }
  if (is_unix ? listen_unix(listener, why, size) : listen_tcp(listener, host, told, sizeof told, why, size)) {
    snprintf(listener->value, sizeof listener->value, "%s:%s:%s", kind, is_unix ? listener->path : told, key);
    return true;
  }
  listener_close(listener);
  listener_remove(listener->path);
  return false;
}

void listener_close(struct listener *listener) {
  if (listener->file >= 0) close(listener->file);
  listener->file = -1;
}

void listener_remove(const char *path) {
  char directory[FRAME_PATH];
  if (!*path) return;
  snprintf(directory, sizeof directory, "%s", path);
  unlink(directory);
  *strrchr(directory, '/') = 0;
  rmdir(directory);
}

// --- take the connection ---

// A connection that has not shown a key yet.
struct stranger {
  int file; // or -1
  double until;
  size_t size; // of what has come of hello
  struct frame_hello hello;
};

struct door {
  const char *key;
  struct stranger strangers[LISTENER_OPEN];
  int turned_away;
};

static void turn_away(struct door *door, struct stranger *stranger, const char *why) {
  close(stranger->file);
  stranger->file = -1;
  door->turned_away++;
  if (door->turned_away <= 10)
    fprintf(stderr, "corsac: a connection to the simulator's channel was refused: %s\n", why);
}

// Compares all characters, so that the time tells nothing of how many are right.
static bool has_key(const struct frame_hello *hello, const char *key) {
  unsigned different = 0;
  for (size_t i = 0; i < FRAME_KEY; i++) different |= (unsigned char)hello->key[i] ^ (unsigned char)key[i];
  return different == 0 && memcmp(hello->magic, FRAME_MAGIC, sizeof hello->magic) == 0;
}

static void let_in(struct door *door, int listener) {
  const int file = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (file < 0) return;
  struct stranger *place = &door->strangers[0];
  for (size_t i = 0; i < LISTENER_OPEN; i++) {
    struct stranger *other = &door->strangers[i];
    if (place->file >= 0 && (other->file < 0 || other->until < place->until)) place = other;
  }
  if (place->file >= 0) turn_away(door, place, "too many others have come");
  *place = (struct stranger){.file = file, .until = clock_now() + LISTENER_SECONDS};
}

// Returns whether the stranger has shown the key.
static bool hear(struct door *door, struct stranger *stranger) {
  char *at = (char *)&stranger->hello + stranger->size;
  const ssize_t result = recv(stranger->file, at, sizeof stranger->hello - stranger->size, MSG_DONTWAIT);
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return false;
  if (result <= 0) {
    turn_away(door, stranger, "it was closed before a key came");
    return false;
  }
  stranger->size += (size_t)result;
  if (stranger->size < sizeof stranger->hello) return false;
  if (has_key(&stranger->hello, door->key)) return true;
  turn_away(door, stranger, "it has not the key of this channel");
  return false;
}

// Waits for a second at most. Returns the one with the key, or NULL.
static struct stranger *attend(struct door *door, int listener) {
  struct pollfd files[LISTENER_OPEN + 1] = {{.fd = listener, .events = POLLIN}};
  for (size_t i = 0; i < LISTENER_OPEN; i++)
    files[i + 1] = (struct pollfd){.fd = door->strangers[i].file, .events = POLLIN};
  if (poll(files, LISTENER_OPEN + 1, 1000) < 0) return NULL;
  for (size_t i = 0; i < LISTENER_OPEN; i++) {
    struct stranger *stranger = &door->strangers[i];
    if (stranger->file < 0) continue;
    if (files[i + 1].revents && hear(door, stranger)) return stranger;
    if (stranger->file >= 0 && clock_now() > stranger->until) turn_away(door, stranger, "its key did not come in time");
  }
  if (files[0].revents) let_in(door, listener);
  return NULL;
}

// Returns the socket, or LISTENER_VERSION.
static int welcome(struct stranger *stranger, uint32_t *version) {
  const int file = stranger->file;
  *version = stranger->hello.version;
  const bool fits = *version == FRAME_VERSION;
  const struct frame_welcome words = {.magic = FRAME_MAGIC, .version = FRAME_VERSION, .verdict = fits ? 0 : 1};
  frame_prepare(file);
  frame_send_bytes(file, &words, sizeof words); // where it has gone already, the next call says so
  if (fits) return file;
  close(file);
  return LISTENER_VERSION;
}

int listener_accept(int file, const char *key, uint32_t *version) {
  struct door door = {.key = key};
  struct stranger *friend = NULL;
  int result = LISTENER_TIRED;
  for (size_t i = 0; i < LISTENER_OPEN; i++) door.strangers[i].file = -1;
  while (!friend && door.turned_away < LISTENER_MOST) friend = attend(&door, file);
  if (friend) {
    result = welcome(friend, version);
    friend->file = -1;
  }
  for (size_t i = 0; i < LISTENER_OPEN; i++)
    if (door.strangers[i].file >= 0) close(door.strangers[i].file);
  return result;
}
