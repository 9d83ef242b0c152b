// The address of a socket, and frames over one.
#include "common/env/frame.h"
#include "tests/support/unit.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "0123456789abcdef0123456789abcdef"

static void test_addresses(void) {
  static const struct {
    const char *value, *host, *port, *path;
  } good[] = {{"unix:/tmp/corsac-1/channel:" KEY, "", "", "/tmp/corsac-1/channel"},
              {"unix:/a:b/c:" KEY, "", "", "/a:b/c"},
              {"tcp:127.0.0.1:80:" KEY, "127.0.0.1", "80", ""},
              {"tcp:node7.cluster:65535:" KEY, "node7.cluster", "65535", ""},
              {"tcp:[::1]:1:" KEY, "::1", "1", ""}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct frame_address address;
    CU_ASSERT_TRUE(frame_parse(good[i].value, &address));
    CU_ASSERT_EQUAL(address.is_unix, *good[i].path != 0);
    CU_ASSERT_STRING_EQUAL(address.host, good[i].host);
    CU_ASSERT_STRING_EQUAL(address.port, good[i].port);
    CU_ASSERT_STRING_EQUAL(address.path, good[i].path);
    CU_ASSERT_STRING_EQUAL(address.key, KEY);
    CU_ASSERT_TRUE(frame_is_address(good[i].value));
  }
}

static void test_no_addresses(void) {
  char path[256], host[512];
  snprintf(path, sizeof path, "unix:/%0120d:" KEY, 0);
  snprintf(host, sizeof host, "tcp:%0300d:80:" KEY, 0);
  const char *const bad[] = {"",
                             "4:/proc/1/fd/4",
                             "unix:",
                             "unix:" KEY,
                             "unix::" KEY,
                             "unix:/tmp/x",
                             "unix:/tmp/x:" KEY "0",
                             "unix:/tmp/x:0123456789ABCDEF0123456789ABCDEF",
                             "tcp:",
                             "tcp:80:" KEY,
                             "tcp::80:" KEY,
                             "tcp:host::" KEY,
                             "tcp:host:port:" KEY,
                             "tcp:host:12345678:" KEY,
                             "udp:host:80:" KEY,
                             path,
                             host};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct frame_address address;
    const bool parsed = frame_parse(bad[i], &address);
    CU_ASSERT_FALSE(parsed);
    if (parsed) fprintf(stderr, "\n    taken for an address: %s\n", bad[i]);
  }
  CU_ASSERT_FALSE(frame_is_address("4:/proc/1/fd/4"));
}

struct pair {
  int ends[2];
};

static struct pair make_pair(void) {
  struct pair pair;
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.ends), 0);
  frame_prepare(pair.ends[0]);
  return pair;
}

static void close_pair(struct pair *pair) {
  for (int i = 0; i < 2; i++)
    if (pair->ends[i] >= 0) close(pair->ends[i]);
}

// The bytes are those that frame.h documents.
static void test_layout(void) {
  struct pair pair = make_pair();
  const float action[2] = {1, -2};
  const uint64_t seed = 0x0102030405060708u;
  CU_ASSERT_EQUAL(frame_send(pair.ends[0], CHANNEL_STEP, 0x10203,
                             (const struct iovec[]){{(void *)action, sizeof action}, {NULL, 0}, {(void *)&seed, 8}}, 3),
                  0);
  static const unsigned char expected[] = {3, 0, 0,    0,    3, 2, 1, 0,    16, 0, 0, 0, 0, 0, 0, 0,  // head
                                           0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 8,  7, 6, 5, 4, 3, 2, 1}; // payload
  unsigned char got[sizeof expected + 1];
  CU_ASSERT_EQUAL(recv(pair.ends[1], got, sizeof got, 0), (ssize_t)sizeof expected);
  CU_ASSERT_EQUAL(memcmp(got, expected, sizeof expected), 0);
  CU_ASSERT_EQUAL(frame_result_size(3, 2), 16 + 16 + 12);
  CU_ASSERT_EQUAL(frame_result_size(UINT32_MAX, 16), 16 + 128 + 4 * (uint64_t)UINT32_MAX);
  close_pair(&pair);
}

enum { LARGE = 20 << 20 };

static void *send_large(void *context) {
  struct pair *pair = context;
  unsigned char *bytes = malloc(LARGE);
  for (size_t i = 0; i < LARGE; i++) bytes[i] = (unsigned char)(i * 7 + i / 251);
  CU_ASSERT_EQUAL(frame_send(pair->ends[0], CHANNEL_LOAD, 9,
                             (const struct iovec[]){{bytes, LARGE / 2 + 1}, {bytes + LARGE / 2 + 1, LARGE / 2 - 1}}, 2),
                  0);
  free(bytes);
  return NULL;
}

// What does not fit into the socket goes in parts.
static void test_large(void) {
  struct pair pair = make_pair();
  struct frame_head head;
  struct channel_patience patience = {0};
  unsigned char *bytes = malloc(LARGE);
  pthread_t thread;
  CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, send_large, &pair), 0);
  CU_ASSERT_EQUAL(frame_receive_head(pair.ends[1], &head, &patience), 0);
  CU_ASSERT_EQUAL(head.what, CHANNEL_LOAD);
  CU_ASSERT_EQUAL(head.number, 9);
  CU_ASSERT_EQUAL_FATAL(head.length, LARGE);
  CU_ASSERT_EQUAL(frame_receive(pair.ends[1], bytes, LARGE), 0);
  size_t wrong = 0;
  for (size_t i = 0; i < LARGE; i++) wrong += bytes[i] != (unsigned char)(i * 7 + i / 251);
  CU_ASSERT_EQUAL(wrong, 0);
  pthread_join(thread, NULL);
  free(bytes);
  close_pair(&pair);
}

static void test_ends(void) {
  struct pair pair = make_pair();
  char bytes[64] = {0};
  CU_ASSERT_EQUAL(send(pair.ends[1], bytes, 10, 0), 10);
  close(pair.ends[1]);
  pair.ends[1] = -1;
  CU_ASSERT_EQUAL(frame_receive(pair.ends[0], bytes, 0), 0);
  CU_ASSERT_EQUAL(frame_receive(pair.ends[0], bytes, 11), FRAME_CLOSED); // cut off
  CU_ASSERT_EQUAL(frame_send_bytes(pair.ends[0], bytes, 10), FRAME_CLOSED);
  CU_ASSERT_STRING_EQUAL(frame_reason(FRAME_CLOSED), "the other side has closed it");
  CU_ASSERT_STRING_EQUAL(frame_reason(ETIMEDOUT), strerror(ETIMEDOUT));
  CU_ASSERT_EQUAL(frame_receive(-1, bytes, 1), EBADF);
  close_pair(&pair);
}

int main(void) {
  static const struct unit_case cases[] = {{"both kinds of addresses are taken apart", test_addresses},
                                           {"nothing else is an address", test_no_addresses},
                                           {"a frame has the documented bytes", test_layout},
                                           {"a frame may be larger than what a socket holds", test_large},
                                           {"the end of a connection is told from errors", test_ends}};
  return unit_run("frame", cases, sizeof cases / sizeof *cases);
}
