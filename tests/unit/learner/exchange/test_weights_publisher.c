#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/transport_loopback.h"
#include "common/wire/shared_policy.h"
#include "learner/exchange/weights_publisher.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <string.h>

enum { ACTORS = 3 };

struct scene {
  struct transport *ends[ACTORS + 1];
  struct job job;
  struct actor_table table;
  struct weights_publisher publisher;
};

// The ends 0..seeing see a shared weights for contents of up to `capacity` bytes; 0: there is none.
static void scene_init_sharing(struct scene *s, const char *yaml, int seeing, size_t capacity) {
  const struct config config = peer_config(yaml);
  struct message_hello hello = peer_hello();
  CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s->ends, NULL), STATUS_OK);
  for (int i = 0; i <= seeing; i++)
    CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(s->ends[i], capacity, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&s->job, &config, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&s->table, &config, s->ends[0], NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(weights_publisher_init(&s->publisher, &s->job, s->ends[0], NULL), STATUS_OK);
}

static void scene_init(struct scene *s, const char *yaml) { scene_init_sharing(s, yaml, 0, 0); }

static void scene_release(struct scene *s) {
  weights_publisher_release(&s->publisher);
  actor_table_release(&s->table);
  job_release(&s->job);
  for (int i = 0; i <= ACTORS; i++) transport_destroy(s->ends[i]);
}

static void poll_once(struct scene *s, bool everyone) {
  CU_ASSERT_EQUAL(weights_publisher_poll(&s->publisher, &s->job, &s->table, everyone, NULL), STATUS_OK);
}

// As if the pauses between two messages had passed.
static void publish(struct scene *s, uint64_t version, bool everyone) {
  s->job.policy_version = version;
  s->job.sac.policy[0] = (real)version / 16; // each version has other parameters
  for (int i = 0; i <= ACTORS; i++) {
    s->publisher.pause_until = 0;
    poll_once(s, everyone);
  }
}

// What actor i (0-based) got since the last call: how many, and the last one's version, whose parameters must be that
// version's.
static int got(struct scene *s, int i, uint64_t *version) {
  struct frame frame;
  struct policy_weights weights;
  int n = 0;
  *version = 0;
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, mlp_dense_size(&s->job.sac.policy_net), NULL),
                        STATUS_OK);
  for (; peer_receive(s->ends[i + 1], &frame); n++) {
    CU_ASSERT_EQUAL(message_decode_weights(&frame, &weights, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(weights.values[0], (float)weights.version / 16);
    *version = weights.version;
  }
  policy_weights_release(&weights);
  return n;
}

static void test_version_zero(void) {
  struct scene s;
  uint64_t version;
  scene_init(&s, "envs: 3\n");
  publish(&s, 0, false);
  publish(&s, 0, true);
  for (int i = 0; i < ACTORS; i++) CU_ASSERT_EQUAL(got(&s, i, &version), 0);
  scene_release(&s);
}

static void test_one_in_flight(void) {
  struct scene s;
  uint64_t version;
  scene_init(&s, "envs: 3\n");
  for (uint64_t v = 1; v <= 10; v++) {
    publish(&s, v, false);
    publish(&s, v, false);
    if (v == 4) weights_publisher_taken(&s.publisher, 1); // the quick one
    if (v == 7) weights_publisher_taken(&s.publisher, 1);
  }
  CU_ASSERT_EQUAL_FATAL(got(&s, 0, &version), 1);
  CU_ASSERT_EQUAL(version, 1); // slow: one is under way, nothing queues up behind it
  CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), 3);
  CU_ASSERT_EQUAL(version, 8);
  weights_publisher_taken(&s.publisher, 0);
  publish(&s, 10, false);
  CU_ASSERT_EQUAL_FATAL(got(&s, 0, &version), 1);
  CU_ASSERT_EQUAL(version, 10); // the newest, none of those between
  CU_ASSERT_EQUAL(got(&s, 1, &version), 0);
  weights_publisher_taken(&s.publisher, 0);
  publish(&s, 10, false);
  CU_ASSERT_EQUAL(got(&s, 0, &version), 0); // it has it
  scene_release(&s);
}

static void test_pauses(void) {
  struct scene s;
  uint64_t version;
  int counts[ACTORS], sum = 0;
  scene_init(&s, "envs: 3\n");
  s.job.policy_version = 1;
  s.job.sac.policy[0] = (real)1 / 16;
  const double began = clock_now();
  for (int i = 0; i < 3; i++) poll_once(&s, false);
  for (int i = 0; i < ACTORS; i++) sum += counts[i] = got(&s, i, &version);
  const double pause = s.publisher.pause_until - began;
  CU_ASSERT_EQUAL(sum, 1);
  CU_ASSERT_EQUAL(counts[0], 1);
  CU_ASSERT_TRUE(pause > 0);
  CU_ASSERT_TRUE(pause < 1); // one message, then a pause
  s.publisher.pause_until = 0;
  poll_once(&s, false);
  CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), 1);
  CU_ASSERT_EQUAL(version, 1); // the next one's turn
  poll_once(&s, true);
  CU_ASSERT_EQUAL_FATAL(got(&s, 2, &version), 1);
  CU_ASSERT_EQUAL(version, 1); // a round of sync does not wait
  scene_release(&s);
}

static void test_everyone(void) {
  struct scene s;
  uint64_t version;
  scene_init(&s, "envs: 2\nsync: true\n");
  publish(&s, 1, true);
  publish(&s, 2, true);
  publish(&s, 2, true);
  CU_ASSERT_EQUAL_FATAL(got(&s, 0, &version), 2);
  CU_ASSERT_EQUAL(version, 2);
  CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), 2);
  CU_ASSERT_EQUAL(version, 2);
  CU_ASSERT_EQUAL(got(&s, 2, &version), 0); // a surplus rank
  scene_release(&s);
}

static void test_dead(void) {
  struct scene s;
  uint64_t version;
  scene_init(&s, "envs: 3\n");
  s.table.entry[1].alive = false;
  publish(&s, 1, true);
  CU_ASSERT_EQUAL_FATAL(got(&s, 0, &version), 1);
  CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), 0);
  CU_ASSERT_EQUAL(got(&s, 2, &version), 1);
  scene_release(&s);
}

static void test_normalizer_travels(void) {
  struct scene s;
  struct frame frame = {0};
  struct policy_weights weights;
  scene_init(&s, "envs: 3\nnormalize_observations: true\n");
  const float obs[4][PEER_OBS] = {{0, 1, 10}, {2, 1, 30}, {0, 1, 10}, {2, 1, 30}};
  for (int i = 0; i < 4; i++) normalizer_update(&s.job.normalizer, obs[i]);
  publish(&s, 1, false);
  CU_ASSERT_EQUAL_FATAL(policy_weights_init(&weights, PEER_OBS, mlp_dense_size(&s.job.sac.policy_net), NULL),
                        STATUS_OK);
  CU_ASSERT_TRUE_FATAL(peer_receive(s.ends[1], &frame));
  CU_ASSERT_EQUAL(message_decode_weights(&frame, &weights, NULL), STATUS_OK);
  float shift[PEER_OBS], scale[PEER_OBS];
  normalizer_export(&s.job.normalizer, shift, scale);
  CU_ASSERT_TRUE(weights.normalize);
  for (int i = 0; i < PEER_OBS; i++) {
    CU_ASSERT_EQUAL(weights.shift[i], shift[i]);
    CU_ASSERT_EQUAL(weights.scale[i], scale[i]);
  }
  CU_ASSERT_DOUBLE_EQUAL(shift[2], 20, 1e-4); // their mean
  policy_weights_release(&weights);
  scene_release(&s);
}

// The version on the shared weights, whose parameters must be that version's; 0: none.
static uint64_t shared_version(struct scene *s, int i) {
  struct buffer copy = {0};
  struct policy_view view;
  const size_t parameters = s->job.sac.policy_net.parameters;
  CU_ASSERT_EQUAL(
      shared_policy_read(transport_shared_weights(s->ends[i + 1]), 0, PEER_OBS, parameters, &copy, &view, NULL),
      STATUS_OK);
  if (view.version > 0) {
    CU_ASSERT_EQUAL(view.values[0], (float)view.version / 16);
    CU_ASSERT_EQUAL(memcmp(view.values, s->job.sac.policy, parameters * sizeof(float)), 0);
    float shift[PEER_OBS], scale[PEER_OBS];
    normalizer_export(&s->job.normalizer, shift, scale);
    CU_ASSERT_TRUE(view.normalize);
    for (int o = 0; o < PEER_OBS; o++) {
      CU_ASSERT_EQUAL(view.shift[o], shift[o]);
      CU_ASSERT_EQUAL(view.scale[o], scale[o]);
    }
  }
  buffer_release(&copy);
  return view.version;
}

static void test_shared_weights(void) {
  struct scene s;
  uint64_t version;
  for (int sync = 0; sync < 2; sync++) {
    scene_init_sharing(
        &s, sync ? "envs: 3\nnormalize_observations: true\nsync: true\n" : "envs: 3\nnormalize_observations: true\n", 2,
        8192);
    const float obs[2][PEER_OBS] = {{0, 1, 10}, {2, 1, 30}};
    for (int i = 0; i < 2; i++) normalizer_update(&s.job.normalizer, obs[i]);
    publish(&s, 0, sync);
    CU_ASSERT_EQUAL(shared_version(&s, 0), 0);
    for (uint64_t v = 3; v <= 8; v++) {
      publish(&s, v, sync);
      publish(&s, v, sync);
      CU_ASSERT_EQUAL_FATAL(shared_version(&s, 0), v);
      CU_ASSERT_EQUAL(shared_version(&s, 1), v); // every version, nobody was ready
    }
    CU_ASSERT_EQUAL_FATAL(got(&s, 0, &version), 0);
    CU_ASSERT_EQUAL(got(&s, 1, &version), 0);
    CU_ASSERT_EQUAL(got(&s, 2, &version), sync ? 6 : 1); // as on another node
    CU_ASSERT_EQUAL(version, sync ? 8 : 3);
    scene_release(&s);
  }
}

// Actors 1 and 2 on another node: one of them gets each version, the one that was heard of last; if it does not take
// it, the other one gets the next.
static void test_other_node(void) {
  for (int sync = 0; sync < 2; sync++) {
    struct scene s;
    uint64_t version;
    const struct config config = peer_config(sync ? "envs: 3\nsync: true\n" : "envs: 3\n");
    struct message_hello hello = peer_hello();
    CU_ASSERT_EQUAL_FATAL(transport_loopback_create(ACTORS + 1, s.ends, NULL), STATUS_OK);
    for (int i = 0; i <= ACTORS; i++) {
      if (i >= 2) transport_loopback_move(s.ends[i], 2);
      CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(s.ends[i], 8192, NULL), STATUS_OK);
    }
    CU_ASSERT_EQUAL_FATAL(job_init(&s.job, &config, &hello, NULL), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(actor_table_init(&s.table, &config, s.ends[0], NULL), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(weights_publisher_init(&s.publisher, &s.job, s.ends[0], NULL), STATUS_OK);
    s.table.entry[2].heard = s.table.entry[1].heard + 1;
    publish(&s, 1, sync);
    publish(&s, 2, sync);
    CU_ASSERT_EQUAL_FATAL(got(&s, 0, &version), 0);
    CU_ASSERT_EQUAL(got(&s, 1, &version), 0); // reads the shared weights here; not chosen
    CU_ASSERT_EQUAL_FATAL(got(&s, 2, &version), (sync ? 2 : 1));
    CU_ASSERT_EQUAL(version, (sync ? 2 : 1));
    weights_publisher_taken(&s.publisher, 2);
    s.table.entry[1].heard = s.table.entry[2].heard + 1;
    publish(&s, 3, sync);
    CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), 1);
    CU_ASSERT_EQUAL(version, 3);
    CU_ASSERT_EQUAL(got(&s, 2, &version), 0);
    weights_publisher_taken(&s.publisher, 2); // late, and not what is waited for
    publish(&s, 4, sync);
    CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), sync);
    CU_ASSERT_EQUAL(got(&s, 2, &version), 0);
    s.publisher.node[1].when -= 1; // it has not been taken for a while
    publish(&s, 5, false);
    CU_ASSERT_EQUAL_FATAL(got(&s, 1, &version), 0);
    CU_ASSERT_EQUAL_FATAL(got(&s, 2, &version), 1);
    CU_ASSERT_EQUAL(version, 5);
    s.publisher.node[1].when -= 1; // now both are in a long step: nothing queues up for either of them
    publish(&s, 6, false);
    CU_ASSERT_EQUAL(got(&s, 1, &version), 0);
    CU_ASSERT_EQUAL(got(&s, 2, &version), 0);
    s.publisher.node[1].when -= 1;
    s.table.entry[1].alive = false;
    publish(&s, 6, false);
    CU_ASSERT(got(&s, 2, &version) == 0); // one at most is under way to it
    weights_publisher_taken(&s.publisher, 2);
    publish(&s, 6, false);
    CU_ASSERT_EQUAL_FATAL(got(&s, 2, &version), 1);
    CU_ASSERT_EQUAL(version, 6);
    scene_release(&s);
  }
}

static void test_small_shared_weights(void) {
  struct scene s;
  uint64_t version;
  log_init(0, LOG_ERROR);
  scene_init_sharing(&s, "envs: 3\n", 3, 100);
  publish(&s, 1, false);
  for (int i = 0; i < ACTORS; i++) {
    CU_ASSERT_EQUAL_FATAL(got(&s, i, &version), 1);
    CU_ASSERT_EQUAL(version, 1);
  }
  CU_ASSERT_EQUAL(shared_version(&s, 0), 0);
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"version 0 is never sent", test_version_zero},
      {"at most one version is in flight to an actor, and the newest is next", test_one_in_flight},
      {"messages come one at a time, with pauses, each node in turn", test_pauses},
      {"sync sends to everyone who has an environment", test_everyone},
      {"nothing is sent to the dead", test_dead},
      {"actors that see the shared weights read each version there, others get messages", test_shared_weights},
      {"to another node goes one message for all who are there", test_other_node},
      {"weights that do not fit the shared memory go to everyone as messages", test_small_shared_weights},
      {"the normalizer travels with its version", test_normalizer_travels},
  };
  return unit_run("weights_publisher", cases, sizeof cases / sizeof *cases);
}
