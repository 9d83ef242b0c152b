// The program's side of a socket. The test plays corsac, and everything else that may listen there.
#include "common/env/channel_child.h"
#include "common/env/frame.h"
#include "tests/support/unit.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY "00112233445566778899aabbccddeeff"

// What the test plays: greets with `welcome`, then sends `bytes`, and keeps what the program sends.
struct host {
  int listener;
  size_t welcome_size, size;
  struct frame_welcome welcome;
  unsigned char bytes[256], got[4096];
  size_t got_size;
  struct frame_hello hello;
};

static void *play_host(void *context) {
  struct host *host = context;
  const int file = accept(host->listener, NULL, NULL);
  recv(file, &host->hello, sizeof host->hello, MSG_WAITALL);
  if (host->welcome_size > 0) send(file, &host->welcome, host->welcome_size, MSG_NOSIGNAL);
  if (host->size > 0) send(file, host->bytes, host->size, MSG_NOSIGNAL);
  shutdown(file, SHUT_WR);
  for (ssize_t length; host->got_size < sizeof host->got; host->got_size += (size_t)length) {
    length = recv(file, host->got + host->got_size, sizeof host->got - host->got_size, 0);
    if (length <= 0) break;
  }
  close(file);
  return NULL;
}

struct scene {
  char *directory;
  pthread_t thread;
  struct host host;
  struct channel_child child;
  int opened;
};

static void open_scene(struct scene *s, size_t welcome_size, uint32_t verdict, const void *bytes, size_t size) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char value[FRAME_ADDRESS];
  s->directory = unit_tmpdir();
  snprintf(address.sun_path, sizeof address.sun_path, "%s/s", s->directory);
  snprintf(value, sizeof value, "unix:%s:" KEY, address.sun_path);
  setenv(CHANNEL_VARIABLE, value, 1);
  s->host = (struct host){.welcome = {FRAME_MAGIC, FRAME_VERSION, verdict}, .welcome_size = welcome_size, .size = size};
  if (size > 0) memcpy(s->host.bytes, bytes, size);
  s->host.listener = socket(AF_UNIX, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL_FATAL(bind(s->host.listener, (const struct sockaddr *)&address, sizeof address), 0);
  CU_ASSERT_EQUAL_FATAL(listen(s->host.listener, 1), 0);
  CU_ASSERT_EQUAL_FATAL(pthread_create(&s->thread, NULL, play_host, &s->host), 0);
  s->opened = channel_child_open(&s->child);
}

static void close_scene(struct scene *s) {
  channel_child_close(&s->child);
  pthread_join(s->thread, NULL);
  close(s->host.listener);
  unsetenv(CHANNEL_VARIABLE);
  unit_tmpdir_remove(s->directory);
}

static bool says(const struct scene *s, const char *text) {
  if (strstr(s->child.why, text)) return true;
  fprintf(stderr, "\n    \"%s\" does not say \"%s\"\n", s->child.why, text);
  return false;
}

static const struct channel_spec spec = {.obs_dim = 2, .act_dim = 1, .info_dim = 1, .name = "x", .info_names = {"i"}};

static void publish(struct scene *s) {
  CU_ASSERT_EQUAL_FATAL(s->opened, 0);
  CU_ASSERT_EQUAL(channel_child_publish(&s->child, &spec, &(double){-1}, &(double){1}), 0);
}

// --- what is right ---

struct frames {
  struct frame_head head;
  uint64_t number;
} __attribute__((packed));

static void test_requests(void) {
  struct scene s;
  struct {
    struct frames reset;
    uint64_t episode, env_steps, more; // more: which a later version may send
    struct frame_head step;
    float action;
    struct frames save;
    struct frame_head load;
    char state[5];
    struct frame_head close;
  } __attribute__((packed)) all = {.reset = {{CHANNEL_RESET, 2, 32}, 77},
                                   .episode = 5,
                                   .env_steps = 600,
                                   .step = {CHANNEL_STEP, 3, 4},
                                   .action = 0.5f,
                                   .save = {{CHANNEL_SAVE, 4, 8}, 1000},
                                   .load = {CHANNEL_LOAD, 5, 5},
                                   .state = "abcd",
                                   .close = {CHANNEL_CLOSE, 6, 0}};
  const struct channel_answer ok = {.status = CHANNEL_OK, .flags = 1, .reward = 2.5, .state_size = 3};
  open_scene(&s, sizeof s.host.welcome, 0, &all, sizeof all);
  publish(&s);
  CU_ASSERT_EQUAL(channel_child_wait(&s.child), CHANNEL_RESET);
  CU_ASSERT_EQUAL(s.child.channel->seed, 77);
  CU_ASSERT_EQUAL(s.child.channel->episode, 5);
  CU_ASSERT_EQUAL(s.child.channel->env_steps, 600);
  channel_child_answer(&s.child, &ok);
  channel_child_answer(&s.child, &ok); // an answer is given once
  CU_ASSERT_EQUAL(channel_child_wait(&s.child), CHANNEL_STEP);
  CU_ASSERT_EQUAL(s.child.channel->action[0], 0.5f);
  channel_child_fail(&s.child, "why");
  CU_ASSERT_EQUAL(channel_child_wait(&s.child), CHANNEL_SAVE);
  CU_ASSERT_EQUAL(s.child.channel->state_capacity, 1000);
  memcpy(channel_child_state(&s.child), "xyz", 3);
  channel_child_answer(&s.child, &ok);
  CU_ASSERT_EQUAL(channel_child_wait(&s.child), CHANNEL_LOAD);
  CU_ASSERT_EQUAL(s.child.channel->state_size, 5);
  CU_ASSERT_STRING_EQUAL((const char *)channel_child_state(&s.child), "abcd");
  channel_child_answer(&s.child, &ok);
  CU_ASSERT_EQUAL(channel_child_wait(&s.child), CHANNEL_CLOSE);
  close_scene(&s);
  CU_ASSERT_EQUAL(memcmp(s.host.hello.key, KEY, FRAME_KEY), 0);
  CU_ASSERT_EQUAL(s.host.hello.version, FRAME_VERSION);
  const size_t sizes[] = {16 + 612 + 16, 16 + 16 + 8 + 8, 16 + 3, 16 + 8 + 3, 16};
  const uint32_t whats[] = {CHANNEL_OPEN, CHANNEL_RESET, FRAME_FAILED, CHANNEL_SAVE, CHANNEL_LOAD};
  size_t at = 0;
  for (uint32_t i = 0; i < 5; i++) {
    struct frame_head head;
    memcpy(&head, s.host.got + at, sizeof head);
    CU_ASSERT_EQUAL(head.what, whats[i]);
    CU_ASSERT_EQUAL(head.number, i + 1);
    CU_ASSERT_EQUAL_FATAL(head.length, sizes[i] - sizeof head);
    at += sizes[i];
  }
  CU_ASSERT_EQUAL(s.host.got_size, at);
}

// --- what is not ---

static void test_wrong_hosts(void) {
  struct scene s;
  open_scene(&s, 0, 0, NULL, 0);
  CU_ASSERT(s.opened < 0);
  CU_ASSERT(says(&s, "corsac has closed the connection at once"));
  close_scene(&s);
  open_scene(&s, 7, 0, NULL, 0);
  CU_ASSERT(s.opened < 0);
  CU_ASSERT(says(&s, "corsac has closed the connection at once"));
  close_scene(&s);
  open_scene(&s, 0, 0, "HTTP/1.1 400 Bad Request", 24);
  CU_ASSERT(s.opened < 0);
  CU_ASSERT(says(&s, "is not corsac"));
  close_scene(&s);
  open_scene(&s, sizeof s.host.welcome, 1, NULL, 0);
  CU_ASSERT(s.opened < 0);
  CU_ASSERT(says(&s, "corsac speaks version 1 of the connection"));
  close_scene(&s);
}

static void refuse(struct frame_head head, const char *text) {
  struct scene s;
  open_scene(&s, sizeof s.host.welcome, 0, &head, sizeof head);
  publish(&s);
  CU_ASSERT(channel_child_wait(&s.child) < 0);
  CU_ASSERT(says(&s, text));
  close_scene(&s);
}

static void test_wrong_requests(void) {
  refuse((struct frame_head){0, 2, 0}, "corsac asks for 0 with 0 bytes");
  refuse((struct frame_head){CHANNEL_OPEN, 2, 0}, "corsac asks for 1");
  refuse((struct frame_head){99, 2, 0}, "corsac asks for 99");
  refuse((struct frame_head){CHANNEL_RESET, 2, 7}, "corsac asks for 2 with 7 bytes");
  refuse((struct frame_head){CHANNEL_RESET, 2, UINT64_C(1) << 33}, "corsac asks for 2");
  refuse((struct frame_head){CHANNEL_STEP, 2, 8}, "corsac asks for 3 with 8 bytes");
  refuse((struct frame_head){CHANNEL_STEP, 2, UINT64_MAX}, "corsac asks for 3");
  refuse((struct frame_head){CHANNEL_SAVE, 2, 0}, "corsac asks for 4");
  refuse((struct frame_head){CHANNEL_LOAD, 2, UINT64_C(1) << 40}, "corsac asks for 5");
  refuse((struct frame_head){CHANNEL_CLOSE, 2, 1}, "corsac asks for 6");
  refuse((struct frame_head){CHANNEL_STEP, 2, 4}, "corsac is gone"); // cut off
}

static void test_no_host(void) {
  struct channel_child child;
  static const struct {
    const char *value, *text;
  } cases[] = {{"unix:/nowhere/at/all:" KEY, "no connection to corsac at /nowhere/at/all: No such file"},
               {"tcp:127.0.0.1:1:" KEY, "no connection to corsac at 127.0.0.1, port 1: Connection refused"},
               {"tcp:no.such.host.invalid:1:" KEY, "no connection to corsac at no.such.host.invalid, port 1: "},
               {"tcp:127.0.0.1:1:short", "is neither unix:PATH:KEY nor tcp:HOST:PORT:KEY"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    setenv(CHANNEL_VARIABLE, cases[i].value, 1);
    CU_ASSERT(channel_child_open(&child) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(child.why, cases[i].text));
    if (!strstr(child.why, cases[i].text)) fprintf(stderr, "\n    %s\n", child.why);
    channel_child_close(&child);
  }
  unsetenv(CHANNEL_VARIABLE);
}

static void ignore_signal(int number) { (void)number; }

// A timer of the program does not begin the time limit anew: 30 s.
static void test_silent_host(void) {
  const char *full = getenv("CHECK_FULL");
  if (!full || *full != '1') {
    CU_PASS("only with CHECK_FULL=1");
    return;
  }
  struct channel_child child;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char value[FRAME_ADDRESS], *directory = unit_tmpdir();
  const struct sigaction action = {.sa_handler = ignore_signal};
  const struct itimerval second = {{1, 0}, {1, 0}}, none = {0};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/s", directory);
  snprintf(value, sizeof value, "unix:%s:" KEY, address.sun_path);
  setenv(CHANNEL_VARIABLE, value, 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL_FATAL(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
  CU_ASSERT_EQUAL_FATAL(listen(listener, 1), 0);
  CU_ASSERT_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  CU_ASSERT_EQUAL(setitimer(ITIMER_REAL, &second, NULL), 0);
  CU_ASSERT(channel_child_open(&child) < 0); // a wait without an end is ended by the time limit of the tests
  CU_ASSERT_EQUAL(setitimer(ITIMER_REAL, &none, NULL), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(child.why, "Connection timed out"));
  close(listener);
  unsetenv(CHANNEL_VARIABLE);
  unit_tmpdir_remove(directory);
}

// A host that does not read is noticed in the next request.
static void test_lost(void) {
  struct scene s;
  struct frame_head reset[] = {{CHANNEL_RESET, 2, 24}, {0}, {0}}; // and 24 bytes at least
  open_scene(&s, sizeof s.host.welcome, 0, reset, sizeof reset[0] + 24);
  publish(&s);
  CU_ASSERT_EQUAL(channel_child_wait(&s.child), CHANNEL_RESET);
  shutdown(s.child.socket.file, SHUT_RDWR);
  channel_child_answer(&s.child, &(struct channel_answer){.status = CHANNEL_OK});
  CU_ASSERT(channel_child_wait(&s.child) < 0);
  CU_ASSERT(says(&s, "corsac is gone"));
  close_scene(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every request comes with its values, and its answer goes as documented", test_requests},
      {"what is not corsac, or another version of it, is named", test_wrong_hosts},
      {"a request of a wrong length is refused", test_wrong_requests},
      {"an address where nobody listens is named", test_no_host},
      {"a host that says nothing is given up in time, whatever signals come", test_silent_host},
      {"a lost connection fails the next request", test_lost}};
  return unit_run("channel_socket", cases, sizeof cases / sizeof *cases);
}
