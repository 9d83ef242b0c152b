// Receives batches of transitions and inserts them into the replay, beside receiving as many bytes.
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/wire/assignment.h"
#include "common/wire/transport_loopback.h"
#include "common/wire/transport_mpi.h"
#include "launch/bench/bench.h"
#include "launch/mpi/mpi_calls.h"
#include "learner/exchange/transition_receiver.h"

#include <endian.h>
#include <math.h>
#include <string.h>

enum { TAG_ORDER = 1, TAG_PLAIN = 2, UNDER_WAY = 2 }; // UNDER_WAY: messages of an actor, as credits allow
enum order { ORDER_END, ORDER_BATCHES, ORDER_PLAIN };

struct sides {
  struct bench *bench;
  struct job *job; // rank 0
  struct transition_receiver *receiver;
  struct transport *transport, *actor; // actor: loopback's other end
  struct buffer bytes;                 // a batch, encoded
  uint8_t *plain;                      // as many bytes
};

// The message that an actor sends over and over.
static enum status encode_batch(struct sides *sides, uint32_t rank, struct error *error) {
  const struct bench *bench = sides->bench;
  const uint32_t rows = (uint32_t)bench->config.send_steps;
  struct transition_batch batch = {0};
  enum status status = transition_batch_init(&batch, bench->obs_dim, bench->act_dim, rows, rows, 1, error);
  if (status == STATUS_OK && config_links_rows(&bench->config, bench->obs_dim)) // each row begins an episode
    status = transition_batch_use_episodes(&batch, error);
  if (status != STATUS_OK) return status;
  struct random random = random_stream(bench->config.seed, RANDOM_WARMUP, rank, 0);
  for (size_t i = 0; i < (size_t)rows * bench->obs_dim; i++)
    batch.obs[i] = batch.next_obs[i] = (float)random_uniform(&random);
  for (size_t i = 0; i < (size_t)rows * bench->act_dim; i++) batch.action[i] = (float)random_uniform(&random);
  for (uint32_t r = 0; r < rows; r++) {
    batch.environment[r] = rank - 1;
    batch.version[r] = 1;
    batch.reward[r] = batch.discount[r] = 1;
  }
  batch.rows = rows;
  batch.steps = rows;
  batch.lag = (struct lag_record){.count = rows};
  batch.environments = 1;
  batch.progress[0] = (struct environment_progress){.environment = rank - 1, .steps = rows};
  status = message_encode_transitions(&sides->bytes, rank, &batch, error);
  transition_batch_release(&batch);
  if (status == STATUS_OK && !(sides->plain = memory_alloc(sides->bytes.size, 1, "plain messages", error)))
    status = STATUS_MEMORY;
  return status;
}

// Makes it the batch after this one: its environment has made more steps. The message ends with that environment's
// index, steps and episode.
static void go_on(struct sides *sides) {
  uint64_t steps;
  uint8_t *at = sides->bytes.data + sides->bytes.size - 2 * sizeof steps;
  memcpy(&steps, at, sizeof steps);
  steps = htole64(le64toh(steps) + sides->bench->config.send_steps);
  memcpy(at, &steps, sizeof steps);
}

// Takes the next batch into the replay, if one has come.
static enum status take(struct sides *sides, bool *taken, struct error *error) {
  const uint8_t *bytes;
  size_t size;
  int from;
  double longest;
  struct frame frame;
  enum status status = transport_receive(sides->transport, &from, &bytes, &size, error);
  *taken = size > 0;
  if (status != STATUS_OK || size == 0) return status;
  status = frame_decode(bytes, size, &frame, error);
  return status == STATUS_OK ? transition_receiver_take(sides->receiver, &frame, &longest, error) : status;
}

// --- one process ---

static enum status pass_batch(void *context, struct error *error) {
  struct sides *sides = context;
  bool taken;
  const enum status status = transport_send(sides->actor, 0, sides->bytes.data, sides->bytes.size, error);
  go_on(sides);
  return status == STATUS_OK ? take(sides, &taken, error) : status;
}

static enum status pass_bytes(void *context, struct error *error) {
  struct sides *sides = context;
  const uint8_t *bytes;
  size_t size;
  int from;
  const enum status status = transport_send(sides->actor, 0, sides->bytes.data, sides->bytes.size, error);
  return status == STATUS_OK ? transport_receive(sides->transport, &from, &bytes, &size, error) : status;
}

static enum status measure_alone(struct sides *sides, struct error *error) {
  const double rows = (double)sides->bench->config.send_steps;
  const struct bench_pair pair = {
      "receive + insert", "rows/s", "passing the same bytes on", pass_batch, pass_bytes, rows, rows, sides};
  return bench_measure(sides->bench, &pair, error);
}

// --- over MPI ---

static enum status give_order(const struct sides *sides, enum order order, uint64_t count, struct error *error) {
  const uint64_t text[2] = {order, count};
  enum status status = STATUS_OK;
  for (int rank = 1; rank < sides->bench->size && status == STATUS_OK; rank++)
    status = mpi_call_check(MPI_Send(text, 2, MPI_UINT64_T, rank, TAG_ORDER, MPI_COMM_WORLD), "MPI_Send", error);
  return status;
}

// Measures the seconds for `count` batches of each actor.
static enum status receive_batches(struct sides *sides, uint64_t count, double *seconds, struct error *error) {
  struct backoff backoff = {0};
  const double start = clock_now();
  enum status status = give_order(sides, ORDER_BATCHES, count, error);
  for (uint64_t left = count * (uint64_t)(sides->bench->size - 1); left > 0 && status == STATUS_OK;) {
    bool taken = false;
    status = take(sides, &taken, error);
    left -= taken;
    if (taken)
      backoff_reset(&backoff);
    else
      backoff_wait(&backoff);
  }
  *seconds = clock_now() - start;
  return status;
}

static enum status receive_plain(struct sides *sides, uint64_t count, double *seconds, struct error *error) {
  const double start = clock_now();
  enum status status = give_order(sides, ORDER_PLAIN, count, error);
  for (uint64_t left = count * (uint64_t)(sides->bench->size - 1); left > 0 && status == STATUS_OK; left--)
    status = mpi_call_check(MPI_Recv(sides->plain, (int)sides->bytes.size, MPI_BYTE, MPI_ANY_SOURCE, TAG_PLAIN,
                                     MPI_COMM_WORLD, MPI_STATUS_IGNORE),
                            "MPI_Recv", error);
  *seconds = clock_now() - start;
  return status;
}

static enum status lead(struct sides *sides, struct error *error) {
  struct bench *bench = sides->bench;
  struct bench_figure *figure =
      bench_figure_add(bench, "receive + insert", "rows/s", "MPI_Send and MPI_Recv of the same bytes", error);
  if (!figure) return STATUS_MEMORY;
  double seconds = 0, plain_seconds = 0;
  uint64_t count = 4;
  enum status status = STATUS_OK;
  for (; status == STATUS_OK && seconds < bench->seconds / 2; count *= 2)
    status = receive_batches(sides, count, &seconds, error);
  if (status == STATUS_OK) status = receive_plain(sides, count, &plain_seconds, error);
  for (uint32_t r = 0; r < bench->rounds && status == STATUS_OK; r++) {
    if (*bench->stop) return error_set(error, STATUS_STOPPED, "stopped by a signal");
    status = receive_batches(sides, count, &seconds, error);
    if (status == STATUS_OK) status = receive_plain(sides, count, &plain_seconds, error);
    const double rows = (double)count * (double)(bench->size - 1) * (double)bench->config.send_steps;
    bench_record(figure, rows / seconds, rows / plain_seconds);
  }
  return status == STATUS_OK ? give_order(sides, ORDER_END, 0, error) : status;
}

static enum status send_batches(struct sides *sides, uint64_t count, struct error *error) {
  struct backoff backoff = {0};
  enum status status = STATUS_OK;
  while (count > 0 && status == STATUS_OK) {
    if (transport_unsent(sides->transport) >= UNDER_WAY) {
      backoff_wait(&backoff);
      continue;
    }
    backoff_reset(&backoff);
    status = transport_send(sides->transport, 0, sides->bytes.data, sides->bytes.size, error);
    go_on(sides);
    count--;
  }
  return status;
}

static enum status follow(struct sides *sides, struct error *error) {
  for (;;) {
    uint64_t text[2];
    MPI_Request request;
    enum status status =
        mpi_call_check(MPI_Irecv(text, 2, MPI_UINT64_T, 0, TAG_ORDER, MPI_COMM_WORLD, &request), "MPI_Irecv", error);
    if (status == STATUS_OK) status = mpi_call_await(&request, "MPI_Irecv", error);
    if (status != STATUS_OK || text[0] == ORDER_END) return status;
    if (text[0] == ORDER_BATCHES) status = send_batches(sides, text[1], error);
    for (uint64_t i = 0; text[0] == ORDER_PLAIN && i < text[1] && status == STATUS_OK; i++)
      status = mpi_call_check(MPI_Send(sides->plain, (int)sides->bytes.size, MPI_BYTE, 0, TAG_PLAIN, MPI_COMM_WORLD),
                              "MPI_Send", error);
    if (status != STATUS_OK) return status;
  }
}

static enum status prepare(struct sides *sides, struct job *job, uint32_t actors, struct error *error) {
  const struct bench *bench = sides->bench;
  struct transport *ends[2] = {NULL, NULL};
  enum status status = STATUS_OK;
  if (bench->size > 1) {
    status = mpi_call_meet(error);
    if (status == STATUS_OK) status = transport_mpi_create(&sides->transport, error);
  } else {
    status = transport_loopback_create(2, ends, error);
    sides->transport = ends[0];
    sides->actor = ends[1];
  }
  if (status == STATUS_OK) status = encode_batch(sides, bench->rank > 0 ? (uint32_t)bench->rank : 1, error);
  if (status != STATUS_OK || bench->rank > 0) return status;
  job->policy_version = 1;
  sides->receiver = transition_receiver_create(job, actors, error);
  return sides->receiver ? STATUS_OK : error->status;
}

enum status bench_transport(struct bench *bench, struct error *error) {
  const uint32_t actors = bench->size > 1 ? (uint32_t)bench->size - 1 : 1;
  struct job job = {0};
  struct sides sides = {.bench = bench, .job = &job};
  enum status status = STATUS_OK;
  bench->config.envs = actors;
  bench->config.env_steps = (uint64_t)1 << 53; // no row is surplus
  if (bench->rank == 0) status = bench_job(bench, &job, error);
  if (status != STATUS_OK) return status;
  status = prepare(&sides, &job, actors, error);
  if (status == STATUS_OK && bench->size == 1)
    status = measure_alone(&sides, error);
  else if (status == STATUS_OK)
    status = bench->rank == 0 ? lead(&sides, error) : follow(&sides, error);
  transition_receiver_destroy(sides.receiver);
  transport_destroy(sides.actor);
  transport_destroy(sides.transport);
  buffer_release(&sides.bytes);
  memory_free(sides.plain);
  if (bench->rank == 0) job_release(&job);
  return status;
}
