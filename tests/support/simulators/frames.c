// A simulator that speaks common/env/frame.h by itself, and commits the fault WHAT: frames WHAT. obs = [t, a fraction
// of the seed], reward = the action; its state is obs. Episodes have 10 steps. "good" has no fault.
#include "common/env/frame.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *what;
static int is(const char *name) { return strcmp(what, name) == 0; }

static _Noreturn void hang(void) {
  for (;;) pause();
}

static void put(int file, const void *bytes, size_t size) {
  if (send(file, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) exit(4);
}

static void get(int file, void *bytes, size_t size) {
  if (size > 0 && recv(file, bytes, size, MSG_WAITALL) != (ssize_t)size) exit(5);
}

static int connect_once(void) {
  const char *value = getenv("CORSAC_CHANNEL"), *end = strrchr(value, ':');
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  struct sockaddr_in four = {.sin_family = AF_INET};
  const int is_unix = strncmp(value, "unix:", 5) == 0;
  const int file = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  if (is_unix) {
    snprintf(path.sun_path, sizeof path.sun_path, "%.*s", (int)(end - value - 5), value + 5);
  } else {
    unsigned port;
    if (sscanf(value, "tcp:127.0.0.1:%u:", &port) != 1) exit(6);
    four.sin_port = htons((uint16_t)port);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  const struct sockaddr *address = is_unix ? (const struct sockaddr *)&path : (const struct sockaddr *)&four;
  if (connect(file, address, is_unix ? sizeof path : sizeof four) != 0) exit(6);
  return file;
}

static struct frame_hello make_hello(void) {
  struct frame_hello hello = {.magic = FRAME_MAGIC, .version = is("version") ? 99 : FRAME_VERSION};
  memcpy(hello.key, strrchr(getenv("CORSAC_CHANNEL"), ':') + 1, FRAME_KEY);
  if (is("key")) hello.key[FRAME_KEY - 1] ^= 1;
  if (is("magic")) hello.magic[0] = 'x';
  return hello;
}

static int greet(void) {
  struct frame_welcome welcome;
  const struct frame_hello hello = make_hello();
  char noise[4096];
  for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)(i * 2654435761u >> 7);
  for (int i = 0; i < 12 && is("strangers"); i++) {
    const int file = connect_once();
    if (i % 3 == 0) put(file, noise, sizeof noise);
    if (i % 3 == 1) put(file, &hello, 20);
  }
  const int file = connect_once();
  for (size_t i = 0; i < sizeof hello && is("slow"); i++) put(file, (const char *)&hello + i, 1), usleep(2000);
  if (is("half")) put(file, &hello, 20), close(file), exit(7);
  if (!is("slow")) put(file, &hello, sizeof hello);
  get(file, &welcome, sizeof welcome);
  if (is("version") && welcome.version == FRAME_VERSION && welcome.verdict == 1) exit(8);
  if (welcome.verdict != 0) exit(9);
  if (is("two")) {
    what = "good";
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    snprintf(path.sun_path, sizeof path.sun_path, "%.*s",
             (int)(strrchr(getenv("CORSAC_CHANNEL"), ':') - getenv("CORSAC_CHANNEL") - 5),
             getenv("CORSAC_CHANNEL") + 5);
    for (int tries = 0, second; tries < 500; tries++) { // soon nobody listens any more
      second = socket(AF_UNIX, SOCK_STREAM, 0);
      if (connect(second, (const struct sockaddr *)&path, sizeof path) != 0) return close(second), file;
      close(second);
      usleep(10000);
    }
    exit(10);
  }
  return file;
}

static void put_spec(int file) {
  struct {
    struct frame_head head;
    struct channel_spec spec;
    unsigned char bounds[16];
  } __attribute__((packed)) all = {.head = {CHANNEL_OPEN, 1, FRAME_SPEC + 16},
                                   .spec = {.obs_dim = 2, .act_dim = 1, .flags = CHANNEL_CAN_SAVE, .name = "frames"}};
  const double bounds[2] = {-2, 6};
  memcpy(all.bounds, bounds, sizeof bounds);
  if (is("spec-huge")) all.head.length = UINT64_C(1) << 62;
  if (is("spec-short")) all.head.length = 8;
  if (is("spec-length")) all.head.length += 8;
  if (is("spec-act-dim")) all.spec.act_dim = 1u << 30, all.head.length = FRAME_SPEC + (UINT64_C(16) << 30);
  if (is("spec-no-act-dim")) all.spec.act_dim = 0, all.head.length = FRAME_SPEC;
  if (is("spec-info-dim")) all.spec.info_dim = 1u << 31;
  if (is("spec-obs-dim")) all.spec.obs_dim = UINT32_MAX;
  if (is("spec-number")) all.head.number = 2;
  put(file, &all, sizeof all.head + FRAME_SPEC); // what lies behind is not a part of it
  if (!is("spec-no-act-dim")) put(file, all.bounds, sizeof all.bounds);
}

static void put_frame(int file, uint32_t code, uint32_t number, const void *bytes, size_t size) {
  const struct frame_head head = {.what = code, .number = number, .length = size};
  put(file, &head, sizeof head);
  if (size > 0) put(file, bytes, size);
}

// The faults of the third step.
static void in_step(int file, struct frame_head *head, struct frame_result *result) {
  static const char words[5000] = "the mesh is tangled";
  if (is("number")) head->number++;
  if (is("what")) head->what = CHANNEL_RESET;
  if (is("unknown")) head->what = 4000000000u;
  if (is("long")) head->length += 4;
  if (is("short")) head->length -= 4;
  if (is("huge")) head->length = UINT64_MAX;
  if (is("flags")) result->flags = 77;
  if (is("leave")) close(file), hang();
  if (is("cut")) put(file, head, sizeof *head), put(file, result, 8), close(file), hang();
  if (is("exit")) exit(3);
  if (is("hang")) hang();
  if (is("text-long")) put_frame(file, FRAME_FAILED, head->number, words, sizeof words), hang();
  if (is("fail")) put_frame(file, FRAME_FAILED, head->number, words, 19), exit(0);
  if (is("unended")) { // a text of 511 characters, without an end
    char text[CHANNEL_TEXT - 1];
    memset(text, 'x', sizeof text);
    put_frame(file, FRAME_FAILED, head->number, text, sizeof text);
    hang();
  }
}

static void put_result(int file, struct frame_head head, const float *obs, double reward, int flags) {
  struct frame_result result = {.flags = flags, .reward = reward};
  head.length = sizeof result + 2 * sizeof *obs;
  if (head.what == CHANNEL_STEP && obs[0] >= 3) in_step(file, &head, &result);
  put(file, &head, sizeof head);
  put(file, &result, sizeof result);
  put(file, obs, 2 * sizeof *obs);
}

static void put_state(int file, struct frame_head head, const float *obs, uint64_t capacity) {
  uint64_t size = 2 * sizeof *obs, claimed = is("save-grows") ? capacity + 1 : is("save-huge") ? UINT64_MAX / 2 : size;
  head.length = sizeof claimed + (claimed <= capacity ? size : 0);
  if (is("save-length")) head.length++;
  if (is("save-fails") || is("save-fails-long")) {
    static const char reason[1000] = "no disk";
    const struct iovec parts[] = {{&claimed, sizeof claimed}, {(void *)reason, is("save-fails") ? 7 : 1000}};
    claimed = (uint64_t)-5;
    head.length = sizeof claimed + parts[1].iov_len;
    put(file, &head, sizeof head);
    for (int i = 0; i < 2; i++) put(file, parts[i].iov_base, parts[i].iov_len);
    return;
  }
  put(file, &head, sizeof head);
  put(file, &claimed, sizeof claimed);
  if (claimed <= capacity) put(file, obs, size);
}

static void serve(int file) {
  float obs[2] = {0}, action;
  uint64_t number;
  char byte;
  struct frame_head head;
  for (;;) {
    get(file, &head, sizeof head);
    switch (head.what) {
    case CHANNEL_RESET:
      get(file, &number, sizeof number);
      for (uint64_t more = head.length; more > sizeof number; more--) get(file, &byte, 1); // what it does not know
      obs[0] = 0, obs[1] = (float)(number % 1000) / 1000;
      put_result(file, head, obs, 0, 0);
      break;
    case CHANNEL_STEP:
      get(file, &action, sizeof action);
      obs[0] += 1;
      put_result(file, head, obs, (double)action, obs[0] >= 10 ? 1 : 0);
      break;
    case CHANNEL_SAVE:
      get(file, &number, sizeof number);
      put_state(file, head, obs, number);
      break;
    case CHANNEL_LOAD:
      if (head.length != sizeof obs) exit(11);
      get(file, obs, sizeof obs);
      put_frame(file, head.what, head.number, NULL, 0);
      break;
    default: exit(head.what == CHANNEL_CLOSE ? 0 : 12);
    }
  }
}

int main(int argc, char **argv) {
  what = argc > 1 ? argv[1] : "good";
  if (is("alone")) {
    for (int i = 0; i < 200; i++) fprintf(stderr, "reading mesh %d\n", i);
    fprintf(stderr, CHANNEL_ALONE ": 10 episodes\n");
    for (int i = 0; i < 200; i++) fprintf(stderr, "episode\n");
    hang();
  }
  const int file = greet();
  put_spec(file);
  serve(file);
}
