// Credits bound what actors send to a learner that does not receive.
#include "actor/actor.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/nn/linalg.h"
#include "common/wire/transport_mpi.h"
#include "tests/support/jobs.h"
#include "tests/support/peer.h"
#include "tests/support/unit.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 16 };
static const double PATIENCE = 60; // s; noisy machines
static int rank, ranks;

static struct config config_of_all(void) {
  struct config config = peer_config("send_steps: 8\nsend_seconds: 1000\nn_step: 3\n");
  config.envs = 2 * (uint64_t)(ranks - 1);
  return config;
}

// The other ranks act until STOP comes.
static void act(struct transport *transport) {
  static const volatile sig_atomic_t never;
  const struct config config = config_of_all();
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
  CU_ASSERT_EQUAL(actor_exit_code(actor), 0);
  CU_ASSERT_TRUE(transport_flush(transport, PATIENCE));
  actor_destroy(actor);
}

// Counts by rank the messages of this type that arrive within `seconds`. Ends early when each of 1..ranks-1 has sent
// `enough`; 0: does not.
static void listen(struct transport *transport, enum message_type type, double seconds, int counts[MOST], int enough) {
  const double end = clock_now() + seconds;
  struct backoff backoff = {0};
  for (int satisfied = 0; clock_now() < end && !satisfied;) {
    struct frame frame;
    if (peer_receive(transport, &frame)) {
      counts[frame.sender] += frame.type == type;
      backoff_reset(&backoff);
    } else {
      backoff_wait(&backoff);
    }
    satisfied = enough > 0;
    for (int i = 1; i < ranks; i++) satisfied &= counts[i] >= enough;
  }
}

static void grant(struct transport *transport, uint32_t batches) {
  for (int i = 1; i < ranks; i++) peer_send_credit(transport, i, batches);
}

static void begin(struct transport *transport) {
  int hellos[MOST] = {0};
  listen(transport, MESSAGE_HELLO, PATIENCE, hellos, 1);
  for (int i = 1; i < ranks; i++) {
    CU_ASSERT_EQUAL(hellos[i], 1);
    peer_send_empty(transport, i, MESSAGE_START);
  }
}

static void end(struct transport *transport) {
  int byes[MOST] = {0};
  for (int i = 1; i < ranks; i++) peer_send_stop(transport, i, 0);
  listen(transport, MESSAGE_BYE, PATIENCE, byes, 1);
  for (int i = 1; i < ranks; i++) CU_ASSERT_EQUAL(byes[i], 1);
}

static void lead_slowly(struct transport *transport) {
  int batches[MOST] = {0};
  begin(transport);
  grant(transport, 2);
  nanosleep(&(struct timespec){.tv_sec = 1}, NULL); // not even MPI makes progress here
  listen(transport, MESSAGE_TRANSITIONS, PATIENCE, batches, 2);
  listen(transport, MESSAGE_TRANSITIONS, 0.5, batches, 0);
  for (int i = 1; i < ranks; i++) CU_ASSERT_EQUAL(batches[i], 2);
  grant(transport, 1);
  listen(transport, MESSAGE_TRANSITIONS, PATIENCE, batches, 3);
  listen(transport, MESSAGE_TRANSITIONS, 0.5, batches, 0);
  for (int i = 1; i < ranks; i++) CU_ASSERT_EQUAL(batches[i], 3);
  end(transport);
}

// The learner repeatedly falls behind and catches up.
static void lead_in_rounds(struct transport *transport) {
  enum { ROUNDS = 30, WARM = 10 };
  int batches[MOST] = {0};
  size_t warm = 0;
  begin(transport);
  for (int round = 0; round < ROUNDS; round++) {
    grant(transport, 2);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    listen(transport, MESSAGE_TRANSITIONS, PATIENCE, batches, 2 * (round + 1));
    const size_t memory = transport_statistics(transport).memory;
    if (round < WARM && memory > warm) warm = memory;
    // At most two batches and some small messages of each actor are under way at once.
    if (round >= WARM) CU_ASSERT_TRUE(memory <= 2 * warm);
  }
  listen(transport, MESSAGE_TRANSITIONS, 0.2, batches, 0);
  for (int i = 1; i < ranks; i++) CU_ASSERT_EQUAL(batches[i], 2 * ROUNDS);
  end(transport);
}

static void run(void (*lead)(struct transport *transport)) {
  struct transport *transport;
  CU_ASSERT_EQUAL_FATAL(transport_mpi_create(&transport, NULL), STATUS_OK);
  if (rank == 0)
    lead(transport);
  else
    act(transport);
  transport_destroy(transport);
  job_barrier();
}

static void test_slow_learner(void) { run(lead_slowly); }
static void test_rounds(void) { run(lead_in_rounds); }

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  linalg_init();
  log_init(rank, LOG_WARN);
  static const struct unit_case cases[] = {
      {"each actor sends as many batches as it has credits and no more", test_slow_learner},
      {"over many rounds nothing is lost and memory stays bounded", test_rounds},
  };
  const int failed = unit_run_mpi("credits", cases, sizeof cases / sizeof *cases);
  MPI_Finalize();
  return failed;
}
