#include "actor/actor.h"
#include "common/base/process.h"
#include "tests/support/actor_scene.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void test_hello(void) {
  struct actor_scene s;
  struct frame frame = {0};
  struct message_hello hello = {0};
  actor_scene_init(&s, actor_scene_config("envs: 2\n"), 1, 1);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_IDLE); // waits for START
  struct message_heartbeat heartbeat;
  CU_ASSERT_TRUE_FATAL(peer_receive(s.ends[0], &frame)); // the first message says which process this is
  CU_ASSERT_EQUAL_FATAL(message_decode_heartbeat(&frame, &heartbeat, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(heartbeat.pid, (uint32_t)getpid());
  CU_ASSERT_EQUAL(heartbeat.pid_namespace, process_pid_namespace());
  CU_ASSERT_TRUE_FATAL(peer_receive(s.ends[0], &frame));
  CU_ASSERT_EQUAL_FATAL(message_decode_hello(&frame, &hello, NULL), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(hello.environment, "Pendulum-v1");
  CU_ASSERT_EQUAL(hello.obs_dim, PEER_OBS);
  CU_ASSERT_EQUAL(hello.act_dim, PEER_ACT);
  CU_ASSERT_EQUAL(hello.max_episode_steps, 200);
  CU_ASSERT_TRUE(hello.can_save);
  CU_ASSERT_EQUAL(hello.action_low[0], -2);
  CU_ASSERT_EQUAL(hello.action_high[0], 2);
  CU_ASSERT_FALSE(peer_receive(s.ends[0], &frame));
  message_hello_release(&hello);
  actor_scene_release(&s);
}

static void test_credits(void) {
  struct actor_scene s;
  actor_scene_init(&s, actor_scene_config("envs: 2\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 2);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  struct actor_arrival a = actor_scene_collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 2);
  CU_ASSERT_EQUAL(a.steps, 8);
  CU_ASSERT_EQUAL(a.rows, 8);
  CU_ASSERT_EQUAL(a.low_version, 0);
  CU_ASSERT_EQUAL(a.high_version, 0);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(actor_scene_collect(&s).counts[MESSAGE_TRANSITIONS], 0);
  peer_send_credit(s.ends[0], 1, 1);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(actor_scene_collect(&s).counts[MESSAGE_TRANSITIONS], 1);
  actor_scene_release(&s);
}

static void test_versions(void) {
  struct actor_scene s;
  actor_scene_init(&s, actor_scene_config(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 1);
  peer_send_weights(s.ends[0], 1, 5, s.parameters, 0.01f);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  struct actor_arrival a = actor_scene_collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_WEIGHTS_TAKEN], 1);
  CU_ASSERT_EQUAL(a.low_version, 5);
  CU_ASSERT_EQUAL(a.high_version, 5);
  CU_ASSERT_EQUAL(a.lag_high, 0);
  struct buffer bytes = {0}; // the learner mentions version 9
  CU_ASSERT_EQUAL(message_encode_credit(&bytes, 0, &(struct message_credit){2, 9, 0}, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  buffer_release(&bytes);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  a = actor_scene_collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 2);
  CU_ASSERT_EQUAL(a.high_version, 5);
  CU_ASSERT_EQUAL(a.lag_high, 4);
  actor_scene_release(&s);
}

static void test_shared_weights(void) {
  struct actor_scene s;
  actor_scene_init(&s, actor_scene_config(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  for (uint64_t version = 5; version <= 7; version++) {
    peer_post_policy(s.ends[0], version, s.in_memory, 0.01f);
    peer_send_credit(s.ends[0], 1, 1);
    CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
    const struct actor_arrival a = actor_scene_collect(&s);
    const uint64_t acted = version == 5 ? 5 : version - 1; // the next batch is filled before its credit comes
    CU_ASSERT_EQUAL(a.steps, 4);
    CU_ASSERT_EQUAL(a.low_version, acted);
    CU_ASSERT_EQUAL(a.high_version, acted);
    CU_ASSERT_EQUAL(a.lag_high, 0);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_WEIGHTS_TAKEN], 0);
  }
  actor_scene_release(&s);
}

static void test_stop(void) {
  struct actor_scene s;
  actor_scene_init(&s, actor_scene_config(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  s.stop = 15;
  actor_scene_play(&s, 1000);
  actor_scene_play(&s, 1000);
  struct actor_arrival a = actor_scene_collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_STOP_REQUEST], 1); // it is sent once, and the actor steps on until STOP
  CU_ASSERT_EQUAL(a.counts[MESSAGE_BYE], 0);
  peer_send_stop(s.ends[0], 1, 75);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_DONE);
  CU_ASSERT_EQUAL(actor_exit_code(s.actor), 75);
  CU_ASSERT_EQUAL(actor_scene_collect(&s).counts[MESSAGE_BYE], 1);
  actor_scene_release(&s);
}

static void test_failures_are_told(void) {
  const struct {
    const char *name, *args, *says;
  } cases[] = {{"fail_create", "", "no licence"},
               {"fail_step", "3", "step 3 of the episode failed"},
               {"nan_obs", NULL, "an observation that is not finite"}};
  for (int i = 0; i < 3; i++) {
    struct actor_scene s;
    struct config config = actor_scene_plugin(cases[i].name, cases[i].args, "");
    config.send_steps = 500;
    config.env_max_failures = 1;
    actor_scene_init(&s, config, 1, 1);
    if (i == 1) s.obs_dim = 1;
    peer_send_empty(s.ends[0], 1, MESSAGE_START);
    peer_send_credit(s.ends[0], 1, 2);
    CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE); // it waits for STOP
    const struct actor_arrival a = actor_scene_collect(&s);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_FAILED], 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.failed.text, cases[i].says));
    peer_send_stop(s.ends[0], 1, 1);
    CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_DONE);
    CU_ASSERT_EQUAL_FATAL(actor_exit_code(s.actor), 1);
    CU_ASSERT_EQUAL(actor_scene_collect(&s).counts[MESSAGE_BYE], 1);
    actor_scene_release(&s);
  }
}

// RESTORE with a state that the environment refuses is no error of the protocol: the actor fails.
static void test_bad_state(void) {
  struct actor_scene s;
  struct snapshot snapshot;
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 0, NULL), STATUS_OK);
  actor_scene_init(&s, actor_scene_config(""), 1, 1);
  snapshot.live = true;
  CU_ASSERT_EQUAL(buffer_reserve(&snapshot.state, 3, NULL), STATUS_OK);
  snapshot.state.size = 3;
  memset(snapshot.state.data, 0, 3);
  CU_ASSERT_EQUAL(message_encode_snapshot(&bytes, MESSAGE_RESTORE, 0, &snapshot, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_IDLE);
  const struct actor_arrival a = actor_scene_collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_FAILED], 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.failed.text, "Pendulum-v1"));
  peer_send_stop(s.ends[0], 1, 1);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_DONE);
  snapshot_release(&snapshot);
  buffer_release(&bytes);
  actor_scene_release(&s);
}

// Each failure is sent, while rows go on coming.
static void test_env_failures_are_told(void) {
  struct actor_scene s;
  struct config config = actor_scene_plugin("flaky", "nan:0", "");
  actor_scene_init(&s, config, 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 10);                                                 // 40 steps
  for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE); // a failed step is not counted
  struct frame frame;
  struct message_env_failure env_failure;
  int env_failures = 0;
  while (peer_receive(s.ends[0], &frame)) {
    CU_ASSERT_NOT_EQUAL(frame.type, MESSAGE_FAILED);
    if (frame.type != MESSAGE_ENV_FAILURE) continue;
    CU_ASSERT_EQUAL(message_decode_env_failure(&frame, &env_failure, NULL), STATUS_OK);
    CU_ASSERT_TRUE_FATAL(!env_failure.evaluation);
    CU_ASSERT_EQUAL(env_failure.environment, 0);
    CU_ASSERT_EQUAL(env_failure.in_a_row, 1);
    CU_ASSERT_EQUAL(env_failure.pause, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(env_failure.text, "flaky.so: environment 0 (training): step 4"));
    env_failures++;
  }
  CU_ASSERT_EQUAL(env_failures, 2);
  actor_scene_release(&s);
}

static void test_surplus(void) {
  struct actor_scene s;
  enum turn turn;
  struct error error = {0};
  actor_scene_init(&s, actor_scene_config("envs: 1\n"), 2, 2);
  peer_send_empty(s.ends[0], 2, MESSAGE_START);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_IDLE);
  const struct actor_arrival a = actor_scene_collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_HELLO], 0);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 0);
  peer_send_stop(s.ends[0], 2, 0);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10), TURN_DONE);
  CU_ASSERT_EQUAL(actor_scene_collect(&s).counts[MESSAGE_BYE], 1);
  actor_scene_release(&s);
  actor_scene_init(&s, actor_scene_config("envs: 1\n"), 2, 2);
  peer_send_credit(s.ends[0], 2, 1);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "surplus"));
  actor_scene_release(&s);
}

// A learner in the same process runs only between two turns of the actor, so a heartbeat follows a long step.
static void test_heartbeat(void) {
  struct actor_scene s;
  struct frame frame = {0};
  struct message_heartbeat heartbeat = {0};
  actor_scene_init(&s, actor_scene_plugin("slow", "1100", ""), 1, 1);
  while (peer_receive(s.ends[0], &frame)) continue;
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1), TURN_BUSY);
  CU_ASSERT_TRUE_FATAL(peer_receive_type(s.ends[0], MESSAGE_HEARTBEAT, &frame));
  CU_ASSERT_EQUAL(message_decode_heartbeat(&frame, &heartbeat, NULL), STATUS_OK);
  CU_ASSERT_TRUE(heartbeat.longest_step >= 1.1);
  CU_ASSERT_TRUE(heartbeat.longest_step < 100);
  actor_scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an actor sends HELLO with what its environment is, and waits", test_hello},
      {"an actor makes no more steps than its credits allow", test_credits},
      {"rows carry the version that chose their actions; lag is counted against the newest", test_versions},
      {"each step is made with the newest version in shared memory", test_shared_weights},
      {"an actor sends STOP_REQUEST once after a signal, and leaves at STOP with its exit code", test_stop},
      {"an actor that fails sends FAILED and waits for STOP", test_failures_are_told},
      {"an environment that refuses its saved state fails the actor", test_bad_state},
      {"each failure of an environment is sent to the learner, and rows go on coming", test_env_failures_are_told},
      {"a surplus rank sends nothing but heartbeats and BYE", test_surplus},
      {"a heartbeat with the longest step follows a long step", test_heartbeat},
  };
  return unit_run("actor", cases, sizeof cases / sizeof *cases);
}
