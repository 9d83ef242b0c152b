#include "learner/exchange/transition_receiver.h"
#include "common/wire/assignment.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ENVIRONMENTS = 8 };

// A job that gets batches made by the test, of rows marked by their reward.
struct scene {
  struct job job;
  struct transition_receiver *receiver;
  struct transition_batch batch; // to be filled and sent
  struct buffer bytes;
  double longest_step;
  uint32_t actors;
  uint64_t steps[ENVIRONMENTS], made[ENVIRONMENTS]; // what the actors have said of them; in this batch
};

static void scene_init(struct scene *s, const char *yaml, uint32_t actors) {
  const struct config config = peer_config(yaml);
  struct message_hello hello = peer_hello();
  *s = (struct scene){.actors = actors};
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, &config, &hello, NULL), STATUS_OK);
  s->receiver = transition_receiver_create(&s->job, actors, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->receiver);
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&s->batch, PEER_OBS, PEER_ACT, 500, 500, 8, NULL), STATUS_OK);
}

static void scene_release(struct scene *s) {
  transition_batch_release(&s->batch);
  buffer_release(&s->bytes);
  transition_receiver_destroy(s->receiver);
  job_release(&s->job);
}

static void row(struct scene *s, uint32_t environment, float mark) {
  struct transition_batch *b = &s->batch;
  const uint32_t r = b->rows++;
  b->environment[r] = environment;
  b->reward[r] = mark;
  b->discount[r] = 0.5f;
  for (int i = 0; i < PEER_OBS; i++)
    b->obs[r * PEER_OBS + (uint32_t)i] = b->next_obs[r * PEER_OBS + (uint32_t)i] = mark;
  b->action[r] = mark / 1000; // in [-1, 1]
  b->steps++;
  s->made[environment < ENVIRONMENTS ? environment : 0]++;
}

static void episode(struct scene *s, uint32_t environment, uint64_t number, double episode_return) {
  s->batch.episode[s->batch.episodes++] = (struct episode_record){
      .environment = environment, .length = 2, .episode = number, .episode_return = episode_return};
}

static void progress(struct scene *s, uint32_t environment, uint64_t steps, uint64_t number) {
  s->batch.progress[s->batch.environments++] = (struct environment_progress){environment, steps, number};
}

// Unless a case changes it, the sender's environments have gone on by the batch's rows.
static void add_progress(struct scene *s, uint32_t rank) {
  const struct assignment share = assignment_of(&s->job.config, s->actors, rank - 1);
  if (s->batch.lag.count == 0) s->batch.lag = (struct lag_record){.count = s->batch.steps};
  if (s->batch.lag.count == 0) s->batch.lag.low = UINT64_MAX;
  for (uint32_t e = share.first; e < share.first + share.count && s->batch.environments < share.count; e++)
    progress(s, e, s->steps[e] + s->made[e], s->steps[e] + s->made[e]); // an episode for each step
}

// Sends the batch, as it is, as rank `rank` and begins the next.
static enum status take_as_it_is(struct scene *s, uint32_t rank, struct error *error) {
  struct frame frame;
  CU_ASSERT_EQUAL(message_encode_transitions(&s->bytes, rank, &s->batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(s->bytes.data, s->bytes.size, &frame, NULL), STATUS_OK);
  const enum status status = transition_receiver_take(s->receiver, &frame, &s->longest_step, error);
  for (uint32_t p = 0; p < s->batch.environments && status == STATUS_OK; p++)
    s->steps[s->batch.progress[p].environment] = s->batch.progress[p].steps;
  memset(s->made, 0, sizeof s->made);
  transition_batch_clear(&s->batch);
  s->batch.environments = 0;
  return status;
}

static enum status take(struct scene *s, uint32_t rank, struct error *error) {
  add_progress(s, rank);
  return take_as_it_is(s, rank, error);
}

// environment, sent by `rank`, with `steps` made; live and exact as given.
static enum status take_snapshot_of(struct scene *s, uint32_t rank, uint32_t environment, uint64_t steps, bool exact,
                                    struct error *error) {
  struct snapshot snapshot;
  struct frame frame;
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 0, NULL), STATUS_OK);
  snapshot.environment = environment;
  snapshot.steps = steps;
  snapshot.live = snapshot.exact = exact;
  snapshot.episode = UINT32_MAX; // no earlier one than was heard of
  if (exact && buffer_reserve(&snapshot.state, 5, NULL) == STATUS_OK) {
    memset(snapshot.state.data, 7, 5);
    snapshot.state.size = 5;
  }
  CU_ASSERT_EQUAL(message_encode_snapshot(&s->bytes, MESSAGE_SNAPSHOT, rank, &snapshot, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(s->bytes.data, s->bytes.size, &frame, NULL), STATUS_OK);
  snapshot_release(&snapshot);
  return transition_receiver_take_snapshot(s->receiver, &frame, error);
}

static enum status take_snapshot(struct scene *s, uint32_t environment, uint64_t steps, bool exact,
                                 struct error *error) {
  const uint32_t rank = environment < assignment_of(&s->job.config, s->actors, 0).count ? 1 : 2; // whose it is
  return take_snapshot_of(s, rank, environment, steps, exact, error);
}

// The i-th row that went into replay.
static float mark(struct scene *s, uint32_t i) {
  enum { WIDTH = PEER_OBS + PEER_ACT };
  float obs[WIDTH], reward, next_obs[WIDTH], discount;
  const float *action = obs + PEER_OBS;
  const struct sac_batch batch = {
      .rows = 1, .width = WIDTH, .input = obs, .next_input = next_obs, .reward = &reward, .discount = &discount};
  replay_gather(s->job.replay, &i, &batch);
  CU_ASSERT_EQUAL(obs[0], reward);
  CU_ASSERT_EQUAL(action[0], reward / 1000);
  CU_ASSERT_EQUAL(next_obs[PEER_OBS - 1], reward);
  CU_ASSERT_EQUAL(discount, 0.5f);
  return reward;
}

static void test_async(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nenv_steps: 100\n", 2);
  for (int i = 0; i < 10; i++) row(&s, 1, (float)i);
  episode(&s, 1, 3, -12);
  progress(&s, 1, 10, 4);
  s.batch.longest_step = 0.25;
  s.batch.blocked = 2;
  CU_ASSERT_EQUAL(take(&s, 2, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 10);
  CU_ASSERT_EQUAL_FATAL(replay_size(s.job.replay), 10);
  CU_ASSERT_EQUAL(s.job.dropped, 0);
  for (uint32_t i = 0; i < 10; i++) CU_ASSERT_EQUAL(mark(&s, i), (float)i);
  CU_ASSERT_EQUAL(s.job.episodes, 1);
  CU_ASSERT_EQUAL(s.job.metrics.episodes, 1);
  CU_ASSERT_EQUAL(s.job.metrics.return_sum, -12);
  CU_ASSERT_EQUAL(s.longest_step, 0.25);
  CU_ASSERT_EQUAL(s.job.metrics.actor_wait, 2);
  const struct snapshot *environment = &s.job.environments[1];
  CU_ASSERT_EQUAL(environment->steps, 10);
  CU_ASSERT_EQUAL(environment->episode, 5);
  CU_ASSERT_TRUE(!environment->live);
  CU_ASSERT_TRUE(!environment->exact);
  scene_release(&s);
}

// The steps past env_steps are neither counted nor stored, however many rows the n-step windows emit.
static void test_surplus_rows(void) {
  struct scene s;
  scene_init(&s, "envs: 1\nenv_steps: 13\n", 1);
  for (int i = 0; i < 10; i++) row(&s, 0, (float)i);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  for (int i = 10; i < 20; i++) row(&s, 0, (float)i);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 13);
  CU_ASSERT_EQUAL_FATAL(replay_size(s.job.replay), 13);
  CU_ASSERT_EQUAL(s.job.dropped, 7);
  CU_ASSERT_EQUAL(mark(&s, 12), 12);
  row(&s, 0, 20);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 13);
  CU_ASSERT_EQUAL_FATAL(replay_size(s.job.replay), 13);
  CU_ASSERT_EQUAL(s.job.dropped, 8);
  scene_release(&s);
}

// Rank 1's good batch, 2 steps of environments 0 and 1 each (of 4), of policy version 7 at most; episode
// `number` of environment 1 has ended in it.
static void fill_good(struct scene *s, uint64_t number) {
  for (uint32_t e = 0; e < 2; e++)
    for (int step = 0; step < 2; step++) row(s, e, 1);
  for (uint32_t r = 0; r < s->batch.rows; r++) s->batch.version[r] = 7;
  episode(s, 1, number, -5);
  progress(s, 0, s->steps[0] + 2, 3);
  progress(s, 1, s->steps[1] + 2, number + 1);
  s->batch.lag = (struct lag_record){.count = 4, .sum = 6, .low = 1, .high = 2};
  s->batch.longest_step = 0.1;
}

// Spoils one field of it; what the refusal says, or NULL: there is no such case.
static const char *spoil(struct transition_batch *b, int which) {
  static const char own[] = "not its own", counts[] = "its steps do not make", goes_on[] = "do not go on",
                    ended[] = "did not end", version[] = "does not exist", lags[] = "lag", number[] = "not a number";
  switch (which) {
  case 0: return b->environment[0] = 2, own; // rank 2's
  case 1: return b->environment[3] = 4, own; // of no actor
  case 2: return b->environment[1] = UINT32_MAX, own;
  case 3: return b->version[2] = 8, version; // to come
  case 4: return b->version[2] = UINT64_MAX, version;
  case 5: return b->obs[0] = NAN, number;
  case 6: return b->obs[2] = INFINITY, number;
  case 7: return b->next_obs[5] = -INFINITY, number;
  case 8: return b->next_obs[11] = NAN, number;
  case 9: return b->action[0] = 1.0001f, number;
  case 10: return b->action[3] = -2, number;
  case 11: return b->action[3] = NAN, number;
  case 12: return b->reward[1] = NAN, number;
  case 13: return b->reward[1] = INFINITY, number;
  case 14: return b->discount[1] = 1.0001f, number;
  case 15: return b->discount[1] = -0.1f, number;
  case 16: return b->discount[1] = NAN, number;
  case 17: return b->rows = 3, counts;
  case 18: return b->steps = 3, counts;
  case 19: return b->steps = 0, counts;
  case 20: return b->steps = 6, "a batch of 6 steps, it can have 5";
  case 21: return b->steps = UINT64_MAX, "steps is";
  case 22: return b->environments = 0, goes_on;
  case 23: return b->environments = 1, goes_on;
  case 24: return b->progress[1].environment = 0, goes_on; // twice
  case 25: return b->progress[1].environment = 2, goes_on;
  case 26: return b->progress[1].environment = UINT32_MAX, goes_on;
  case 27: return b->progress[1].steps -= 3, goes_on; // backwards
  case 28: return b->progress[1].steps += 1, goes_on;
  case 29: return b->progress[1].steps = UINT64_MAX, "steps is";
  case 30: return b->progress[0].episode = 1, goes_on;
  case 31: return b->progress[0].episode = UINT64_MAX, "episode is";
  case 32: return b->episode[0].environment = 2, ended;
  case 33: return b->episode[0].environment = UINT32_MAX, ended;
  case 34: return b->episode[0].length = 0, b->episode[0].episode_return = 0, ended;
  case 35: return b->episode[0].length = 1000, ended; // more than its steps
  case 36: return b->episode[0].episode = 5, ended;   // is still going on
  case 37: return b->episode[0].episode = 3, ended;   // was before the last batch
  case 38: return b->episode[0].episode = UINT64_MAX, "number is";
  case 39: return b->episode[0].episode_return = NAN, number;
  case 40: return b->episode[0].episode_return = INFINITY, number;
  case 41: return b->episode[0].episode_return = -1e300, number; // two floats do not make that
  case 42: return b->lag.count = 5, b->lag.sum = 8, "another number of lags";
  case 43: return b->lag.sum = 20, lags;
  case 44: return b->lag.low = 2, lags;
  case 45: return b->lag.low = UINT64_MAX, lags;
  case 46: return b->lag.high = 8, version;
  case 47: return b->lag.high = UINT64_MAX, lags;
  case 48: return b->blocked = NAN, number;
  case 49: return b->blocked = -1, number;
  case 50: return b->blocked = 1e300, number;
  case 51: return b->longest_step = INFINITY, number;
  case 52: return b->longest_step = NAN, number;
  case 53: return b->longest_step = -1, number;
  case 54: return b->longest_step = 1e300, number;
  default: return NULL;
  }
}

static void test_hostile(void) {
  struct scene s;
  struct error error = {0};
  const char *says;
  scene_init(&s, "envs: 4\nenv_steps: 1000\nsend_steps: 4\n", 2);
  s.job.policy_version = 7;
  fill_good(&s, 3);
  UNIT_STATUS(take(&s, 1, &error), STATUS_OK, &error);
  const struct metrics before = s.job.metrics;
  const struct snapshot stands = s.job.environments[1];
  for (int which = 0; fill_good(&s, 4), (says = spoil(&s.batch, which)); which++) {
    const enum status status = take_as_it_is(&s, 1, &error);
    if (!((status == STATUS_PEER || status == STATUS_FORMAT) && error_says(&error, says)))
      fprintf(stderr, "case %d: %s, expected \"%s\"\n", which, error.text, says);
    CU_ASSERT_TRUE_FATAL(status == STATUS_PEER || status == STATUS_FORMAT);
    CU_ASSERT_TRUE(error_says(&error, says));
    error_clear(&error);
  }
  CU_ASSERT_EQUAL(memcmp(&before, &s.job.metrics, sizeof before), 0); // nothing of them was used
  CU_ASSERT_EQUAL(memcmp(&stands, &s.job.environments[1], sizeof stands), 0);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 4);
  CU_ASSERT_EQUAL_FATAL(replay_size(s.job.replay), 4);
  CU_ASSERT_EQUAL(s.job.episodes, 1);
  UNIT_STATUS(take(&s, 1, &error), STATUS_OK, &error); // the next good one
  CU_ASSERT_EQUAL(s.job.limiter.steps, 8);
  CU_ASSERT_EQUAL(s.job.episodes, 2);
  fill_good(&s, 5);
  UNIT_STATUS(take(&s, 2, &error), STATUS_PEER, &error); // of another rank it is not
  scene_release(&s);
}

// What n-step windows hold back and emit; where an environment was missing in a step, the last one goes past the batch.
static void test_counts_that_can_be(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nenv_steps: 1000\nsend_steps: 4\nn_step: 3\n", 1);
  for (int i = 0; i < 3; i++) row(&s, 0, 1);
  s.made[1] = 2;
  s.batch.steps = 5;
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  for (int i = 0; i < 6; i++) row(&s, 0, 1);
  s.made[0] = s.batch.steps = 2;
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  for (int i = 0; i < 4; i++) row(&s, 1, 1); // cut: rows alone
  s.made[1] = s.batch.steps = 0;
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 7);
  CU_ASSERT_EQUAL(replay_size(s.job.replay), 13);
  for (int i = 0; i < 7; i++) row(&s, 0, 1);
  s.made[0] = s.batch.steps = 2;
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_PEER); // one more than two windows of 3 can have held
  scene_release(&s);
}

// Snapshots that are not expected, do not go on from the rows, or hold impossible values.
static void test_hostile_snapshots(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s, "envs: 4\nenv_steps: 1000\nsend_steps: 4\nn_step: 3\n", 2);
  UNIT_STATUS(take_snapshot(&s, 0, 0, true, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "is not expected"));
  error_clear(&error);
  transition_receiver_collect(s.receiver, true);
  UNIT_STATUS(take_snapshot_of(&s, 1, 2, 0, true, &error), STATUS_PEER, &error); // rank 2's
  CU_ASSERT_TRUE(error_says(&error, "environment 2"));
  CU_ASSERT_EQUAL(take_snapshot_of(&s, 1, 4, 0, true, NULL), STATUS_PEER);
  CU_ASSERT_EQUAL(take_snapshot(&s, 0, 1, true, NULL), STATUS_PEER); // steps without rows
  CU_ASSERT_EQUAL(take_snapshot(&s, 0, 0, true, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(take_snapshot(&s, 0, 0, true, NULL), STATUS_PEER); // twice
  row(&s, 1, 1);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(take_snapshot(&s, 1, 0, true, NULL), STATUS_PEER); // backwards
  CU_ASSERT_FALSE(s.job.environments[1].exact);
  CU_ASSERT_EQUAL(take_snapshot(&s, 1, 1, true, NULL), STATUS_OK);
  scene_release(&s);
}

static void test_normalizer(void) {
  struct scene s;
  scene_init(&s, "envs: 1\nenv_steps: 3\nnormalize_observations: true\n", 1);
  for (int i = 0; i < 5; i++) row(&s, 0, (float)i);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.job.normalizer.count, 3); // what went into replay, and nothing else
  CU_ASSERT_DOUBLE_EQUAL(s.job.normalizer.mean[0], 1, 1e-12);
  scene_release(&s);
}

static void test_snapshots_while_saving(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nenv_steps: 1000\n", 1);
  transition_receiver_collect(s.receiver, true);
  for (int i = 0; i < 4; i++) row(&s, 0, 1);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(take_snapshot(&s, 0, 4, true, NULL), STATUS_OK);
  row(&s, 0, 1);
  row(&s, 1, 1); // its snapshot is still missing
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_TRUE_FATAL(s.job.environments[0].exact);
  CU_ASSERT_TRUE_FATAL(s.job.environments[0].live);
  CU_ASSERT_EQUAL(s.job.environments[0].steps, 4);
  CU_ASSERT_TRUE_FATAL(!s.job.environments[1].exact);
  CU_ASSERT_EQUAL(s.job.environments[1].steps, 1);
  transition_receiver_collect(s.receiver, false);
  row(&s, 0, 1);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT_TRUE_FATAL(!s.job.environments[0].exact);
  CU_ASSERT_TRUE_FATAL(!s.job.environments[0].live);
  CU_ASSERT_EQUAL(s.job.environments[0].steps, 6);
  CU_ASSERT_EQUAL(s.job.environments[0].state.size, 0); // of no use any more
  scene_release(&s);
}

// A round of 3 environments x 2 steps, sent by the actors in the order given; marks are 10 environment + step.
static void send_round(struct scene *s, bool reversed) {
  for (int i = 0; i < 2; i++) {
    const bool second = (i == 1) != reversed; // environments 0 and 1 together, then 2; or the other way round
    for (int step = 0; step < 2; step++)
      for (uint32_t e = second ? 2 : 0; e < (second ? 3u : 2u); e++) row(s, e, (float)(10 * (int)e + step));
    if (second) episode(s, 2, s->steps[2], 0.1);
    if (!second) episode(s, 1, s->steps[1], 1e17);
    CU_ASSERT_EQUAL(take(s, second ? 2 : 1, NULL), STATUS_OK);
  }
  for (uint32_t e = 0; e < 3; e++)
    CU_ASSERT_EQUAL(take_snapshot(s, reversed ? 2 - e : e, s->steps[e], true, NULL), STATUS_OK);
}

// Linked rows follow each other by their places in episodes; where some are lost, the past is unknown.
static void test_linked(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nhistory: 2\nn_step: 3\nenv_steps: 1000\n", 2);
  CU_ASSERT_EQUAL_FATAL(transition_batch_use_episodes(&s.batch, NULL), STATUS_OK);
  const uint32_t steps[] = {0, 1, 2, 3, 4, 7, 8, 9, 10};
  for (uint32_t i = 0; i < 9; i++) {
    s.batch.episode_number[s.batch.rows] = 3;
    s.batch.episode_step[s.batch.rows] = steps[i];
    row(&s, 1, 1);
  }
  CU_ASSERT_EQUAL(take(&s, 2, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.job.limiter.steps, 9);
  CU_ASSERT_EQUAL(replay_size(s.job.replay), 9 + 2); // both chains begin with a record of an observation
  // Of the first chain all, since nothing more can come; of the second neither the first, whose past is unknown, nor
  // the last two, whose steps are still to come.
  CU_ASSERT_EQUAL(replay_drawable(s.job.replay), 5 + 1);
  CU_ASSERT_EQUAL(replay_lane(s.job.replay, 1).step, 11);
  CU_ASSERT_EQUAL(replay_lane(s.job.replay, 0).record, REPLAY_NO_RECORD);
  scene_release(&s);
}

static void test_sync_order(void) {
  for (int reversed = 0; reversed < 2; reversed++) {
    struct scene s;
    scene_init(&s, "envs: 3\nsync: true\nsync_steps: 2\nenv_steps: 1000\nsend_steps: 4\n", 2);
    send_round(&s, reversed);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 0);
    CU_ASSERT_EQUAL_FATAL(replay_size(s.job.replay), 0);
    CU_ASSERT_EQUAL(s.job.environments[0].steps, 0);
    CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 6);
    CU_ASSERT_EQUAL_FATAL(replay_size(s.job.replay), 6);
    CU_ASSERT_EQUAL(s.job.episodes, 2);
    for (uint32_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(mark(&s, i), (float)(10 * (i / 2) + i % 2));
    for (int e = 0; e < 3; e++) {
      CU_ASSERT_EQUAL(s.job.environments[e].steps, 2);
      CU_ASSERT_TRUE(s.job.environments[e].exact);
    }
    send_round(&s, !reversed); // the next round begins empty
    CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(s.job.limiter.steps, 12);
    CU_ASSERT_EQUAL(replay_size(s.job.replay), 12);
    for (uint32_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(mark(&s, 6 + i), (float)(10 * (i / 2) + i % 2));
    scene_release(&s);
  }
}

static void test_sync_incomplete(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s, "envs: 2\nsync: true\nsync_steps: 2\nsend_steps: 4\n", 1);
  for (int i = 0; i < 3; i++) row(&s, 0, 1);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  UNIT_STATUS(transition_receiver_commit(s.receiver, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "4 steps, 3 came"));
  CU_ASSERT_EQUAL(s.job.limiter.steps, 0);
  error_clear(&error);
  enum status status = STATUS_OK;
  for (int i = 0; i < 10 && status == STATUS_OK; i++) { // more than a round has: refused, not overrun
    for (int k = 0; k < 4; k++) row(&s, 0, 1);
    status = take(&s, 1, &error);
  }
  CU_ASSERT_EQUAL(status, STATUS_PEER);
  CU_ASSERT_TRUE(error_says(&error, "more transitions than a round"));
  scene_release(&s);
}

// While a checkpoint views the replay there is room only for what overwrites nothing.
static void test_room(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct scene s;
    scene_init(&s,
               sync ? "envs: 2\nreplay_capacity: 10\nlearning_starts: 5\nbatch_size: 4\nsync: true\nsync_steps: 2\n"
                    : "envs: 2\nreplay_capacity: 10\nlearning_starts: 5\nbatch_size: 4\nsend_steps: 2\n",
               2);
    struct replay *view = replay_view_create(s.job.replay, NULL);
    const float zeros[10 * PEER_OBS] = {0};
    replay_insert(s.job.replay, 10, zeros, zeros, zeros, zeros, zeros);
    CU_ASSERT_TRUE(transition_receiver_has_room(s.receiver));
    replay_view_take(view);
    for (uint32_t e = 0; sync && e < 2; e++) {
      row(&s, e, 1);
      row(&s, e, 2);
      CU_ASSERT_EQUAL(take(&s, 1 + e, NULL), STATUS_OK);
    }
    CU_ASSERT_FALSE(transition_receiver_has_room(s.receiver));
    replay_view_release(view, 3);
    if (sync) CU_ASSERT_FALSE(transition_receiver_has_room(s.receiver)); // for its 4 rows
    replay_view_release(view, sync ? 4 : 9);
    CU_ASSERT_TRUE(transition_receiver_has_room(s.receiver));
    if (sync) CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, NULL), STATUS_OK);
    replay_view_release(view, 10);
    replay_destroy(view);
    scene_release(&s);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"async: a batch goes into replay, counters, metrics and progress", test_async},
      {"rows past env_steps are dropped and counted", test_surplus_rows},
      {"batches that do not fit the job are refused and change nothing", test_hostile},
      {"snapshots that are not expected, or do not go on from the rows, are refused", test_hostile_snapshots},
      {"every number of rows and steps that windows and missing environments can make is taken",
       test_counts_that_can_be},
      {"the normalizer sees exactly what replay gets", test_normalizer},
      {"a batch does not void a snapshot that a save waits with", test_snapshots_while_saving},
      {"linked rows follow each other by their places in episodes", test_linked},
      {"sync: rows go in environment-major, time-minor, in any order of arrival", test_sync_order},
      {"a round with too few or too many steps is refused", test_sync_incomplete},
      {"rows that a checkpoint still has to write are not overwritten", test_room},
  };
  return unit_run("transition_receiver", cases, sizeof cases / sizeof *cases);
}
