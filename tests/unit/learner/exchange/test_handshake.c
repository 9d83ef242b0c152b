#include "common/base/process.h"
#include "common/wire/transport_loopback.h"
#include "learner/exchange/handshake.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ACTORS = 3 };

// The test plays the actors; what they say lies in the learner's inbox before it looks.
struct scene {
  struct transport *ends[ACTORS + 1];
  struct config config;
  struct message_hello hello; // what rank 1..3 say, to be changed between two
  volatile sig_atomic_t stop;
  uint32_t pid[ACTORS];
  struct error error;
};

static void scene_init(struct scene *s, const char *yaml) {
  *s = (struct scene){.config = peer_config(yaml), .hello = peer_hello()};
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s->ends, NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  message_hello_release(&s->hello);
  for (int i = 0; i <= ACTORS; i++) transport_destroy(s->ends[i]);
}

static void greet(struct scene *s, int rank) { peer_send_hello(s->ends[rank], &s->hello); }

static enum status collect(struct scene *s) {
  struct message_hello agreed;
  const enum status status = handshake_collect(&s->config, s->ends[0], &s->stop, &agreed, s->pid, &s->error);
  if (status == STATUS_OK) {
    CU_ASSERT_EQUAL(agreed.obs_dim, PEER_OBS);
    CU_ASSERT_EQUAL(agreed.action_high[0], 2);
  }
  if (status != STATUS_OK) CU_ASSERT_PTR_NULL(agreed.action_low);
  message_hello_release(&agreed);
  return status;
}

static void test_agreement(void) {
  struct scene s;
  scene_init(&s, "envs: 3\n");
  peer_send_empty(s.ends[2], 0, MESSAGE_WEIGHTS_TAKEN); // anything else is no answer
  for (int rank = 3; rank > 0; rank--) greet(&s, rank);
  CU_ASSERT_EQUAL(collect(&s), STATUS_OK);
  scene_release(&s);
}

static void test_surplus(void) {
  struct scene s;
  scene_init(&s, "envs: 2\n");
  greet(&s, 1);
  greet(&s, 2);
  CU_ASSERT_EQUAL(collect(&s), STATUS_OK); // rank 3 has nothing to say
  scene_release(&s);
}

static void test_difference(void) {
  for (int what = 0; what < 4; what++) {
    struct scene s;
    scene_init(&s, "envs: 3\n");
    greet(&s, 1);
    greet(&s, 2);
    if (what == 0) snprintf(s.hello.environment, sizeof s.hello.environment, "MountainCarContinuous-v0");
    if (what == 1) s.hello.obs_dim = 4;
    if (what == 2) s.hello.action_high[0] = 2.5;
    if (what == 3) s.hello.action_low[0] = -2.5;
    greet(&s, 3);
    CU_ASSERT_EQUAL(collect(&s), STATUS_MISMATCH);
    CU_ASSERT_TRUE(error_says(&s.error, "rank 3"));
    if (what == 0) CU_ASSERT_TRUE(error_says(&s.error, "MountainCarContinuous-v0"));
    if (what == 1) CU_ASSERT_TRUE(error_says(&s.error, "obs 4"));
    if (what == 2) CU_ASSERT_TRUE(error_says(&s.error, "2.5"));
    scene_release(&s);
  }
}

static void test_failure(void) {
  struct scene s;
  struct buffer bytes = {0};
  scene_init(&s, "envs: 3\n");
  greet(&s, 1);
  const struct error failure = {.status = STATUS_USAGE, .text = "no licence for the solver"};
  CU_ASSERT_EQUAL(message_encode_failed(&bytes, 2, &failure, NULL), STATUS_OK);
  peer_send(s.ends[2], 0, &bytes);
  CU_ASSERT_EQUAL(collect(&s), STATUS_USAGE);
  CU_ASSERT_STRING_EQUAL(s.error.text, "rank 2: no licence for the solver");
  buffer_release(&bytes);
  scene_release(&s);
}

static void test_missing(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nenv_timeout: 0.1\n");
  greet(&s, 2);
  CU_ASSERT_EQUAL(collect(&s), STATUS_PEER);
  CU_ASSERT_TRUE(error_says(&s.error, "ranks 1, 3 "));
  CU_ASSERT_TRUE(error_says(&s.error, "env_timeout"));
  error_clear(&s.error);
  greet(&s, 1);
  greet(&s, 2);
  CU_ASSERT_EQUAL(collect(&s), STATUS_PEER);
  CU_ASSERT_TRUE(error_says(&s.error, "rank 3 had not made its"));
  scene_release(&s);
}

static void test_twice(void) {
  struct scene s;
  scene_init(&s, "envs: 3\n");
  greet(&s, 1);
  greet(&s, 1);
  greet(&s, 1);
  CU_ASSERT_EQUAL(collect(&s), STATUS_PEER);
  CU_ASSERT_TRUE(error_says(&s.error, "rank 1"));
  scene_release(&s);
}

static void test_stop(void) {
  struct scene s;
  scene_init(&s, "envs: 3\n");
  s.stop = SIGTERM;
  CU_ASSERT_EQUAL(collect(&s), STATUS_STOPPED);
  s.stop = 0;
  error_clear(&s.error);
  greet(&s, 1);
  peer_send_empty(s.ends[2], 0, MESSAGE_STOP_REQUEST); // to one rank alone
  CU_ASSERT_EQUAL(collect(&s), STATUS_STOPPED);
  CU_ASSERT_TRUE(error_says(&s.error, "rank 2"));
  scene_release(&s);
}

// An actor's first message; ended: its process has ended.
static void say_alive(struct scene *s, int rank, uint64_t pid_namespace, bool ended) {
  struct buffer bytes = {0};
  pid_t pid = getpid();
  if (ended && (pid = fork()) == 0) _exit(0);
  if (ended) waitpid(pid, NULL, 0);
  const struct message_heartbeat heartbeat = {.pid_namespace = pid_namespace, .pid = (uint32_t)pid};
  CU_ASSERT_EQUAL(message_encode_heartbeat(&bytes, (uint32_t)rank, &heartbeat, NULL), STATUS_OK);
  peer_send(s->ends[rank], 0, &bytes);
  buffer_release(&bytes);
}

static void test_ended(void) {
  for (int stopped = 0; stopped < 2; stopped++) { // mpirun's TERM may come first
    struct scene s;
    scene_init(&s, "envs: 3\nenv_timeout: 600\n");
    say_alive(&s, 1, process_pid_namespace(), false);
    greet(&s, 1);
    say_alive(&s, 2, process_pid_namespace(), true);
    say_alive(&s, 3, process_pid_namespace() + 1, true); // of another host: nothing is known
    s.stop = stopped ? SIGTERM : 0;
    CU_ASSERT_EQUAL(collect(&s), STATUS_FAILED);
    CU_ASSERT_TRUE(error_says(&s.error, "rank 2 is gone"));
    CU_ASSERT_TRUE(error_says(&s.error, "while it made its environment"));
    CU_ASSERT_EQUAL_FATAL(s.pid[0], (uint32_t)getpid());
    CU_ASSERT_TRUE(s.pid[1] != 0);
    CU_ASSERT_EQUAL(s.pid[2], 0);
    scene_release(&s);
  }
}

static void test_dismiss(void) {
  struct scene s;
  struct frame frame = {0};
  struct message_stop stop = {0};
  scene_init(&s, "envs: 3\n");
  greet(&s, 1);
  for (int rank = 1; rank <= ACTORS; rank++) peer_send_empty(s.ends[rank], 0, MESSAGE_BYE);
  CU_ASSERT_TRUE(handshake_dismiss(s.ends[0], 2, 10));
  for (int rank = 1; rank <= ACTORS; rank++) {
    CU_ASSERT_TRUE_FATAL(peer_receive(s.ends[rank], &frame));
    CU_ASSERT_EQUAL_FATAL(message_decode_stop(&frame, &stop, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(stop.exit_code, 2);
  }
  peer_send_empty(s.ends[1], 0, MESSAGE_BYE);
  CU_ASSERT_FALSE(handshake_dismiss(s.ends[0], 2, 0.05)); // two did not answer
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"actors that say the same agree", test_agreement},
      {"surplus ranks are not waited for", test_surplus},
      {"the rank that differs is named, and in what", test_difference},
      {"the rank that failed is named, with its reason and status", test_failure},
      {"ranks that are missing after env_timeout are named", test_missing},
      {"no rank says HELLO twice or for another", test_twice},
      {"a signal on any rank ends the wait", test_stop},
      {"a rank whose process has ended is named at once, also where a signal came with it", test_ended},
      {"dismiss tells every rank and counts the answers", test_dismiss},
  };
  return unit_run("greeting", cases, sizeof cases / sizeof *cases);
}
