// Many versions are published while the actors step. Rank 1 steps slowly, the others quickly. Rank 1 gets versions as
// messages; the others do, too, or read the node's shared weights.
#include "actor/actor.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "common/wire/transport_mpi.h"
#include "learner/exchange/handshake.h"
#include "learner/exchange/weights_publisher.h"
#include "tests/support/environments.h"
#include "tests/support/jobs.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16, SLOW_MS = 400, QUICK_MS = 5 };
static const double PATIENCE = 60, PUBLISHING = 2.5; // s
static int rank, ranks;
static const volatile sig_atomic_t never;

// One environment for each actor, each step is a batch.
static struct config config_of(int of_rank) {
  char milliseconds[16];
  struct config config = peer_config("send_steps: 1\nlearning_starts: 1000000\n");
  snprintf(milliseconds, sizeof milliseconds, "%d", of_rank == 1 ? SLOW_MS : QUICK_MS);
  plugin_env("slow", milliseconds, config.env, sizeof config.env);
  config.envs = (uint64_t)ranks - 1;
  return config;
}

static void act(struct transport *transport) {
  const struct config config = config_of(rank);
  struct error error = {0};
  struct actor *actor = actor_create(&config, transport, &never, &error);
  enum turn turn = TURN_BUSY;
  struct backoff backoff = {0};
  while (actor && turn != TURN_DONE && error.status == STATUS_OK) {
    actor_turn(actor, &turn, &error);
    if (turn == TURN_BUSY)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
  CU_ASSERT_EQUAL(error.status, STATUS_OK);
  CU_ASSERT_TRUE(transport_flush(transport, PATIENCE));
  actor_destroy(actor);
}

// Rank 0: the learner's parts that deal with weights and credits, and what it sees of each rank.
struct leader {
  struct transport *transport;
  struct job job;
  struct actor_table table;
  struct weights_publisher publisher;
  struct transition_batch batch;
  int sent[MOST], taken[MOST], rows[MOST];
  uint64_t used[MOST];    // version of its newest row
  bool ordered, one_each; // versions never go down; at most one WEIGHTS is under way to each
};

static void leader_init(struct leader *l, struct transport *transport) {
  const struct config config = config_of(0);
  struct message_hello hello;
  uint32_t pid[MOST];
  *l = (struct leader){.transport = transport, .ordered = true, .one_each = true};
  CU_ASSERT_EQUAL_FATAL(handshake_collect(&config, transport, &never, &hello, pid, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(job_init(&l->job, &config, &hello, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(actor_table_init(&l->table, &config, transport, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(weights_publisher_init(&l->publisher, &l->job, transport, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transition_batch_init(&l->batch, 1, 1, 100, 100, 1, NULL), STATUS_OK);
  for (int i = 1; i < ranks; i++) peer_send_empty(transport, i, MESSAGE_START);
}

static void leader_release(struct leader *l) {
  transition_batch_release(&l->batch);
  weights_publisher_release(&l->publisher);
  actor_table_release(&l->table);
  job_release(&l->job);
}

static void take(struct leader *l, const struct frame *frame) {
  const uint32_t r = frame->sender;
  if (frame->type == MESSAGE_WEIGHTS_TAKEN) {
    weights_publisher_taken(&l->publisher, r - 1);
    l->taken[r]++;
  }
  if (frame->type != MESSAGE_TRANSITIONS) return;
  actor_table_batch_arrived(&l->table, r - 1);
  CU_ASSERT_EQUAL(message_decode_transitions(frame, &l->batch, NULL), STATUS_OK);
  for (uint32_t i = 0; i < l->batch.rows; i++) {
    l->ordered &= l->batch.version[i] >= l->used[r];
    l->used[r] = l->batch.version[i];
    l->rows[r]++;
  }
}

// A turn of a learner, without its updates.
static void turn(struct leader *l) {
  struct frame frame;
  uint64_t before[MOST];
  while (peer_receive(l->transport, &frame)) take(l, &frame);
  for (uint32_t i = 0; i < l->table.actors; i++) before[i] = l->publisher.node[i].sent;
  CU_ASSERT_EQUAL(weights_publisher_poll(&l->publisher, &l->job, &l->table, false, NULL), STATUS_OK);
  for (int i = 1; i < ranks; i++) {
    l->sent[i] += l->publisher.node[i - 1].sent != before[i - 1];
    l->one_each &= l->sent[i] - l->taken[i] <= 1;
  }
  CU_ASSERT_EQUAL(actor_table_grant(&l->table, &l->job.limiter, 1000000, l->job.policy_version, NULL), STATUS_OK);
}

static void lead(struct leader *l) {
  struct backoff backoff = {0};
  for (const double end = clock_now() + PUBLISHING; clock_now() < end; backoff_wait(&backoff)) {
    l->job.policy_version++;
    turn(l);
  }
  const uint64_t last = l->job.policy_version;
  CU_ASSERT_TRUE(l->ordered);
  CU_ASSERT_TRUE(l->one_each);
  CU_ASSERT_TRUE(last > 100);
  CU_ASSERT_TRUE(l->taken[1] >= 1);
  CU_ASSERT_TRUE(l->taken[1] <= 2 + (int)(PUBLISHING * 1000 / SLOW_MS)); // once between two steps, and skipped the rest
  for (int i = 2; i < ranks; i++) {
    CU_ASSERT_TRUE(l->rows[i] > 3 * l->rows[1]);
    const bool reads = transport_shared_weights_home(l->transport, i) == 0;
    CU_ASSERT_TRUE(reads ? l->sent[i] == 0 && l->taken[i] == 0 : l->taken[i] > 3 * l->taken[1]);
  }
  bool all = false; // of them act with the last version
  for (const double end = clock_now() + PATIENCE; !all && clock_now() < end; backoff_wait(&backoff)) {
    turn(l);
    all = true;
    for (int i = 1; i < ranks; i++) all &= l->used[i] == last;
  }
  CU_ASSERT_TRUE(all);
  CU_ASSERT_TRUE(l->ordered);
  CU_ASSERT_TRUE(l->one_each);
  CU_ASSERT_TRUE(handshake_dismiss(l->transport, 0, PATIENCE));
}

static void run(bool shared) {
  struct transport *transport;
  CU_ASSERT_EQUAL_FATAL(transport_mpi_create(&transport, NULL), STATUS_OK);
  if (shared) CU_ASSERT_EQUAL_FATAL(transport_shared_weights_open(transport, rank == 1 ? 0 : 100000, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(transport_shared_weights(transport) != NULL, shared && rank != 1);
  if (rank == 0) {
    struct leader leader;
    leader_init(&leader, transport);
    lead(&leader);
    leader_release(&leader);
  } else {
    act(transport);
  }
  transport_destroy(transport);
  job_barrier();
}

static void test_messages(void) { run(false); }
static void test_shared_weights(void) { run(true); }

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  linalg_init();
  log_init(rank, LOG_WARN);
  static const struct unit_case cases[] = {
      {"a slow actor delays nobody, at most one version is under way to each, and the newest wins", test_messages},
      {"the same holds where the others read weights from shared memory", test_shared_weights},
  };
  const int failed = unit_run_mpi("weights", cases, sizeof cases / sizeof *cases);
  MPI_Finalize();
  return failed;
}
