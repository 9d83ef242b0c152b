// What publishing the policy costs the learner, and how old the weights are that actors act with. The learner updates
// at full speed; an actor makes one action for each version, as at a utd of 1. Versions are read from shared memory, so
// the ages are exact.
#include "actor/weights_receiver.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/wire/transport_loopback.h"
#include "common/wire/transport_mpi.h"
#include "launch/bench/bench_mpi.h"
#include "launch/train/setup.h"
#include "learner/exchange/weights_publisher.h"

#include <stdatomic.h>
#include <string.h>

static const double FLUSH_SECONDS = 10;

// Of one actor since it last looked at `round`.
struct tally {
  atomic_uint_least64_t round; // that the sums below are of; they stand still once it is past
  uint64_t actions, age_sum, age_max;
};

#define NO_MORE UINT64_MAX // as the newest version: nothing is under way any more

// Between all ranks.
struct ledger {
  atomic_uint_least64_t version, round; // the learner's newest version; round 0: the last is over
  struct tally tally[];                 // (actors)
};

struct actor_side {
  struct transport *transport;
  struct policy *policy;
  struct weights_receiver receiver;
  struct ledger *ledger; // not owned
  uint32_t number;       // of the actor
  uint64_t acted;        // the newest version there was at the last action
  struct tally now;      // of the round under way
  float *obs, *action;
};

struct learner_side {
  struct job job;
  struct transport *transport;
  struct actor_table table;
  struct weights_publisher publisher;
  struct ledger *ledger; // not owned
  double publishing;     // s, in publishing and in hearing of what was taken
  struct policy_weights copy;
};

// --- the actor ---

static enum status actor_init(struct actor_side *side, const struct bench *bench, struct error *error) {
  static const char what[] = "the weights' benchmark";
  side->policy = policy_create(&bench->config, bench->obs_dim, bench->act_dim, error);
  if (!side->policy) return error->status;
  policy_weights(side->policy)->normalize = bench->config.normalize_observations;
  side->obs = memory_alloc(bench->obs_dim, sizeof(float), what, error);
  side->action = memory_alloc(bench->act_dim, sizeof(float), what, error);
  if (!side->obs || !side->action) return STATUS_MEMORY;
  side->now.round = 1;
  return weights_receiver_init(&side->receiver, side->policy, side->transport, error);
}

static void actor_release(struct actor_side *side) {
  weights_receiver_release(&side->receiver);
  policy_destroy(side->policy);
  memory_free(side->obs);
  memory_free(side->action);
  transport_destroy(side->transport);
}

// As actor/actor.c does: what came as messages, then what stands on the node's shared weights.
static enum status take_weights(struct actor_side *side, struct error *error) {
  const uint8_t *bytes;
  size_t size;
  int from;
  struct frame frame;
  for (;;) {
    enum status status = transport_receive(side->transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size == 0) return weights_receiver_look(&side->receiver, side->policy, error);
    if (status != STATUS_OK) return status;
    status = frame_decode(bytes, size, &frame, error);
    if (status == STATUS_OK) status = weights_receiver_take(&side->receiver, &frame, side->policy, error);
    if (status != STATUS_OK) return status;
  }
}

static void close_round(struct actor_side *side, uint64_t round) {
  struct tally *tally = &side->ledger->tally[side->number];
  tally->actions = side->now.actions;
  tally->age_sum = side->now.age_sum;
  tally->age_max = side->now.age_max;
  side->now = (struct tally){.round = round};
  atomic_store(&tally->round, round);
}

// Takes what came, and acts if there is a version it has not acted at. *busy: it did.
static enum status actor_turn(struct actor_side *side, bool *busy, struct error *error) {
  const enum status status = take_weights(side, error);
  const uint64_t round = atomic_load(&side->ledger->round), newest = atomic_load(&side->ledger->version);
  *busy = newest > side->acted && newest != NO_MORE;
  if (round != side->now.round) close_round(side, round);
  if (status != STATUS_OK || !*busy) return status;
  const uint64_t used = policy_version(side->policy), age = newest > used ? newest - used : 0;
  policy_act(side->policy, 1, side->obs, NULL, side->action);
  side->acted = newest;
  side->now.actions++;
  side->now.age_sum += age;
  if (age > side->now.age_max) side->now.age_max = age;
  return STATUS_OK;
}

static enum status actor_run(struct actor_side *side, struct error *error) {
  struct backoff backoff = {0};
  enum status status = STATUS_OK;
  while (status == STATUS_OK && atomic_load(&side->ledger->version) != NO_MORE) {
    bool busy;
    status = actor_turn(side, &busy, error);
    if (busy)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
  return status;
}

// --- the learner ---

static enum status learner_init(struct learner_side *side, struct bench *bench, struct error *error) {
  enum status status = actor_table_init(&side->table, &bench->config, side->transport, error);
  if (status == STATUS_OK) status = weights_publisher_init(&side->publisher, &side->job, side->transport, error);
  if (status == STATUS_OK)
    status = policy_weights_init(&side->copy, bench->obs_dim, side->job.sac.policy_net.parameters, error);
  return status;
}

static void learner_release(struct learner_side *side) {
  policy_weights_release(&side->copy);
  weights_publisher_release(&side->publisher);
  actor_table_release(&side->table);
  transport_destroy(side->transport);
  job_release(&side->job);
}

static enum status hear_taken(struct learner_side *side, struct error *error) {
  const uint8_t *bytes;
  size_t size;
  int from;
  for (;;) {
    const enum status status = transport_receive(side->transport, &from, &bytes, &size, error);
    if (status != STATUS_OK || size == 0) return status;
    weights_publisher_taken(&side->publisher, (uint32_t)from - 1);
  }
}

// One turn as learner/learner.c makes it: hear, update, publish.
static enum status learner_step(struct learner_side *side, struct error *error) {
  struct sac_losses losses;
  double start = clock_now();
  enum status status = hear_taken(side, error);
  side->publishing += clock_now() - start;
  if (status != STATUS_OK) return status;
  job_sample(&side->job);
  status = sac_update(&side->job.sac, &losses, error);
  if (status != STATUS_OK) return status;
  side->job.policy_version++;
  atomic_store(&side->ledger->version, side->job.policy_version);
  start = clock_now();
  status = weights_publisher_poll(&side->publisher, &side->job, &side->table, false, error);
  side->publishing += clock_now() - start;
  return status;
}

// The learner's next round begins; waits until every actor has closed the one before, and adds up what they say of it.
static enum status next_round(struct learner_side *side, struct actor_side *own, uint64_t round, struct tally *sum,
                              struct error *error) {
  struct backoff backoff = {0};
  *sum = (struct tally){0};
  atomic_store(&side->ledger->round, round);
  for (uint32_t i = 0; i < side->table.actors; i++) {
    const struct tally *tally = &side->ledger->tally[i];
    while (atomic_load(&tally->round) != round) {
      bool busy;
      const enum status status = own ? actor_turn(own, &busy, error) : hear_taken(side, error);
      if (status != STATUS_OK) return status;
      if (!own) backoff_wait(&backoff);
    }
    sum->actions += tally->actions;
    sum->age_sum += tally->age_sum;
    if (tally->age_max > sum->age_max) sum->age_max = tally->age_max;
  }
  return STATUS_OK;
}

// Microseconds of one copy of the weights.
static double copy_time(struct learner_side *side) {
  enum { COPIES = 100 };
  const double start = clock_now();
  for (int i = 0; i < COPIES; i++)
    memcpy(side->copy.values, side->job.sac.policy, side->copy.parameters * sizeof(float));
  return 1e6 * (clock_now() - start) / COPIES;
}

// own: in one process the actor that takes turns with the learner, else NULL.
static enum status lead(struct bench *bench, struct learner_side *side, struct actor_side *own, struct error *error) {
  struct bench_figure *cost =
      bench_figure_add(bench, "publishing, of each update", "us", "one copy of the weights", error);
  struct bench_figure *mean = bench_figure_add(bench, "age at action time, mean", "versions", NULL, error);
  struct bench_figure *most = bench_figure_add(bench, "age at action time, largest", "versions", NULL, error);
  if (!cost || !mean || !most) return STATUS_MEMORY;
  cost->less_is_better = mean->less_is_better = most->less_is_better = true;
  struct tally sum;
  enum status status = STATUS_OK;
  bool busy;
  for (uint32_t r = 0; r <= bench->rounds && status == STATUS_OK; r++) { // the first warms up
    if (*bench->stop) return error_set(error, STATUS_STOPPED, "stopped by a signal");
    uint64_t updates = 0;
    side->publishing = 0;
    for (const double start = clock_now(); (clock_now() - start < bench->seconds || updates < 4) && status == STATUS_OK;
         updates++) {
      status = learner_step(side, error);
      if (status == STATUS_OK && own) status = actor_turn(own, &busy, error);
    }
    if (status == STATUS_OK) status = next_round(side, own, r == bench->rounds ? 0 : r + 2, &sum, error);
    if (status != STATUS_OK || r == 0) continue;
    bench_record(cost, 1e6 * side->publishing / (double)updates, copy_time(side));
    bench_record(mean, sum.actions ? (double)sum.age_sum / (double)sum.actions : 0, 0);
    bench_record(most, (double)sum.age_max, 0);
  }
  return status;
}

// --- both ---

static enum status run_alone(struct bench *bench, struct error *error) {
  struct transport *ends[2] = {NULL, NULL};
  struct ledger *ledger = memory_alloc(1, sizeof *ledger + sizeof(struct tally), "the weights' benchmark", error);
  struct learner_side learner = {.ledger = ledger};
  struct actor_side actor = {.ledger = ledger};
  if (!ledger) return STATUS_MEMORY;
  ledger->round = 1;
  enum status status = bench_job(bench, &learner.job, error);
  if (status == STATUS_OK) {
    status = transport_loopback_create(2, ends, error);
    learner.transport = ends[0];
    actor.transport = ends[1];
    const size_t capacity = setup_shared_weights_capacity(&bench->config);
    for (int i = 0; i < 2 && status == STATUS_OK; i++) status = transport_board_open(ends[i], capacity, error);
    if (status == STATUS_OK) status = learner_init(&learner, bench, error);
    if (status == STATUS_OK) status = actor_init(&actor, bench, error);
    if (status == STATUS_OK) status = lead(bench, &learner, &actor, error);
    actor_release(&actor);
    learner_release(&learner);
  }
  memory_free(ledger);
  return status;
}

// The ledger lies in memory that the ranks of a node share; rank 0 owns it.
static enum status share_ledger(const struct bench *bench, MPI_Comm *node, MPI_Win *window, struct ledger **ledger,
                                struct error *error) {
  int size = 0, unit;
  MPI_Aint bytes = bench->rank == 0 ? (MPI_Aint)(sizeof **ledger + (size_t)bench->size * sizeof(struct tally)) : 0;
  enum status status = bench_mpi_check(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, node), "MPI_Comm_split_type", error);
  if (status == STATUS_OK) status = bench_mpi_check(MPI_Comm_size(*node, &size), "MPI_Comm_size", error);
  if (status != STATUS_OK) return status;
  if (size != bench->size)
    return error_set(error, STATUS_USAGE,
                     "bench weights reads versions from shared memory: start all %d ranks on one node", bench->size);
  status = bench_mpi_check(MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, *node, ledger, window),
                           "MPI_Win_allocate_shared", error);
  if (status == STATUS_OK)
    status = bench_mpi_check(MPI_Win_shared_query(*window, 0, &bytes, &unit, ledger), "MPI_Win_shared_query", error);
  if (status == STATUS_OK && bench->rank == 0) {
    memset(*ledger, 0, (size_t)bytes);
    (*ledger)->round = 1;
  }
  return status;
}

static enum status run_together(struct bench *bench, struct error *error) {
  MPI_Comm node;
  MPI_Win window = MPI_WIN_NULL;
  struct learner_side learner = {0};
  struct actor_side actor = {.number = (uint32_t)bench->rank - 1};
  struct ledger *ledger = NULL;
  enum status status = bench->rank == 0 ? bench_job(bench, &learner.job, error) : STATUS_OK;
  if (status == STATUS_OK) status = bench_mpi_meet(bench, error);
  if (status == STATUS_OK) status = share_ledger(bench, &node, &window, &ledger, error);
  if (status == STATUS_OK) status = bench_mpi_meet(bench, error); // the ledger is clean
  struct transport **transport = bench->rank == 0 ? &learner.transport : &actor.transport;
  if (status == STATUS_OK) status = transport_mpi_create(transport, error);
  if (status == STATUS_OK)
    status = transport_board_open(*transport, setup_shared_weights_capacity(&bench->config), error);
  if (status != STATUS_OK) return status; // the process ends
  learner.ledger = actor.ledger = ledger;
  if (bench->rank == 0) {
    status = learner_init(&learner, bench, error);
    if (status == STATUS_OK) status = lead(bench, &learner, NULL, error);
    if (status == STATUS_OK && !transport_flush(learner.transport, FLUSH_SECONDS))
      status = error_set(error, STATUS_PEER, "an actor does not take its weights");
    atomic_store(&ledger->version, NO_MORE);
  } else {
    status = actor_init(&actor, bench, error);
    if (status == STATUS_OK) status = actor_run(&actor, error);
  }
  if (status != STATUS_OK) return status;
  status = bench_mpi_meet(bench, error);
  if (bench->rank == 0)
    learner_release(&learner);
  else
    actor_release(&actor);
  if (status == STATUS_OK) status = bench_mpi_check(MPI_Win_free(&window), "MPI_Win_free", error);
  return status == STATUS_OK ? bench_mpi_check(MPI_Comm_free(&node), "MPI_Comm_free", error) : status;
}

enum status bench_weights(struct bench *bench, struct error *error) {
  bench->config.envs = bench->size > 1 ? (uint64_t)bench->size - 1 : 1;
  return bench->size > 1 ? run_together(bench, error) : run_alone(bench, error);
}
