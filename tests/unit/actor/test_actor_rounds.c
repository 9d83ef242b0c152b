// Rounds of sync mode, snapshots and evaluations, as an actor makes them.
#include "actor/actor.h"
#include "common/nn/policy.h"
#include "tests/support/actor_scene.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

static void test_round_from_shared_weights(void) {
  struct actor_scene s;
  struct buffer bytes = {0};
  enum turn turn;
  struct error error = {0};
  actor_scene_init(&s, actor_scene_config("sync: true\nsync_steps: 5\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  for (uint64_t round = 1; round <= 3; round++) {
    peer_post_policy(s.ends[0], 10 * round, s.in_memory, 0.01f);
    actor_scene_send_round(&s, round, 10 * round);
    CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
    const struct actor_arrival a = actor_scene_collect(&s);
    CU_ASSERT_EQUAL(a.steps, 5);
    CU_ASSERT_EQUAL(a.low_version, 10 * round);
    CU_ASSERT_EQUAL(a.high_version, 10 * round);
    CU_ASSERT_EQUAL(a.lag_high, 0);
  }
  peer_post_policy(s.ends[0], 41, s.in_memory, 0.01f);
  actor_scene_send_round(&s, 4, 40);
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error); // a newer version does not do
  CU_ASSERT_TRUE(error_says(&error, "policy version 40"));
  buffer_release(&bytes);
  actor_scene_release(&s);
}

static void test_round(void) {
  struct actor_scene s;
  struct buffer bytes = {0};
  actor_scene_init(&s, actor_scene_config("envs: 2\nsync: true\nsync_steps: 5\n"), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(actor_scene_collect(&s).steps, 0); // no round, no step
  for (uint64_t round = 1; round <= 2; round++) {
    actor_scene_send_round(&s, round, 0);
    CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
    const struct actor_arrival a = actor_scene_collect(&s);
    CU_ASSERT_EQUAL(a.steps, 10);
    CU_ASSERT_EQUAL(a.rows, 10);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_TRANSITIONS], 3);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_SNAPSHOT], 2);
    CU_ASSERT_EQUAL(a.counts[MESSAGE_ROUND_END], 1);
  }
  actor_scene_send_round(&s, 3, 7); // 7 never came
  enum turn turn;
  struct error error = {0};
  UNIT_STATUS(actor_turn(s.actor, &turn, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "policy version 7"));
  buffer_release(&bytes);
  actor_scene_release(&s);
}

static void test_snapshots(void) {
  struct actor_scene s;
  struct frame frame = {0};
  struct snapshot snapshot;
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 2, NULL), STATUS_OK);
  actor_scene_init(&s, actor_scene_config("envs: 2\nn_step: 3\n"), 1, 1);
  snapshot.environment = 1; // environment 1 has made 70 steps and begins episode 4
  snapshot.steps = 70;
  snapshot.episode = 4;
  CU_ASSERT_EQUAL(message_encode_snapshot(&bytes, MESSAGE_RESTORE, 0, &snapshot, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE); // a full batch, and no credit
  peer_send_empty(s.ends[0], 1, MESSAGE_SNAPSHOT_REQUEST);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1), TURN_BUSY);
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
    CU_ASSERT_EQUAL(snapshot.window, 2); // they are in no batch yet
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
  actor_scene_release(&s);
}

static void test_evaluation(void) {
  struct actor_scene s;
  struct frame frame;
  actor_scene_init(&s, actor_scene_config(""), 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  const struct message_evaluate evaluate = {.number = 6, .first = 1, .stride = 2, .count = 5};
  peer_send_evaluate(s.ends[0], 1, &evaluate, s.parameters);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 10000), TURN_IDLE);
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
  actor_scene_release(&s);
}

// The evaluation waits for the end of the training episode, after 20 steps.
static void test_single_instance(void) {
  struct actor_scene s;
  struct frame frame;
  struct message_episode episode;
  struct transition_batch batch;
  uint64_t steps = 0;
  int episodes = 0;
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&batch, 1, 1, 1000, 1000, 100, NULL), STATUS_OK);
  struct policy_weights weights;
  struct mlp mlp;
  struct config config = actor_scene_plugin("one_per_process", NULL, "eval_every: 10\n");
  policy_network(&mlp, NULL, 1, 1, &config);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, 1, mlp.parameters, NULL), STATUS_OK);
  actor_scene_init(&s, config, 1, 1);
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  peer_send_credit(s.ends[0], 1, 2); // 8 steps: in the middle
  actor_scene_play(&s, 1000);
  const struct message_evaluate evaluate = {.number = 6, .first = 0, .stride = 1, .count = 2};
  struct buffer bytes = {0};
  CU_ASSERT_EQUAL(message_encode_evaluate(&bytes, 0, &evaluate, &weights, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  actor_scene_play(&s, 100);
  peer_send_credit(s.ends[0], 1, 4);
  actor_scene_play(&s, 1000);
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
  actor_scene_release(&s);
}

// A new evaluation has no episode for an actor that has lent its environment to the one before: training goes on.
static void test_evaluation_is_dropped(void) {
  struct actor_scene s;
  struct policy_weights weights;
  struct mlp mlp;
  struct buffer bytes = {0};
  struct config config = actor_scene_plugin("one_per_process", NULL, "eval_every: 10\n");
  policy_network(&mlp, NULL, 1, 1, &config);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, 1, mlp.parameters, NULL), STATUS_OK);
  actor_scene_init(&s, config, 1, 1);
  s.obs_dim = 1;
  peer_send_empty(s.ends[0], 1, MESSAGE_START);
  const struct message_evaluate begun = {.number = 1, .first = 0, .stride = 1, .count = 2};
  CU_ASSERT_EQUAL(message_encode_evaluate(&bytes, 0, &begun, &weights, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 3), TURN_BUSY);
  const struct message_evaluate none = {.number = 2, .first = 2, .stride = 1, .count = 2};
  CU_ASSERT_EQUAL(message_encode_evaluate(&bytes, 0, &none, &weights, NULL), STATUS_OK);
  peer_send(s.ends[0], 1, &bytes);
  peer_send_credit(s.ends[0], 1, 2);
  CU_ASSERT_EQUAL(actor_scene_play(&s, 1000), TURN_IDLE);
  CU_ASSERT_EQUAL(actor_scene_collect(&s).steps, 8);
  policy_weights_release(&weights);
  buffer_release(&bytes);
  actor_scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a round is made with exactly its version", test_round_from_shared_weights},
      {"a round is sync_steps steps of each environment, their snapshots and ROUND_END", test_round},
      {"environments begin where RESTORE says; rows go before snapshots", test_snapshots},
      {"an actor runs its share of an evaluation, by episode number, even without credits", test_evaluation},
      {"an environment that may exist once evaluates between its training episodes", test_single_instance},
      {"an environment is given back when a new evaluation has no episode for this actor", test_evaluation_is_dropped},
  };
  return unit_run("actor_rounds", cases, sizeof cases / sizeof *cases);
}
