#include "common/base/clock.h"
#include "common/wire/transport_loopback.h"
#include "learner/exchange/actor_table.h"
#include "tests/support/environments.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include <time.h>

enum { ACTORS = 3, BATCH = 4 };

struct scene {
  struct transport *ends[ACTORS + 1];
  struct actor_table table;
  struct rate_limiter limiter;
};

// One environment for each actor, batches of 4 steps.
static void scene_init(struct scene *s, const char *yaml) {
  const struct config config = peer_config(yaml);
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s->ends, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&s->table, &config, s->ends[0], NULL), STATUS_OK);
  rate_limiter_init(&s->limiter, config.utd, config.utd_slack, config.learning_starts);
}

static void scene_release(struct scene *s) {
  actor_table_release(&s->table);
  for (int i = 0; i <= ACTORS; i++) transport_destroy(s->ends[i]);
}

static void grant(struct scene *s, uint64_t total) {
  CU_ASSERT_EQUAL(actor_table_grant(&s->table, &s->limiter, total, 7, NULL), STATUS_OK);
}

// Credits that actor i (0-based) was sent since the last call; but for heartbeats any other message is a failure.
static uint32_t credits(struct scene *s, int i) {
  struct frame frame;
  struct message_credit credit;
  uint32_t sum = 0;
  while (peer_receive(s->ends[i + 1], &frame)) {
    if (frame.type == MESSAGE_HEARTBEAT) continue;
    CU_ASSERT_EQUAL(message_decode_credit(&frame, &credit, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(credit.newest_version, 7);
    sum += credit.batches;
  }
  return sum;
}

static int heartbeats(struct scene *s, int i) {
  int counts[MESSAGE_TYPES];
  peer_count(s->ends[i + 1], counts);
  return counts[MESSAGE_HEARTBEAT];
}

static int look(struct scene *s) {
  int died = 99;
  CU_ASSERT_EQUAL(actor_table_keep_in_touch(&s->table, 7, &died, NULL), STATUS_OK);
  return died;
}

static const char *const plenty = "envs: 3\nsend_steps: 4\nlearning_starts: 1000\n";

static void test_two_each(void) {
  struct scene s;
  scene_init(&s, plenty);
  CU_ASSERT_EQUAL(s.table.actors, 3);
  CU_ASSERT_EQUAL(s.table.active, 3);
  CU_ASSERT_EQUAL(actor_table_alive(&s.table), 3);
  grant(&s, 1000000);
  grant(&s, 1000000);
  for (int i = 0; i < ACTORS; i++) CU_ASSERT_EQUAL(credits(&s, i), 2);
  actor_table_batch_arrived(&s.table, 1);
  grant(&s, 1000000);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 0), 0);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 1), 1);
  CU_ASSERT_EQUAL(credits(&s, 2), 0);
  scene_release(&s);
}

// An actor that shipped one batch more than it had credits for (rows before snapshots) does not end up with three.
static void test_shipped_without_credit(void) {
  struct scene s;
  scene_init(&s, plenty);
  grant(&s, 1000000);
  CU_ASSERT_EQUAL(credits(&s, 0), 2);
  uint32_t sent = 0;
  for (int i = 0; i < 3; i++) {
    actor_table_batch_arrived(&s.table, 0);
    grant(&s, 1000000);
    sent += credits(&s, 0);
  }
  CU_ASSERT_EQUAL(sent, 3); // 2 + 3 granted, 3 arrived
  for (int i = 0; i < 10; i++) actor_table_batch_arrived(&s.table, 0);
  CU_ASSERT_TRUE(s.table.entry[0].credits < 0);
  grant(&s, s.limiter.steps); // such a debt does not make room for anybody
  CU_ASSERT_TRUE(s.table.entry[0].credits <= 2);
  scene_release(&s);
}

static void test_limiter(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nsend_steps: 4\nlearning_starts: 8\nutd: 1\nutd_slack: 12\n");
  grant(&s, 1000000); // 8 + 12 steps: five batches
  uint32_t sum = 0;
  for (int i = 0; i < ACTORS; i++) sum += credits(&s, i);
  CU_ASSERT_EQUAL(sum, 5);
  s.limiter.steps = 20;
  for (int i = 0; i < 5; i++) actor_table_batch_arrived(&s.table, (uint32_t)i % ACTORS);
  grant(&s, 1000000); // all is made, the learner is behind
  for (int i = 0; i < ACTORS; i++) CU_ASSERT_EQUAL(credits(&s, i), 0);
  for (uint64_t updates = 0; updates <= 40; updates += 4) { // the promise at any time
    s.limiter.updates = updates;
    grant(&s, 1000000);
    uint64_t promised = s.limiter.steps;
    for (int i = 0; i < ACTORS; i++) promised += (uint64_t)s.table.entry[i].credits * BATCH;
    CU_ASSERT_TRUE(promised <= rate_limiter_allowed(&s.limiter));
  }
  scene_release(&s);
}

// Steps come in batches, and updates may be far apart: a batch is always in flight, or an update owed.
static void test_batches_and_rare_updates(void) {
  for (double utd = 0.001; utd < 4; utd *= 1.37) {
    struct scene s;
    scene_init(&s, "envs: 3\nsend_steps: 4\nlearning_starts: 9\n");
    rate_limiter_init(&s.limiter, utd, (uint64_t)ACTORS * BATCH, 9);
    for (int turn = 0; turn < 1000; turn++) {
      const uint64_t owed = rate_limiter_owed(&s.limiter);
      s.limiter.updates += owed;
      grant(&s, 1000000);
      uint32_t under_way = 0;
      for (uint32_t i = 0; i < ACTORS; i++)
        for (under_way += (uint32_t)s.table.entry[i].credits; s.table.entry[i].credits > 0; s.limiter.steps += BATCH)
          actor_table_batch_arrived(&s.table, i);
      CU_ASSERT_TRUE(under_way > 0 || owed > 0);
    }
    CU_ASSERT_TRUE(s.limiter.steps >= 1000 * BATCH / 2);
    scene_release(&s);
  }
}

// When credits are few they go round.
static void test_round_robin(void) {
  struct scene s;
  uint32_t got[ACTORS] = {0};
  scene_init(&s, "envs: 3\nsend_steps: 4\nlearning_starts: 0\nutd: 1\nutd_slack: 4\n");
  for (int n = 0; n < 30; n++) {
    grant(&s, 1000000);
    for (uint32_t i = 0; i < ACTORS; i++) {
      const uint32_t new = credits(&s, (int)i);
      CU_ASSERT_TRUE(new <= 1);
      got[i] += new;
      if (new) { // its batch comes, and is learned from
        actor_table_batch_arrived(&s.table, i);
        s.limiter.steps += BATCH;
        s.limiter.updates += BATCH;
      }
    }
  }
  CU_ASSERT_EQUAL(got[0], 10);
  CU_ASSERT_EQUAL(got[1], 10);
  CU_ASSERT_EQUAL(got[2], 10);
  scene_release(&s);
}

static void test_total(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nsend_steps: 4\nlearning_starts: 5000\n");
  s.limiter.steps = 996;
  grant(&s, 1000);
  uint32_t sum = 0;
  for (int i = 0; i < ACTORS; i++) sum += credits(&s, i);
  CU_ASSERT_EQUAL(sum, 4); // up to 1000, and a batch for everyone
  scene_release(&s);
}

static void test_dead(void) {
  struct scene s;
  struct timespec pause = {.tv_nsec = 400000000};
  scene_init(&s, "envs: 3\nsend_steps: 4\nlearning_starts: 8\nutd_slack: 12\nactor_timeout: 0.3\nenv_timeout: 0.3\n");
  CU_ASSERT_EQUAL(look(&s), -1);
  s.table.entry[2].longest_step = 1; // a step of a second: it may be silent for longer
  nanosleep(&pause, NULL);
  actor_table_hear(&s.table, 0);
  CU_ASSERT_EQUAL(look(&s), 1);
  CU_ASSERT_EQUAL_FATAL(actor_table_alive(&s.table), 2);
  CU_ASSERT_TRUE(!s.table.entry[1].alive);
  CU_ASSERT_EQUAL(look(&s), -1); // reported once
  grant(&s, 1000000);            // five batches for the two that live, as many as they may hold
  CU_ASSERT_EQUAL_FATAL(credits(&s, 0), 2);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 1), 0);
  CU_ASSERT_EQUAL(credits(&s, 2), 2);
  CU_ASSERT_EQUAL(message_encode_empty(&s.table.bytes, MESSAGE_START, 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(actor_table_send_all(&s.table, false, NULL), STATUS_OK);
  int counts[MESSAGE_TYPES];
  for (int i = 0; i < ACTORS; i++) {
    peer_count(s.ends[i + 1], counts);
    CU_ASSERT_EQUAL(counts[MESSAGE_START], i != 1);
  }
  s.table.entry[0].left = s.table.entry[2].left = true;
  CU_ASSERT_TRUE(actor_table_all_left(&s.table)); // without the dead one
  nanosleep(&pause, NULL);
  CU_ASSERT_EQUAL(look(&s), -1); // an actor that has left is not missed
  scene_release(&s);
}

// A dead actor's credits do not count as promised.
static void test_credits_of_the_dead(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nsend_steps: 4\nlearning_starts: 6\nutd_slack: 0\nactor_timeout: 0.3\nenv_timeout: 0.3\n");
  grant(&s, 1000000); // 8 steps: two batches, of actors 0 and 1
  CU_ASSERT_EQUAL_FATAL(credits(&s, 0), 1);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 1), 1);
  CU_ASSERT_EQUAL(credits(&s, 2), 0);
  nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL);
  actor_table_hear(&s.table, 1);
  actor_table_hear(&s.table, 2);
  CU_ASSERT_EQUAL(look(&s), 0);
  grant(&s, 1000000);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 0), 0);
  CU_ASSERT_EQUAL(credits(&s, 1) + credits(&s, 2), 1);
  CU_ASSERT_TRUE_FATAL(actor_table_revive(&s.table, 0));
  CU_ASSERT_EQUAL(actor_table_alive(&s.table), 3); // it comes back, and has its credit
  actor_table_batch_arrived(&s.table, 0);
  CU_ASSERT_EQUAL(s.table.entry[0].credits, 0);
  scene_release(&s);
}

static void test_heartbeats(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nsend_steps: 4\n"); // actor 2 is a surplus rank; it gets heartbeats, too
  CU_ASSERT_EQUAL(look(&s), -1);
  for (int i = 0; i < ACTORS; i++) CU_ASSERT_EQUAL(heartbeats(&s, i), 0);
  for (int i = 0; i < ACTORS; i++) s.table.entry[i].sent = clock_now() - (i == 1 ? 0.1 : 1.5);
  CU_ASSERT_EQUAL(look(&s), -1);
  CU_ASSERT_EQUAL_FATAL(heartbeats(&s, 0), 1);
  CU_ASSERT_EQUAL_FATAL(heartbeats(&s, 1), 0);
  CU_ASSERT_EQUAL(heartbeats(&s, 2), 1);
  CU_ASSERT_EQUAL(look(&s), -1);
  for (int i = 0; i < ACTORS; i++) CU_ASSERT_EQUAL(heartbeats(&s, i), 0);
  scene_release(&s);
}

static void test_losses(void) {
  struct scene s;
  const struct message_stop stop = {1, false};
  scene_init(&s, "envs: 3\nsend_steps: 4\nutd: 0\n");
  grant(&s, 1000);
  CU_ASSERT_EQUAL(credits(&s, 0), 2);
  actor_table_leave(&s.table, 1, 3);
  CU_ASSERT_EQUAL(message_encode_stop(&s.table.bytes, 0, &stop, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(actor_table_expel(&s.table, 0, NULL), STATUS_OK);
  struct actor_table_losses losses = actor_table_losses(&s.table);
  CU_ASSERT_EQUAL(losses.unsent, 3);
  CU_ASSERT_EQUAL(losses.at_most, 0);
  CU_ASSERT_EQUAL(losses.actors, 0); // it counts from the next look on
  CU_ASSERT_EQUAL(look(&s), 0);
  CU_ASSERT_FALSE(actor_table_revive(&s.table, 0));
  losses = actor_table_losses(&s.table);
  CU_ASSERT_EQUAL(losses.at_most, 3 * BATCH);
  CU_ASSERT_EQUAL(losses.actors, 1); // two on the way, one that waits
  actor_table_batch_arrived(&s.table, 2);
  actor_table_give_up(&s.table);
  losses = actor_table_losses(&s.table);
  CU_ASSERT_EQUAL(losses.unsent, 3);
  CU_ASSERT_EQUAL(losses.at_most, 5 * BATCH);
  CU_ASSERT_EQUAL(losses.actors, 2);
  scene_release(&s);
}

static void test_surplus(void) {
  struct scene s;
  scene_init(&s, "envs: 2\nsend_steps: 4\nlearning_starts: 1000\n");
  CU_ASSERT_EQUAL(s.table.active, 2);
  CU_ASSERT_EQUAL_FATAL(actor_table_alive(&s.table), 2);
  CU_ASSERT_TRUE(!s.table.entry[2].active);
  grant(&s, 1000000);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 0), 2);
  CU_ASSERT_EQUAL_FATAL(credits(&s, 1), 2);
  CU_ASSERT_EQUAL(credits(&s, 2), 0);
  s.table.entry[0].left = s.table.entry[1].left = true;
  CU_ASSERT_FALSE(actor_table_all_left(&s.table)); // it has to say BYE as well
  scene_release(&s);
}

// A learner that takes no messages for a while still sends heartbeats, and that time counts as no silence.
static void test_not_listening(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nsend_steps: 4\nactor_timeout: 50\nenv_timeout: 50\n");
  for (int i = 0; i < ACTORS; i++) {
    s.table.entry[i].longest_step = 0.001;
    s.table.entry[i].heard = s.table.entry[i].sent = clock_now() - 100;
  }
  CU_ASSERT_EQUAL(actor_table_send_heartbeats(&s.table, 7, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(actor_table_send_heartbeats(&s.table, 7, NULL), STATUS_OK); // nothing to say so soon
  for (int i = 0; i < ACTORS; i++) CU_ASSERT_EQUAL(heartbeats(&s, i), 1);
  CU_ASSERT_EQUAL(actor_table_alive(&s.table), ACTORS);
  s.table.listened = clock_now() - 60;
  for (int i = 0; i < 10; i++) actor_table_excuse(&s.table); // 40 of the 100 s are silence, however often that is said
  CU_ASSERT_EQUAL(look(&s), -1);
  actor_table_listen(&s.table);
  s.table.entry[1].heard -= 20; // while it was listened to
  actor_table_excuse(&s.table);
  CU_ASSERT_EQUAL(look(&s), 1);
  scene_release(&s);
}

static void hear(struct scene *s, uint32_t actor, const struct message_heartbeat *heartbeat) {
  CU_ASSERT_EQUAL(actor_table_take_heartbeat(&s->table, actor, heartbeat, NULL), STATUS_OK);
}

// A suspension of the job is no part of a step, on which the patience depends.
static void test_suspended(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nactor_timeout: 50\n");
  s.table.began -= 10000;
  CU_ASSERT_EQUAL(actor_table_take_step(&s.table, 0, 3, NULL), STATUS_OK);
  s.table.listened = clock_coarse() - 600;
  actor_table_listen(&s.table);
  CU_ASSERT_EQUAL(actor_table_take_step(&s.table, 0, 605, NULL), STATUS_OK); // it began before
  CU_ASSERT_DOUBLE_EQUAL(s.table.entry[0].longest_step, 5, 0.1);
  CU_ASSERT_EQUAL(actor_table_take_step(&s.table, 0, 605, NULL), STATUS_OK); // said again
  CU_ASSERT_DOUBLE_EQUAL(s.table.entry[0].longest_step, 5, 0.1);
  s.table.returned -= 700;
  CU_ASSERT_EQUAL(actor_table_take_step(&s.table, 0, 650, NULL), STATUS_OK); // it began after
  CU_ASSERT_EQUAL(s.table.entry[0].longest_step, 650);
  CU_ASSERT_EQUAL(actor_table_take_step(&s.table, 1, 605, NULL), STATUS_OK); // a report that came late
  CU_ASSERT_DOUBLE_EQUAL(s.table.entry[1].longest_step, 5, 0.1);
  scene_release(&s);
}

// Patience depends on what an actor says, so its steps cannot be longer than the job, nor its process another one.
static void test_heartbeats_that_cannot_be(void) {
  struct scene s;
  struct error error = {0};
  scene_init(&s, "envs: 3\n");
  struct message_heartbeat heartbeat = {.longest_step = 1e8, .pid_namespace = s.table.pid_namespace, .pid = 77};
  UNIT_STATUS(actor_table_take_heartbeat(&s.table, 1, &heartbeat, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "rank 2"));
  CU_ASSERT_TRUE(error_says(&error, "1e+08 s"));
  CU_ASSERT_EQUAL(s.table.entry[1].longest_step, 0);
  s.table.began -= 1e8; // an old job's steps may have been long
  hear(&s, 1, &heartbeat);
  CU_ASSERT_EQUAL(s.table.entry[1].longest_step, 1e8);
  heartbeat.pid = 78;
  error_clear(&error);
  UNIT_STATUS(actor_table_take_heartbeat(&s.table, 1, &heartbeat, &error), STATUS_PEER, &error);
  CU_ASSERT_TRUE(error_says(&error, "process 78, it was 77"));
  scene_release(&s);
}

// An actor tells in its heartbeats which call of an environment it waits for. Any other message ends that.
static void test_waits(void) {
  struct scene s;
  double seconds;
  scene_init(&s, "envs: 3\n");
  CU_ASSERT_EQUAL(actor_table_find_wait(&s.table, &seconds), -1);
  struct message_heartbeat heartbeat = {.wait = {WAIT_RESET, 7, false, ACTOR_TABLE_WAIT - 1}};
  hear(&s, 1, &heartbeat);
  CU_ASSERT_EQUAL(actor_table_find_wait(&s.table, &seconds), -1); // not worth a word yet
  heartbeat.wait.seconds = 20;
  hear(&s, 1, &heartbeat);
  hear(&s, 0, &(struct message_heartbeat){.wait = {WAIT_STEP, 3, true, 12}});
  CU_ASSERT_EQUAL_FATAL(actor_table_find_wait(&s.table, &seconds), 1); // the longest
  CU_ASSERT_DOUBLE_EQUAL(seconds, 20, 1);
  CU_ASSERT_EQUAL(s.table.entry[1].wait.environment, 7);
  CU_ASSERT_STRING_EQUAL(wait_call_name(s.table.entry[1].wait.call), "reset");
  CU_ASSERT_FALSE(s.table.entry[1].wait_named);
  heartbeat.wait.seconds = ACTOR_TABLE_NAMED + 1;
  hear(&s, 1, &heartbeat);
  CU_ASSERT_TRUE(s.table.entry[1].wait_named); // once
  heartbeat.wait.seconds = 1;
  hear(&s, 1, &heartbeat);
  CU_ASSERT_FALSE(s.table.entry[1].wait_named); // another call
  CU_ASSERT_EQUAL(actor_table_find_wait(&s.table, &seconds), 0);
  actor_table_hear(&s.table, 0);
  CU_ASSERT_EQUAL(actor_table_find_wait(&s.table, &seconds), -1);
  scene_release(&s);
}

// How long an actor may be silent, and when its process is looked for.
static void test_patience(void) {
  struct scene s;
  scene_init(&s, "envs: 3\nactor_timeout: 10\nenv_timeout: 100\n");
  struct actor_entry *entry = s.table.entry;
  hear(&s, 0, &(struct message_heartbeat){.longest_step = 0.1});
  hear(&s, 1, &(struct message_heartbeat){.longest_step = 7});
  hear(&s, 2, &(struct message_heartbeat){.longest_step = 7, .heartbeats_in_step = true});
  static const double silences[3] = {100, 140, 10};
  for (int i = 0; i < 3; i++) {
    for (int e = 0; e < 3; e++) entry[e].heard = clock_now();
    entry[i].heard = clock_now() - silences[i] + 2;
    CU_ASSERT_EQUAL(look(&s), -1);
    entry[i].heard -= 3;
    CU_ASSERT_EQUAL(look(&s), i);
    entry[i].alive = true;
  }
  // The learner knows nothing of another machine's process; of one on its own whether it has ended.
  const pid_t child = fork();
  if (child == 0) _exit(0);
  CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
  struct message_heartbeat heartbeat = {.pid_namespace = s.table.pid_namespace + 1, .pid = (uint32_t)child};
  for (int here = 0; here < 2; here++, heartbeat.pid_namespace = s.table.pid_namespace) {
    hear(&s, 0, &heartbeat);
    for (int e = 0; e < 3; e++) entry[e].heard = clock_now() - 2;
    CU_ASSERT_EQUAL(look(&s), here ? 0 : -1);
  }
  heartbeat.pid = (uint32_t)getpid();
  hear(&s, 1, &heartbeat);
  CU_ASSERT_EQUAL(look(&s), -1);
  heartbeat.pid = (uint32_t)child;
  hear(&s, 2, &heartbeat);
  actor_table_hear(&s.table, 2);
  CU_ASSERT_EQUAL(look(&s), -1); // too soon for another look
  CU_ASSERT_EQUAL(actor_table_find_dead(&s.table), 2);
  CU_ASSERT_EQUAL(actor_table_find_dead(&s.table), -1);
  CU_ASSERT_TRUE_FATAL(!entry[2].alive);
  CU_ASSERT_TRUE(entry[1].alive);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"an actor that may be in a step may be silent, one whose process has ended is dead at once", test_patience},
      {"the call that an actor waits for is known until its next message", test_waits},
      {"a heartbeat that no process can send is refused", test_heartbeats_that_cannot_be},
      {"every actor holds two credits at most", test_two_each},
      {"a batch shipped without a credit does not add one", test_shipped_without_credit},
      {"steps made and promised stay within what the limiter allows", test_limiter},
      {"batches that do not divide the steps to the next update stop no side", test_batches_and_rare_updates},
      {"few credits go round", test_round_robin},
      {"near the end no more steps are asked for than can be used", test_total},
      {"a silent actor is presumed dead, unless its steps are known to be long", test_dead},
      {"the credits of a dead actor are free again", test_credits_of_the_dead},
      {"an actor that was sent nothing for a second gets a heartbeat", test_heartbeats},
      {"losses count what dead actors may have made and what leaving actors keep", test_losses},
      {"surplus ranks get no credits, but have to leave", test_surplus},
      {"the time for which the job was suspended is no part of a step", test_suspended},
      {"a learner that takes no messages sends heartbeats, and no silence counts meanwhile", test_not_listening},
  };
  return unit_run("roster", cases, sizeof cases / sizeof *cases);
}
