#include "actor/actor.h"
#include "common/base/process.h"
#include "common/base/clock.h"
#include "common/nn/backend.h"
#include "common/nn/policy.h"
#include "common/wire/assignment.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// An actor at rank 1 (of `actors`); the test plays the learner.
struct scene {
  struct transport *ends[4];
  int size;
  struct config config;
  struct actor *actor;
  volatile sig_atomic_t stop;
  uint32_t obs_dim;
  size_t parameters; // of its policy
  size_t in_memory;  // ... as its backend has them
};

static void scene_init(struct scene *s, struct config config, int actors, int rank) {
  struct mlp mlp;
  struct error error = {0};
  *s = (struct scene){.config = config, .size = actors + 1, .obs_dim = PEER_OBS};
  policy_network(&mlp, NULL, PEER_OBS, PEER_ACT, &config.hidden);
  s->parameters = mlp.parameters;
  policy_network(&mlp, backend_tiles(&config), PEER_OBS, PEER_ACT, &config.hidden);
  s->in_memory = mlp.parameters;
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(s->size, s->ends, NULL), STATUS_OK);
  for (int i = 0; i < s->size; i++)
    CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(s->ends[i], 10000, NULL), STATUS_OK);
  s->actor = actor_create(&s->config, s->ends[rank], &s->stop, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->actor);
}

static void scene_release(struct scene *s) {
  actor_destroy(s->actor);
  for (int i = 0; i < s->size; i++) transport_destroy(s->ends[i]);
}

// Turns until there is nothing to do (at most `most`); returns the last one.
static enum turn play(struct scene *s, int most) {
  enum turn turn = TURN_BUSY;
  struct error error = {0};
  while (turn == TURN_BUSY && most-- > 0) UNIT_STATUS(actor_turn(s->actor, &turn, &error), STATUS_OK, &error);
  if (error.status) fprintf(stderr, "%s\n", error.text);
  return turn;
}

// Rows and steps of the batches that arrived; other messages are counted.
struct arrival {
  int counts[MESSAGE_TYPES];
  uint64_t steps, rows, low_version, high_version, lag_high;
  struct message_failed failed;
};
static struct arrival collect(struct scene *s) {
  struct arrival a = {.low_version = UINT64_MAX};
  struct transition_batch batch;
  struct frame frame;
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&batch, s->obs_dim, PEER_ACT, 1000, 1000, 100, NULL), STATUS_OK);
  while (peer_receive(s->ends[0], &frame)) {
    a.counts[frame.type]++;
    if (frame.type == MESSAGE_FAILED) CU_ASSERT_EQUAL(message_decode_failed(&frame, &a.failed, NULL), STATUS_OK);
    if (frame.type != MESSAGE_TRANSITIONS) continue;
    CU_ASSERT_EQUAL(message_decode_transitions(&frame, &batch, NULL), STATUS_OK);
    a.steps += batch.steps;
    a.rows += batch.rows;
    if (batch.lag.high > a.lag_high) a.lag_high = batch.lag.high;
    for (uint32_t r = 0; r < batch.rows; r++) {
      if (batch.version[r] < a.low_version) a.low_version = batch.version[r];
      if (batch.version[r] > a.high_version) a.high_version = batch.version[r];
    }
  }
  transition_batch_release(&batch);
  return a;
}

static struct config quiet(const char *yaml) {
  char text[512];
  snprintf(text, sizeof text, "send_seconds: 1000\nsend_steps: 4\n%s", yaml);
  return peer_config(text);
}

static struct config with_plugin(const char *name, const char *args, const char *yaml) {
  struct config config = quiet(yaml);
  plugin_env(name, args, config.env, sizeof config.env);
  return config;
}

static void test_hello(void) {
  struct scene s;
  struct frame frame = {0};
  struct message_hello hello = {0};
  scene_init(&s, quiet("envs: 2\n"), 1, 1);
  CU_ASSERT_EQUAL(play(&s, 10), TURN_IDLE); // waits for START
  struct message_heartbeat heartbeat;
  CU_ASSERT_TRUE_FATAL(peer_receive(s.ends[0], &frame)); // first of all which process this is
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
  scene_release(&s);
}

static void test_credits(void) {
  struct scene s;
  scene_init(&s, quiet("envs: 2\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 2);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
  struct arrival a = collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 2);
  CU_ASSERT_EQUAL(a.steps, 8);
  CU_ASSERT_EQUAL(a.rows, 8);
  CU_ASSERT_EQUAL(a.low_version, 0);
  CU_ASSERT_EQUAL(a.high_version, 0);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(collect(&s).counts[MESSAGE_TRANSITIONS], 0);
  peer_send_credit(s.ends[0], 1, 1);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(collect(&s).counts[MESSAGE_TRANSITIONS], 1);
  scene_release(&s);
}

static void test_versions(void) {
  struct scene s;
  scene_init(&s, quiet(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 1);
  peer_send_weights(s.ends[0], 1, 5, s.parameters, 0.01f);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
  struct arrival a = collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_WEIGHTS_TAKEN], 1);
  CU_ASSERT_EQUAL(a.low_version, 5);
  CU_ASSERT_EQUAL(a.high_version, 5);
  CU_ASSERT_EQUAL(a.lag_high, 0);
  struct buffer bytes = {0}; // the learner has version 9 by now
  CU_ASSERT_EQUAL(message_encode_credit(&bytes, 0, &(struct message_credit){2, 9}, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  buffer_release(&bytes);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
  a = collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 2);
  CU_ASSERT_EQUAL(a.high_version, 5);
  CU_ASSERT_EQUAL(a.lag_high, 4);
  scene_release(&s);
}

static void test_shared_weights(void) {
  struct scene s;
  scene_init(&s, quiet(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  for (uint64_t version = 5; version <= 7; version++) {
    peer_post_policy(s.ends[0], version, s.in_memory, 0.01f);
    peer_send_credit(s.ends[0], 1, 1);
    CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
    const struct arrival a = collect(&s);
    const uint64_t acted = version == 5 ? 5 : version - 1; // the next batch is filled before its credit is there
    CU_ASSERT_EQUAL(a.steps, 4);
    CU_ASSERT_EQUAL(a.low_version, acted);
    CU_ASSERT_EQUAL(a.high_version, acted);
    CU_ASSERT_EQUAL(a.lag_high, 0);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_WEIGHTS_TAKEN], 0);
  }
  scene_release(&s);
}

static void test_round_from_shared_weights(void) {
  struct scene s;
  struct buffer bytes = {0};
  enum turn turn;
  struct error error = {0};
  scene_init(&s, quiet("sync: true\nsync_steps: 5\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  for (uint64_t round = 1; round <= 3; round++) {
    peer_post_policy(s.ends[0], 10 * round, s.in_memory, 0.01f);
    CU_ASSERT_EQUAL(message_encode_round(&bytes, 0, &(struct message_round){round, 10 * round}, NULL), STATUS_OK);
    peer_send(s.ends[0], 1, &bytes);
    CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
    const struct arrival a = collect(&s);
    CU_ASSERT_EQUAL(a.steps, 5);
    CU_ASSERT_EQUAL(a.low_version, 10 * round);
    CU_ASSERT_EQUAL(a.high_version, 10 * round);
    CU_ASSERT_EQUAL(a.lag_high, 0);
  }
  peer_post_policy(s.ends[0], 41, s.in_memory, 0.01f);
  CU_ASSERT_EQUAL(message_encode_round(&bytes, 0, &(struct message_round){4, 40}, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error); // exactly the round's version, or none
  CU_ASSERT_TRUE(error_says(&error, "policy version 40"));
  buffer_release(&bytes);
  scene_release(&s);
}

static void test_round(void) {
  struct scene s;
  struct buffer bytes = {0};
  scene_init(&s, quiet("envs: 2\nsync: true\nsync_steps: 5\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(collect(&s).steps, 0); // nothing without a round
  for (uint64_t round = 1; round <= 2; round++) {
    CU_ASSERT_EQUAL(message_encode_round(&bytes, 0, &(struct message_round){round, 0}, NULL), STATUS_OK);
    peer_send(s.ends[0], 1, &bytes);
    CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE);
    const struct arrival a = collect(&s);
    CU_ASSERT_EQUAL(a.steps, 10);
    CU_ASSERT_EQUAL(a.rows, 10);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 3);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_SNAPSHOT], 2);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_ROUND_END], 1);
  }
  CU_ASSERT_EQUAL(message_encode_round(&bytes, 0, &(struct message_round){3, 7}, NULL), STATUS_OK); // 7 never came
  peer_send(s.ends[0], 1, &bytes);
  enum turn turn;
  struct error error = {0};
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "policy version 7"));
  buffer_release(&bytes);
  scene_release(&s);
}

static void test_snapshots(void) {
  struct scene s;
  struct frame frame = {0};
  struct snapshot snapshot;
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 2, NULL), STATUS_OK);
  scene_init(&s, quiet("envs: 2\nn_step: 3\n"), 1, 1);
  snapshot.environment = 1; // environment 1 goes on at step 70 of its life, in a new episode
  snapshot.steps = 70;
  snapshot.episode = 4;
  CU_ASSERT_EQUAL(message_encode_snapshot(&bytes, MESSAGE_RESTORE, 0, &snapshot, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE); // a full batch, and no credit
  peer_send_empty(s.ends[0], 1, MESSAGE_SNAPSHOT_REQUEST);
  CU_ASSERT_EQUAL(play(&s, 1), TURN_BUSY);
  uint64_t steps = 0;
  bool rows_first = false;
  for (int got = 0; peer_receive(s.ends[0], &frame);) {
    rows_first |= frame.type == MESSAGE_TRANSITIONS && got == 0;
    if (frame.type != MESSAGE_SNAPSHOT) continue;
    CU_ASSERT_EQUAL(message_decode_snapshot(&frame, 2, &snapshot, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(snapshot.environment, (uint32_t)got++);
    CU_ASSERT_TRUE_FATAL(snapshot.live);
    CU_ASSERT_TRUE_FATAL(snapshot.exact);
    CU_ASSERT_TRUE(snapshot.state.size > 0);
    CU_ASSERT_EQUAL(snapshot.window, 2); // what the window holds back is in no batch
    if (snapshot.environment == 1) {
      CU_ASSERT_EQUAL(snapshot.steps, 72);
      CU_ASSERT_EQUAL(snapshot.episode, 4);
    }
    steps += snapshot.steps;
  }
  CU_ASSERT_TRUE(rows_first);
  CU_ASSERT_EQUAL(steps, 70 + 4);
  snapshot_release(&snapshot);
  buffer_release(&bytes);
  scene_release(&s);
}

static void test_evaluation(void) {
  struct scene s;
  struct frame frame;
  scene_init(&s, quiet(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  const struct message_evaluate evaluate = {.number = 6, .first = 1, .stride = 2, .count = 5};
  peer_send_evaluate(s.ends[0], 1, &evaluate, s.parameters);
  CU_ASSERT_EQUAL(play(&s, 10000), TURN_IDLE);
  struct message_episode episode;
  uint32_t expected = 1;
  while (peer_receive_type(s.ends[0], MESSAGE_EPISODE, &frame)) {
    CU_ASSERT_EQUAL(message_decode_episode(&frame, &episode, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(episode.number, 6);
    CU_ASSERT_EQUAL(episode.episode, expected);
    CU_ASSERT_EQUAL(episode.length, 200);
    CU_ASSERT_TRUE(episode.episode_return < 0);
    CU_ASSERT_TRUE(episode.episode_return > -2000);
    expected += 2;
  }
  CU_ASSERT_EQUAL(expected, 5);
  scene_release(&s);
}

static void test_stop(void) {
  struct scene s;
  scene_init(&s, quiet(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  s.stop = 15;
  play(&s, 1000);
  play(&s, 1000);
  struct arrival a = collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_STOP_REQUEST], 1); // asked once, and works on until it is told
  CU_ASSERT_EQUAL(a.counts[MESSAGE_BYE], 0);
  peer_send_stop(s.ends[0], 1, 75);
  CU_ASSERT_EQUAL(play(&s, 1000), TURN_DONE);
  CU_ASSERT_EQUAL(actor_exit_code(s.actor), 75);
  CU_ASSERT_EQUAL(collect(&s).counts[MESSAGE_BYE], 1);
  scene_release(&s);
}

// Cut off from the learner, a signal is one of a daemon that has lost its way.
static void test_stop_alone(void) {
  struct scene s;
  struct config config = quiet("");
  config.actor_timeout = 1;
  scene_init(&s, config, 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  play(&s, 1000);
  play(&s, 1000);
  nanosleep(&(struct timespec){.tv_nsec = (long)(2.4e9 * heartbeat_seconds(&config))}, NULL);
  s.stop = 15;
  enum turn turn;
  struct error error = {0};
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_STOPPED, &error);
  CU_ASSERT_TRUE(error_says(&error, "leaves alone"));
  CU_ASSERT_EQUAL(collect(&s).counts[MESSAGE_STOP_REQUEST], 0);
  scene_release(&s);
}

static void test_failures_are_told(void) {
  const struct {
    const char *name, *args, *says;
  } cases[] = {{"fail_create", "", "fail_create"}, {"fail_step", "3", "step"}, {"nan_obs", NULL, "nan_obs"}};
  for (int i = 0; i < 3; i++) {
    struct scene s;
    struct config config = with_plugin(cases[i].name, cases[i].args, "");
    config.send_steps = 500;
    config.env_max_failures = 1;
    scene_init(&s, config, 1, 1);
    if (i == 1) s.obs_dim = 1;
    peer_send_empty(s.ends[0], 1, MESSAGE_START);
    peer_send_credit(s.ends[0], 1, 2);
    CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE); // it waits for the learner's word
    const struct arrival a = collect(&s);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_FAILED], 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.failed.text, cases[i].says));
    peer_send_stop(s.ends[0], 1, 1);
    CU_ASSERT_EQUAL(play(&s, 10), TURN_DONE);
    CU_ASSERT_EQUAL_FATAL(actor_exit_code(s.actor), 1);
    CU_ASSERT_EQUAL(collect(&s).counts[MESSAGE_BYE], 1);
    scene_release(&s);
  }
}

// A state that the environment refuses comes with a message, but it is the environment that fails.
static void test_bad_state(void) {
  struct scene s;
  struct snapshot snapshot;
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 0, NULL), STATUS_OK);
  scene_init(&s, quiet(""), 1, 1);
  snapshot.live = true;
  CU_ASSERT_EQUAL(buffer_reserve(&snapshot.state, 3, NULL), STATUS_OK);
  snapshot.state.size = 3;
  memset(snapshot.state.data, 0, 3);
  CU_ASSERT_EQUAL(message_encode_snapshot(&bytes, MESSAGE_RESTORE, 0, &snapshot, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(play(&s, 10), TURN_IDLE);
  const struct arrival a = collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_FAILED], 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.failed.text, "Pendulum-v1"));
  peer_send_stop(s.ends[0], 1, 1);
  CU_ASSERT_EQUAL(play(&s, 10), TURN_DONE);
  snapshot_release(&snapshot);
  buffer_release(&bytes);
  scene_release(&s);
}

// Told each time, while rows go on coming.
static void test_incidents_are_told(void) {
  struct scene s;
  struct config config = with_plugin("flaky", "nan:0", "");
  scene_init(&s, config, 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 10);                                     // 40 steps
  for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(play(&s, 1000), TURN_IDLE); // a failed step is none
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
  scene_release(&s);
}

// Training stops for it at an episode's end: 20 steps.
static void test_one_per_process_and_evaluation(void) {
  struct scene s;
  struct frame frame;
  struct message_episode episode;
  struct transition_batch batch;
  uint64_t steps = 0;
  int episodes = 0;
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&batch, 1, 1, 1000, 1000, 100, NULL), STATUS_OK);
  struct policy_weights weights;
  struct mlp mlp;
  struct config config = with_plugin("one_per_process", NULL, "eval_every: 10\n");
  policy_network(&mlp, NULL, 1, 1, &config.hidden);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, 1, mlp.parameters, NULL), STATUS_OK);
  scene_init(&s, config, 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 2); // 8 steps: in the middle
  play(&s, 1000);
  const struct message_evaluate evaluate = {.number = 6, .first = 0, .stride = 1, .count = 2};
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL(message_encode_evaluate(&bytes, 0, &evaluate, &weights, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  play(&s, 100);
  peer_send_credit(s.ends[0], 1, 4);
  play(&s, 1000);
  while (peer_receive(s.ends[0], &frame)) {
    CU_ASSERT_NOT_EQUAL(frame.type, MESSAGE_FAILED);
    if (frame.type == MESSAGE_EPISODE) {
      CU_ASSERT_EQUAL(message_decode_episode(&frame, &episode, NULL), STATUS_OK);
      CU_ASSERT_EQUAL(episode.number, 6);
      CU_ASSERT_EQUAL(episode.episode, (uint32_t)episodes++);
      CU_ASSERT_EQUAL(episode.length, 20);
      CU_ASSERT_EQUAL(steps, 20);
    } else if (frame.type == MESSAGE_TRANSITIONS) {
      CU_ASSERT_EQUAL(message_decode_transitions(&frame, &batch, NULL), STATUS_OK);
      steps += batch.steps;
    }
  }
  CU_ASSERT_EQUAL(episodes, 2);
  CU_ASSERT_EQUAL(steps, 24);
  transition_batch_release(&batch);
  policy_weights_release(&weights);
  buffer_release(&bytes);
  scene_release(&s);
}

static void test_silent_learner(void) {
  struct scene s;
  enum turn turn;
  struct error error = {0};
  const struct timespec longer = {.tv_nsec = 150000000};
  scene_init(&s, quiet("actor_timeout: 0.1\nenv_timeout: 100\n"), 1, 1);
  nanosleep(&longer, NULL);
  CU_ASSERT_EQUAL(play(&s, 10), TURN_IDLE); // other actors may still make their environments
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  nanosleep(&longer, NULL);
  CU_ASSERT_NOT_EQUAL(play(&s, 1), TURN_DONE); // what came meanwhile counts
  nanosleep(&longer, NULL);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "silent"));
  scene_release(&s);
}

static void test_protocol(void) {
  struct scene s;
  enum turn turn;
  struct error error = {0};
  scene_init(&s, quiet(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_BYE); // no learner says so
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "BYE"));
  scene_release(&s);
}

// What no learner says: encodes it, or returns NULL where there is no such case; else what the actor's last word says.
static const char *encode_hostile(const struct scene *s, int which, struct buffer *bytes) {
  struct policy_weights weights;
  const char *says = NULL;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, s->parameters, NULL), STATUS_OK);
  weights.version = 5;
  enum status status = STATUS_OK;
  switch (which) {
  case 0:
    weights.values[3] = NAN;
    status = message_encode_weights(bytes, 0, &weights, NULL);
    says = "values is nan";
    break;
  case 1:
    weights.scale[0] = INFINITY;
    status = message_encode_weights(bytes, 0, &weights, NULL);
    says = "scale is inf";
    break;
  case 2:
    weights.version = 3; // 4 was told
    status = message_encode_weights(bytes, 0, &weights, NULL);
    says = "back from policy version 4 to 3";
    break;
  case 3:
    status = message_encode_credit(bytes, 0, &(struct message_credit){1, 3}, NULL);
    says = "back from policy version 4 to 3";
    break;
  case 4:
    status = message_encode_credit(bytes, 0, &(struct message_credit){UINT32_MAX, 4}, NULL);
    says = "batches is 4294967295";
    break;
  case 5:
    status = message_encode_credit(bytes, 0, &(struct message_credit){WIRE_MAX_CREDITS, 4}, NULL);
    says = "credits for 65 batches"; // with the one that it has
    break;
  case 6:
    status = message_encode_heartbeat(bytes, 0, &(struct message_heartbeat){.newest_version = 3}, NULL);
    says = "back from policy version 4 to 3";
    break;
  case 7:
    status = message_encode_round(bytes, 0, &(struct message_round){1, 4}, NULL);
    says = "asks for round 1"; // it is in async
    break;
  case 8:
    status = message_encode_evaluate(bytes, 0, &(struct message_evaluate){.number = 1, .stride = 1, .count = 99},
                                     &weights, NULL);
    says = "99 episodes (eval_episodes 10)";
    break;
  case 9:
    status = message_encode_evaluate(bytes, 0, &(struct message_evaluate){.stride = 1, .count = 1}, &weights, NULL);
    says = "evaluation 0 after 0";
    break;
  case 10:
    status = message_encode_empty(bytes, MESSAGE_START, 0, NULL);
    says = "has begun";
    break;
  case 11:
    status = message_encode_stop(bytes, 0, &(struct message_stop){1000, false}, NULL);
    says = "exit_code is 1000";
    break;
  default: break;
  }
  CU_ASSERT_EQUAL(status, STATUS_OK);
  policy_weights_release(&weights);
  return says;
}

static void test_hostile_learner(void) {
  const char *says = "";
  for (int which = 0; says; which++) {
    struct scene s;
    enum turn turn;
    struct error error = {0};
    struct buffer bytes = {0};
    scene_init(&s, quiet(""), 1, 1);
    says = encode_hostile(&s, which, &bytes);
    peer_send_empty(s.ends[0], 1, MESSAGE_START);
    struct buffer credit = {0};
    CU_ASSERT_EQUAL(message_encode_credit(&credit, 0, &(struct message_credit){1, 4}, NULL), STATUS_OK);
    peer_send(s.ends[0], 1, &credit);
    if (says) peer_send(s.ends[0], 1, &bytes);
    CU_ASSERT_EQUAL(actor_turn(s.actor, &turn, &error) == STATUS_OK, says == NULL); // it leaves, with a message
    if (says) CU_ASSERT_TRUE(error_says(&error, says));
    buffer_release(&credit);
    buffer_release(&bytes);
    scene_release(&s);
  }
}

static void test_surplus(void) {
  struct scene s;
  enum turn turn;
  struct error error = {0};
  scene_init(&s, quiet("envs: 1\n"), 2, 2);
  peer_send_empty(s.ends[0], 2, MESSAGE_START);
  CU_ASSERT_EQUAL(play(&s, 10), TURN_IDLE);
  const struct arrival a = collect(&s);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_HELLO], 0);
  CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 0);
  peer_send_stop(s.ends[0], 2, 0);
  CU_ASSERT_EQUAL(play(&s, 10), TURN_DONE);
  CU_ASSERT_EQUAL(collect(&s).counts[MESSAGE_BYE], 1);
  scene_release(&s);
  scene_init(&s, quiet("envs: 1\n"), 2, 2);
  peer_send_credit(s.ends[0], 2, 1);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "surplus"));
  scene_release(&s);
}

// In one process the learner gets the word only between the actor's turns: it has to be said at the end of a long step.
static void test_heartbeat(void) {
  struct scene s;
  struct frame frame = {0};
  struct message_heartbeat heartbeat = {0};
  scene_init(&s, with_plugin("slow", "1100", ""), 1, 1);
  while (peer_receive(s.ends[0], &frame)) continue;
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(play(&s, 1), TURN_BUSY);
  CU_ASSERT_TRUE_FATAL(peer_receive_type(s.ends[0], MESSAGE_HEARTBEAT, &frame));
  CU_ASSERT_EQUAL(message_decode_heartbeat(&frame, &heartbeat, NULL), STATUS_OK);
  CU_ASSERT_TRUE(heartbeat.longest_step >= 1.1);
  CU_ASSERT_TRUE(heartbeat.longest_step < 100);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"it says what its environment is and waits", test_hello},
      {"it steps as far as credits reach and not further", test_credits},
      {"rows carry the version that chose them, lag is counted against the newest", test_versions},
      {"each step is made with the newest of the shared weights", test_shared_weights},
      {"a round is made with its version from the shared weights", test_round_from_shared_weights},
      {"a round is sync_steps steps of each environment, their snapshots and its end", test_round},
      {"environments begin where RESTORE says; rows go before snapshots", test_snapshots},
      {"it runs its share of an evaluation, by number, even without credits", test_evaluation},
      {"a signal to an actor that is cut off from the learner stops that actor alone", test_stop_alone},
      {"a signal is told once; the learner's word ends it, with its exit code", test_stop},
      {"an environment that fails is told, and the actor awaits its STOP", test_failures_are_told},
      {"so is one that refuses its saved state", test_bad_state},
      {"one that goes on after a failure tells of it", test_incidents_are_told},
      {"an environment of one instance evaluates between its training episodes", test_one_per_process_and_evaluation},
      {"it leaves a learner that is silent after START", test_silent_learner},
      {"and one that breaks the protocol", test_protocol},
      {"and one that sends numbers which no learner sends", test_hostile_learner},
      {"a surplus rank says nothing but BYE", test_surplus},
      {"a heartbeat with the longest step follows a long step", test_heartbeat},
  };
  return unit_run("actor", cases, sizeof cases / sizeof *cases);
}
