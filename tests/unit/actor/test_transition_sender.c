#include "actor/transition_sender.h"
#include "common/wire/transport_loopback.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <time.h>

// A sender at rank 1 with batches of 4 steps of 2 environments; the test is rank 0.
struct scene {
  struct transport *ends[2];
  struct config config;
  struct transition_sender sender;
  struct transition_batch taken;
};

static void scene_init(struct scene *scene, const char *yaml) {
  scene->config = peer_config(yaml);
  const struct assignment a = assignment_of(&scene->config, 1, 0);
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(2, scene->ends, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transition_sender_init(&scene->sender, &scene->config, &a, 1, 1, scene->ends[1], NULL),
                        STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&scene->taken, 1, 1, a.batch_rows, a.batch_steps, a.count, NULL),
                        STATUS_OK);
}

static void scene_release(struct scene *scene) {
  transition_batch_release(&scene->taken);
  transition_sender_release(&scene->sender);
  transport_destroy(scene->ends[0]);
  transport_destroy(scene->ends[1]);
}

// Adds one step of both environments to the batch, as a rollout does. `mark` is in its rows.
static void step(struct scene *scene, float mark) {
  struct transition_batch *batch = &scene->sender.batch;
  for (uint32_t e = 0; e < 2; e++) {
    batch->environment[batch->rows] = e;
    batch->reward[batch->rows++] = mark;
  }
  batch->steps += 2;
  CU_ASSERT_EQUAL(transition_sender_poll(&scene->sender, NULL), STATUS_OK);
}

// Returns how many batches have arrived since the last call; the last one is in scene->taken.
static int arrived(struct scene *scene) {
  struct frame frame;
  int n = 0;
  for (; peer_receive(scene->ends[0], &frame); n++)
    CU_ASSERT_EQUAL(message_decode_transitions(&frame, &scene->taken, NULL), STATUS_OK);
  return n;
}

static const char *const patient = "envs: 2\nsend_steps: 4\nsend_seconds: 1000\n";

static void test_ships_when_full(void) {
  struct scene s;
  scene_init(&s, patient);
  transition_sender_grant(&s.sender, 1);
  CU_ASSERT_TRUE(transition_sender_has_room(&s.sender));
  step(&s, 1);
  CU_ASSERT_EQUAL(arrived(&s), 0);
  step(&s, 2);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  CU_ASSERT_EQUAL(s.taken.steps, 4);
  CU_ASSERT_EQUAL(s.taken.rows, 4);
  CU_ASSERT_EQUAL(s.taken.reward[1], 1);
  CU_ASSERT_EQUAL(s.taken.reward[2], 2);
  CU_ASSERT_EQUAL(s.taken.environment[3], 1);
  CU_ASSERT_EQUAL(s.sender.batch.steps, 0);
  CU_ASSERT_EQUAL(s.sender.batch.rows, 0);
  scene_release(&s);
}

static void test_credits_bound(void) {
  struct scene s;
  scene_init(&s, patient);
  transition_sender_grant(&s.sender, 2);
  int steps = 0;
  for (; transition_sender_has_room(&s.sender) && steps < 100; steps++) step(&s, 0);
  CU_ASSERT_EQUAL(steps, 6); // two batches were sent, a third is full
  CU_ASSERT_EQUAL(arrived(&s), 2);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 0);
  transition_sender_grant(&s.sender, 1);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  CU_ASSERT_TRUE(transition_sender_has_room(&s.sender));
  scene_release(&s);
}

static void test_blocked_time(void) {
  struct scene s;
  scene_init(&s, patient);
  step(&s, 0);
  step(&s, 0);
  CU_ASSERT_FALSE(transition_sender_has_room(&s.sender));
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  transition_sender_grant(&s.sender, 2);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  CU_ASSERT_TRUE(s.taken.blocked >= 0.05);
  CU_ASSERT_TRUE(s.taken.blocked < 30);
  step(&s, 0);
  step(&s, 0);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  CU_ASSERT_EQUAL(s.taken.blocked, 0); // counted once
  scene_release(&s);
}

static void test_old_batch(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nsend_steps: 4\nsend_seconds: 0.02\n");
  step(&s, 0);
  nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 0); // old, but without a credit
  CU_ASSERT_TRUE(transition_sender_has_room(&s.sender));
  transition_sender_grant(&s.sender, 2);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  CU_ASSERT_EQUAL(s.taken.steps, 2);
  step(&s, 0);
  CU_ASSERT_EQUAL(arrived(&s), 0); // the next one's age begins anew
  nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  scene_release(&s);
}

// A batch that was sent without a credit uses up the next one, so over time no more batches are sent than credits
// given.
static void test_ship_without_credit(void) {
  struct scene s;
  scene_init(&s, patient);
  CU_ASSERT_EQUAL(transition_sender_ship(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 0); // there is nothing
  step(&s, 7);
  CU_ASSERT_EQUAL(transition_sender_ship(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  CU_ASSERT_EQUAL(s.taken.steps, 2);
  CU_ASSERT_EQUAL(s.taken.reward[0], 7);
  step(&s, 0);
  step(&s, 0);
  transition_sender_grant(&s.sender, 1);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 0);
  transition_sender_grant(&s.sender, 1);
  CU_ASSERT_EQUAL(transition_sender_poll(&s.sender, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(arrived(&s), 1);
  scene_release(&s);
}

static void test_sync(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nsend_steps: 4\nsend_seconds: 1000\nsync: true\n");
  for (int i = 0; i < 20; i++) {
    CU_ASSERT_TRUE(transition_sender_has_room(&s.sender));
    step(&s, 0);
  }
  CU_ASSERT_EQUAL(arrived(&s), 10);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a full batch is sent, whole and in order", test_ships_when_full},
      {"no more batches are sent than there are credits, and then there is no room", test_credits_bound},
      {"the time without a credit is reported once", test_blocked_time},
      {"an old batch is sent before it is full", test_old_batch},
      {"a batch that is sent without a credit uses up the next one", test_ship_without_credit},
      {"sync needs no credits", test_sync},
  };
  return unit_run("transition_sender", cases, sizeof cases / sizeof *cases);
}
