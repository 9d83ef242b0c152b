// The replay's gather and insert beside memcpy.
#include "common/base/memory.h"
#include "launch/bench/bench.h"
#include "learner/job/job.h"

#include <string.h>

enum { DRAWN = 1 << 20 };

struct sides {
  struct replay *replay;
  size_t obs_dim, act_dim, rows, row_bytes; // rows: of a batch; row_bytes: of a row's numbers
  size_t plain_rows, next, next_drawn; // of the plain memory; where the next batch goes; which drawn rows come next
  uint32_t *drawn;                     // (DRAWN + rows) random rows
  uint8_t *plain;                      // (plain_rows x row_bytes)
  float *obs, *action, *reward, *next_obs, *discount; // of a batch
  struct sac_batch batch;                             // that is gathered; its reward and discount are those above
  uint8_t *bytes;                                     // (rows x row_bytes)
};

static const uint32_t *draw(struct sides *sides) {
  const uint32_t *index = sides->drawn + sides->next_drawn;
  sides->next_drawn = (sides->next_drawn + sides->rows) % DRAWN;
  return index;
}

// The next batch in the plain memory, from its begin to its end and round again.
static uint8_t *plain_batch(struct sides *sides) {
  if (sides->next + sides->rows > sides->plain_rows) sides->next = 0;
  uint8_t *at = sides->plain + sides->next * sides->row_bytes;
  sides->next += sides->rows;
  return at;
}

static enum status gather(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  replay_gather(sides->replay, draw(sides), &sides->batch);
  return STATUS_OK;
}

static enum status copy_random_rows(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  const uint32_t *index = draw(sides);
  for (size_t i = 0; i < sides->rows; i++)
    memcpy(sides->bytes + i * sides->row_bytes, sides->plain + index[i] * sides->row_bytes, sides->row_bytes);
  return STATUS_OK;
}

static enum status copy_out(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  memcpy(sides->bytes, plain_batch(sides), sides->rows * sides->row_bytes);
  return STATUS_OK;
}

static enum status insert(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  replay_insert(sides->replay, sides->rows, sides->obs, sides->action, sides->reward, sides->next_obs, sides->discount);
  return STATUS_OK;
}

static enum status copy_in(void *context, struct error *error) {
  struct sides *sides = context;
  (void)error;
  memcpy(plain_batch(sides), sides->bytes, sides->rows * sides->row_bytes);
  return STATUS_OK;
}

static enum status prepare(struct sides *sides, struct error *error) {
  static const char what[] = "the replay's benchmark";
  const size_t batch = sides->rows * (2 * sides->obs_dim + sides->act_dim + 2);
  sides->drawn = memory_alloc(DRAWN + sides->rows, sizeof *sides->drawn, what, error);
  sides->plain = memory_alloc(sides->plain_rows, sides->row_bytes, what, error);
  sides->bytes = memory_alloc(sides->rows, sides->row_bytes, what, error);
  sides->obs = memory_alloc(batch, sizeof(float), what, error);
  const size_t width = sides->obs_dim + sides->act_dim;
  sides->batch.input = memory_alloc(2 * sides->rows * width, sizeof(real), what, error);
  if (!sides->drawn || !sides->plain || !sides->bytes || !sides->obs || !sides->batch.input) return STATUS_MEMORY;
  sides->action = sides->obs + sides->rows * sides->obs_dim;
  sides->reward = sides->action + sides->rows * sides->act_dim;
  sides->next_obs = sides->reward + sides->rows;
  sides->discount = sides->next_obs + sides->rows * sides->obs_dim;
  sides->batch = (struct sac_batch){.rows = sides->rows,
                                    .width = width,
                                    .input = sides->batch.input,
                                    .next_input = sides->batch.input + sides->rows * width,
                                    .reward = sides->reward,
                                    .discount = sides->discount};
  memset(sides->plain, 1, sides->plain_rows * sides->row_bytes);
  struct random random = random_stream(1, RANDOM_REPLAY, 0, 0);
  replay_draw(sides->replay, &random, DRAWN + sides->rows, sides->drawn);
  return STATUS_OK;
}

enum status bench_replay(struct bench *bench, struct error *error) {
  struct job job;
  enum status status = bench_job(bench, &job, error);
  if (status != STATUS_OK) return status;
  struct sides sides = {.replay = job.replay,
                        .obs_dim = bench->obs_dim,
                        .act_dim = bench->act_dim,
                        .rows = bench->config.batch_size,
                        .row_bytes = (2 * (size_t)bench->obs_dim + bench->act_dim + 2) * sizeof(float),
                        .plain_rows = replay_capacity(job.replay)};
  if (sides.plain_rows < sides.rows) sides.plain_rows = sides.rows;
  const double rows = (double)sides.rows;
  const struct bench_pair pairs[] = {
      {"gather", "rows/s", "memcpy of random rows of one array", gather, copy_random_rows, rows, rows, &sides},
      {"gather, beside streaming", "rows/s", "memcpy of as many bytes that lie together", gather, copy_out, rows, rows,
       &sides},
      {"insert", "rows/s", "memcpy of the same bytes", insert, copy_in, rows, rows, &sides},
  };
  status = prepare(&sides, error);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == STATUS_OK; i++)
    status = bench_measure(bench, &pairs[i], error);
  memory_free(sides.drawn);
  memory_free(sides.plain);
  memory_free(sides.bytes);
  memory_free(sides.obs);
  memory_free(sides.batch.input);
  job_release(&job);
  return status;
}
