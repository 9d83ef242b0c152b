#include "learner/transition_receiver.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <string.h>

// A job that gets batches made by the test, of rows marked by their reward.
struct scene {
  struct job job;
  struct transition_receiver *receiver;
  struct transition_batch batch; // to be filled and sent
  struct buffer bytes;
  double longest_step;
};

static void scene_init(struct scene *s, const char *yaml, uint32_t actors) {
  const struct config config = peer_config(yaml);
  struct message_hello hello = peer_hello();
  *s = (struct scene){0};
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
  b->action[r] = mark;
  b->steps++;
}

static void episode(struct scene *s, uint32_t environment, uint64_t number, double episode_return) {
  s->batch.episode[s->batch.episodes++] = (struct episode_record){
      .environment = environment, .length = 10, .episode = number, .episode_return = episode_return};
}

static void progress(struct scene *s, uint32_t environment, uint64_t steps, uint64_t number) {
  s->batch.progress[s->batch.environments++] = (struct environment_progress){environment, steps, number};
}

// Sends the batch as rank `rank` and begins the next.
static enum status take(struct scene *s, uint32_t rank, struct error *error) {
  struct frame frame;
  CU_ASSERT_EQUAL(message_encode_transitions(&s->bytes, rank, &s->batch, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(s->bytes.data, s->bytes.size, &frame, NULL), STATUS_OK);
  transition_batch_clear(&s->batch);
  s->batch.environments = 0;
  return transition_receiver_take(s->receiver, &frame, &s->longest_step, error);
}

// environment, with `steps` made; live and exact as told.
static enum status take_snapshot(struct scene *s, uint32_t environment, uint64_t steps, bool exact,
                                 struct error *error) {
  struct snapshot snapshot;
  struct frame frame;
  CU_ASSERT_EQUAL_FATAL(snapshot_init(&snapshot, PEER_OBS, PEER_ACT, 0, NULL), STATUS_OK);
  snapshot.environment = environment;
  snapshot.steps = steps;
  snapshot.live = snapshot.exact = exact;
  CU_ASSERT_EQUAL(message_encode_snapshot(&s->bytes, MESSAGE_SNAPSHOT, 1, &snapshot, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(frame_decode(s->bytes.data, s->bytes.size, &frame, NULL), STATUS_OK);
  snapshot_release(&snapshot);
  return transition_receiver_take_snapshot(s->receiver, &frame, error);
}

// The i-th row that went into replay.
static float mark(struct scene *s, uint32_t i) {
  enum { WIDTH = PEER_OBS + PEER_ACT };
  float obs[WIDTH], reward, next_obs[WIDTH], discount;
  const float *action = obs + PEER_OBS;
  replay_gather(s->job.replay, 1, &i, WIDTH, obs, next_obs, &reward, &discount);
  CU_ASSERT(obs[0] == reward && action[0] == reward && next_obs[PEER_OBS - 1] == reward && discount == 0.5f);
  return reward;
}

static void test_async(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nenv_steps: 100\n", 2);
  for (int i = 0; i < 5; i++) row(&s, 1, (float)i);
  episode(&s, 1, 3, -12);
  progress(&s, 1, 50, 4);
  s.batch.longest_step = 0.25;
  s.batch.blocked = 2;
  CU_ASSERT_EQUAL(take(&s, 2, NULL), STATUS_OK);
  CU_ASSERT(s.job.limiter.steps == 5 && replay_size(s.job.replay) == 5 && s.job.dropped == 0);
  for (uint32_t i = 0; i < 5; i++) CU_ASSERT_EQUAL(mark(&s, i), (float)i);
  CU_ASSERT(s.job.episodes == 1 && s.job.metrics.episodes == 1 && s.job.metrics.return_sum == -12);
  CU_ASSERT(s.longest_step == 0.25 && s.job.metrics.actor_wait == 2);
  const struct snapshot *environment = &s.job.environments[1];
  CU_ASSERT(environment->steps == 50 && environment->episode == 5 && !environment->live && !environment->exact);
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
  CU_ASSERT(s.job.limiter.steps == 13 && replay_size(s.job.replay) == 13 && s.job.dropped == 7);
  CU_ASSERT_EQUAL(mark(&s, 12), 12);
  row(&s, 0, 20);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT(s.job.limiter.steps == 13 && replay_size(s.job.replay) == 13 && s.job.dropped == 8);
  scene_release(&s);
}

static void test_hostile(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s, "envs: 2\nenv_steps: 1000\nsend_steps: 4\n", 2);
  row(&s, 2, 1);
  CU_ASSERT_EQUAL(take(&s, 2, &error), STATUS_PEER);
  CU_ASSERT_TRUE(error_says(&error, "rank 2"));
  row(&s, 1, 1);
  episode(&s, 7, 0, 0);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_PEER);
  row(&s, 1, 1);
  progress(&s, UINT32_MAX, 1, 0);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_PEER);
  row(&s, 1, 1);
  s.batch.steps = 5; // more than a batch can hold
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_PEER);
  row(&s, 1, 1);
  s.batch.steps = UINT64_MAX;
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_PEER);
  for (int i = 0; i < 200; i++) row(&s, 0, 1);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_FORMAT);
  error_clear(&error);
  CU_ASSERT_EQUAL(take_snapshot(&s, 2, 1, true, &error), STATUS_PEER);
  CU_ASSERT_TRUE(error_says(&error, "environment 2"));
  CU_ASSERT(s.job.limiter.steps == 0 && replay_size(s.job.replay) == 0 && s.job.episodes == 0);
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
  CU_ASSERT_EQUAL(take_snapshot(&s, 0, 40, true, NULL), STATUS_OK);
  row(&s, 0, 1);
  progress(&s, 0, 44, 1);
  progress(&s, 1, 30, 1); // its snapshot is still missing
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT(s.job.environments[0].exact && s.job.environments[0].live && s.job.environments[0].steps == 40);
  CU_ASSERT(!s.job.environments[1].exact && s.job.environments[1].steps == 30);
  transition_receiver_collect(s.receiver, false);
  row(&s, 0, 1);
  progress(&s, 0, 48, 1);
  CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
  CU_ASSERT(!s.job.environments[0].exact && !s.job.environments[0].live && s.job.environments[0].steps == 48);
  scene_release(&s);
}

// A round of 3 environments x 2 steps, sent by the actors in the order given; marks are 10 environment + step.
static void send_round(struct scene *s, bool reversed) {
  for (int i = 0; i < 2; i++) {
    const bool second = (i == 1) != reversed; // environments 0 and 1 together, then 2; or the other way round
    for (int step = 0; step < 2; step++)
      for (uint32_t e = second ? 2 : 0; e < (second ? 3u : 2u); e++) row(s, e, (float)(10 * (int)e + step));
    if (second) episode(s, 2, 0, 0.1);
    if (!second) episode(s, 1, 0, 1e17);
    CU_ASSERT_EQUAL(take(s, second ? 2 : 1, NULL), STATUS_OK);
  }
  for (uint32_t e = 0; e < 3; e++) CU_ASSERT_EQUAL(take_snapshot(s, reversed ? 2 - e : e, 2, true, NULL), STATUS_OK);
}

static void test_sync_order(void) {
  for (int reversed = 0; reversed < 2; reversed++) {
    struct scene s;
    scene_init(&s, "envs: 3\nsync: true\nsync_steps: 2\nenv_steps: 1000\nsend_steps: 4\n", 2);
    send_round(&s, reversed);
    CU_ASSERT(s.job.limiter.steps == 0 && replay_size(s.job.replay) == 0 && s.job.environments[0].steps == 0);
    CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, NULL), STATUS_OK);
    CU_ASSERT(s.job.limiter.steps == 6 && replay_size(s.job.replay) == 6 && s.job.episodes == 2);
    for (uint32_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(mark(&s, i), (float)(10 * (i / 2) + i % 2));
    for (int e = 0; e < 3; e++) CU_ASSERT(s.job.environments[e].steps == 2 && s.job.environments[e].exact);
    send_round(&s, !reversed); // the next round begins empty
    CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, NULL), STATUS_OK);
    CU_ASSERT(s.job.limiter.steps == 12 && replay_size(s.job.replay) == 12);
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
  CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, &error), STATUS_PEER);
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
    for (uint32_t i = 0; sync && i < 4; i++) row(&s, i / 2, (float)i);
    if (sync) CU_ASSERT_EQUAL(take(&s, 1, NULL), STATUS_OK);
    CU_ASSERT_FALSE(transition_receiver_has_room(s.receiver));
    replay_view_let_go(view, 3);
    if (sync) CU_ASSERT_FALSE(transition_receiver_has_room(s.receiver)); // for its 4 rows
    replay_view_let_go(view, sync ? 4 : 9);
    CU_ASSERT_TRUE(transition_receiver_has_room(s.receiver));
    if (sync) CU_ASSERT_EQUAL(transition_receiver_commit(s.receiver, NULL), STATUS_OK);
    replay_view_let_go(view, 10);
    replay_destroy(view);
    scene_release(&s);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"async: a batch goes into replay, counters, metrics and progress", test_async},
      {"rows past env_steps are dropped and counted", test_surplus_rows},
      {"batches that make no sense for the job are refused and change nothing", test_hostile},
      {"the normalizer sees exactly what replay gets", test_normalizer},
      {"a batch does not void a snapshot that a save waits with", test_snapshots_while_saving},
      {"sync: rows go in environment-major, time-minor, whoever sent them when", test_sync_order},
      {"a round that is not whole, or more than whole, is refused", test_sync_incomplete},
      {"rows that a checkpoint still has to write are not overwritten", test_room},
  };
  return unit_run("transition_receiver", cases, sizeof cases / sizeof *cases);
}
