#include "common/wire/transport_loopback.h"
#include "learner/exchange/evaluation.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <string.h>

enum { ACTORS = 3 };

struct scene {
  struct transport *ends[ACTORS + 1];
  struct job job;
  struct actor_table table;
  struct evaluation evaluation;
};

static void scene_init(struct scene *s) {
  const struct config config = peer_config("envs: 3\neval_every: 10\neval_episodes: 7\nnormalize_observations: true\n");
  struct message_hello hello = peer_hello();
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s->ends, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, &config, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&s->table, &config, s->ends[0], NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(evaluation_init(&s->evaluation, &s->job, NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  evaluation_release(&s->evaluation);
  actor_table_release(&s->table);
  job_release(&s->job);
  for (int i = 0; i <= ACTORS; i++) transport_destroy(s->ends[i]);
}

static void begin(struct scene *s) {
  CU_ASSERT_EQUAL(evaluation_begin(&s->evaluation, &s->job, &s->table, NULL), STATUS_OK);
  CU_ASSERT_TRUE(s->evaluation.running);
}

static enum status take(struct scene *s, struct message_episode episode, bool *done, struct error *error) {
  struct buffer bytes = {0};
  struct frame frame;
  CU_ASSERT_EQUAL(message_encode_episode(&bytes, 1 + episode.episode % ACTORS, &episode, NULL), STATUS_OK); // its own
  CU_ASSERT_EQUAL(frame_decode(bytes.data, bytes.size, &frame, NULL), STATUS_OK);
  const enum status status = evaluation_take(&s->evaluation, &s->table, &frame, done, error);
  buffer_release(&bytes);
  return status;
}

// Marks in `asked` the episodes that actor i (0-based) is asked for; returns how many.
static int shares(struct scene *s, int i, int asked[7], struct policy_weights *weights) {
  struct frame frame;
  struct message_evaluate evaluate;
  int n = 0;
  if (!peer_receive(s->ends[i + 1], &frame)) return 0;
  CU_ASSERT_EQUAL(message_decode_evaluate(&frame, &evaluate, weights, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(evaluate.number, s->evaluation.number);
  for (uint32_t e = evaluate.first; e < evaluate.count; e += evaluate.stride, n++) asked[e]++;
  return n;
}

static void test_shares(void) {
  struct scene s;
  struct policy_weights weights;
  scene_init(&s);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, mlp_dense_size(&s.job.sac.policy_net), NULL),
                        STATUS_OK);
  for (int dead = 0; dead < 2; dead++) { // all three; then without the second
    int asked[7] = {0}, n[ACTORS];
    s.table.entry[1].alive = !dead;
    s.job.policy_version = 40;
    begin(&s);
    for (int i = 0; i < ACTORS; i++) n[i] = shares(&s, i, asked, &weights);
    for (int e = 0; e < 7; e++) CU_ASSERT_EQUAL(asked[e], 1);
    if (!dead) {
      CU_ASSERT_EQUAL(n[0], 3);
      CU_ASSERT_EQUAL(n[1], 2);
      CU_ASSERT_EQUAL(n[2], 2);
    }
    if (dead) {
      CU_ASSERT_EQUAL(n[0], 4);
      CU_ASSERT_EQUAL(n[1], 0);
      CU_ASSERT_EQUAL(n[2], 3);
    }
    CU_ASSERT_EQUAL(weights.version, 40);
    const struct mlp *net = &s.job.sac.policy_net;
    const struct linalg_shape shape = mlp_shape(net, 0);
    const size_t at = linalg_weight_index(&shape, 5 / PEER_OBS, 5 % PEER_OBS);
    CU_ASSERT_EQUAL(weights.values[5], s.job.sac.policy[at]);
  }
  policy_weights_release(&weights);
  scene_release(&s);
}

static void test_keeps_its_policy(void) {
  struct scene s;
  scene_init(&s);
  const float obs[PEER_OBS] = {1, 2, 3}, other[PEER_OBS] = {9, 9, 9};
  normalizer_update(&s.job.normalizer, obs);
  s.job.policy_version = 3;
  s.job.limiter.steps = 500;
  s.job.limiter.updates = 400;
  s.job.episodes = 30;
  const real before = s.job.sac.policy[0];
  begin(&s);
  s.job.policy_version = 8; // training goes on
  s.job.limiter.steps = s.job.limiter.updates = s.job.episodes = 900;
  s.job.sac.policy[0] = before + 1;
  normalizer_update(&s.job.normalizer, other);
  CU_ASSERT_EQUAL(s.evaluation.weights.version, 3);
  CU_ASSERT_EQUAL(s.evaluation.weights.values[0], (float)before);
  CU_ASSERT_EQUAL(s.evaluation.env_steps, 500);
  CU_ASSERT_EQUAL(s.evaluation.updates, 400);
  CU_ASSERT_EQUAL(s.evaluation.training_episodes, 30);
  CU_ASSERT_EQUAL(s.evaluation.normalizer.count, 1);
  CU_ASSERT_EQUAL(s.evaluation.normalizer.mean[2], 3);
  scene_release(&s);
}

static void test_result(void) {
  static const double returns[7] = {-3, 5, 0.5, 1e3, -20, 8, 8};
  static const uint32_t orders[2][7] = {{0, 1, 2, 3, 4, 5, 6}, {6, 2, 0, 5, 3, 1, 4}};
  struct evaluation_result result[2];
  struct scene s;
  scene_init(&s);
  for (int o = 0; o < 2; o++) {
    begin(&s);
    for (int i = 0; i < 7; i++) {
      bool done = i != 6;
      const uint32_t e = orders[o][i];
      CU_ASSERT_EQUAL(
          take(&s, (struct message_episode){s.evaluation.number, e, 10 + e, returns[e], false, EPISODE_WHOLE, 0, {0}},
               &done, NULL),
          STATUS_OK);
      CU_ASSERT_EQUAL(done, i == 6);
    }
    result[o] = evaluation_result(&s.evaluation);
    evaluation_end(&s.evaluation);
    CU_ASSERT_FALSE(s.evaluation.running);
  }
  CU_ASSERT_EQUAL(result[0].episodes, 7);
  CU_ASSERT_EQUAL(result[1].episodes, 7); // and bit for bit, in any order
  CU_ASSERT_EQUAL(result[0].mean, result[1].mean);
  CU_ASSERT_EQUAL(result[0].std, result[1].std);
  CU_ASSERT_EQUAL(result[0].low, result[1].low);
  CU_ASSERT_EQUAL(result[0].high, result[1].high);
  CU_ASSERT_EQUAL(result[0].length_mean, result[1].length_mean);
  CU_ASSERT_DOUBLE_EQUAL(result[0].mean, 142.64285714285714, 1e-10);
  CU_ASSERT_DOUBLE_EQUAL(result[0].std, 350.1292327010653, 1e-9);
  CU_ASSERT_EQUAL(result[0].low, -20);
  CU_ASSERT_EQUAL(result[0].high, 1000);
  CU_ASSERT_DOUBLE_EQUAL(result[0].length_mean, 13, 1e-12);
  scene_release(&s);
}

static void test_failed_episodes(void) {
  struct scene s;
  bool done;
  scene_init(&s);
  for (int good = 1; good >= 0; good--) { // some of them; none
    begin(&s);
    for (uint32_t e = 0; e < 7; e++)
      CU_ASSERT_EQUAL(
          take(&s, (struct message_episode){s.evaluation.number, e, 10, e, !good || e % 2 == 1, EPISODE_WHOLE, 0, {0}},
               &done, NULL),
          STATUS_OK);
    CU_ASSERT_TRUE(done);
    const struct evaluation_result result = evaluation_result(&s.evaluation);
    CU_ASSERT_EQUAL(result.episodes, good ? 4 : 0);
    if (good) {
      CU_ASSERT_EQUAL(result.mean, 3);
      CU_ASSERT_EQUAL(result.low, 0);
      CU_ASSERT_EQUAL(result.high, 6);
      CU_ASSERT_EQUAL(result.length_mean, 10);
    }
    evaluation_end(&s.evaluation);
  }
  scene_release(&s);
}

// What it had until it was cut is an episode's return; one that was not begun has none.
static void test_cut_episodes(void) {
  static const enum episode_cut cuts[7] = {EPISODE_WHOLE,       EPISODE_OUT_OF_STEPS, EPISODE_OUT_OF_STEPS,
                                           EPISODE_OUT_OF_TIME, EPISODE_NOT_BEGUN,    EPISODE_NOT_BEGUN,
                                           EPISODE_NOT_BEGUN};
  struct scene s;
  bool done;
  scene_init(&s);
  for (int again = 0; again < 2; again++) {
    begin(&s);
    for (uint32_t e = 0; e < 7; e++) {
      const struct message_episode episode = {s.evaluation.number,          e,       10, e,
                                              cuts[e] == EPISODE_NOT_BEGUN, cuts[e], 0,  {0}};
      CU_ASSERT_EQUAL(take(&s, episode, &done, NULL), STATUS_OK);
    }
    CU_ASSERT_TRUE(done);
    CU_ASSERT_EQUAL(s.evaluation.cut, 6);
    CU_ASSERT_EQUAL(s.evaluation.late, 4);
    CU_ASSERT_EQUAL(s.evaluation.failed, 0);
    const struct evaluation_result result = evaluation_result(&s.evaluation);
    CU_ASSERT_EQUAL(result.episodes, 4);
    CU_ASSERT_EQUAL(result.mean, 1.5);
    evaluation_end(&s.evaluation);
  }
  scene_release(&s);
}

static void test_late_results(void) {
  struct scene s;
  bool done;
  scene_init(&s);
  begin(&s);
  const uint64_t first = s.evaluation.number;
  CU_ASSERT_EQUAL(take(&s, (struct message_episode){first, 0, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
                  STATUS_OK);
  evaluation_end(&s.evaluation); // given up
  CU_ASSERT_EQUAL(take(&s, (struct message_episode){first, 1, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
                  STATUS_OK);
  CU_ASSERT_FALSE(done);
  begin(&s);
  CU_ASSERT_NOT_EQUAL(s.evaluation.number, first);
  for (uint32_t e = 0; e < 7; e++) {
    CU_ASSERT_EQUAL(take(&s, (struct message_episode){first, e, 1, 777, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
                    STATUS_OK);
    CU_ASSERT_FALSE(done);
  }
  CU_ASSERT_EQUAL(s.evaluation.arrived, 0);
  scene_release(&s);
}

static void test_not_asked_for(void) {
  struct scene s;
  bool done;
  struct error error = {0};
  scene_init(&s);
  begin(&s);
  UNIT_STATUS(
      take(&s, (struct message_episode){s.evaluation.number, 7, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, &error),
      STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "episode 7"));
  CU_ASSERT_EQUAL(
      take(&s, (struct message_episode){s.evaluation.number, 3, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
      STATUS_OK);
  CU_ASSERT_EQUAL(
      take(&s, (struct message_episode){s.evaluation.number, 3, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
      STATUS_PEER); // twice
  CU_ASSERT_EQUAL(s.evaluation.arrived, 1);
  CU_ASSERT_EQUAL(
      take(&s, (struct message_episode){s.evaluation.number, 4, 0, 0, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
      STATUS_PEER); // of no step
  CU_ASSERT_EQUAL(
      take(&s, (struct message_episode){s.evaluation.number + 1, 4, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
      STATUS_PEER); // of an evaluation to come
  s.table.entry[1].evaluates = 0;
  CU_ASSERT_EQUAL(
      take(&s, (struct message_episode){s.evaluation.number, 4, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
      STATUS_PEER); // another's
  s.table.entry[1].evaluates = UINT32_MAX;
  CU_ASSERT_EQUAL(
      take(&s, (struct message_episode){s.evaluation.number, 4, 1, 1, false, EPISODE_WHOLE, 0, {0}}, &done, NULL),
      STATUS_PEER); // of who was not there when it began
  CU_ASSERT_EQUAL(s.evaluation.arrived, 1);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"episodes whose environment failed do not count", test_failed_episodes},
      {"episodes that are cut count with the return they had, and are counted", test_cut_episodes},
      {"each episode is one living actor's, spread evenly", test_shares},
      {"an evaluation keeps the policy, normalizer and step count of its beginning", test_keeps_its_policy},
      {"the result does not depend on the order of arrival", test_result},
      {"results of an evaluation that was given up are ignored", test_late_results},
      {"episodes that were not asked for are refused", test_not_asked_for},
  };
  return unit_run("evaluation", cases, sizeof cases / sizeof *cases);
}
