// The job without actors that benchmarks measure.
#include "actor/environment.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "launch/bench/bench.h"
#include "learner/job/job.h"

#include <math.h>
#include <stdio.h>

enum { FILL_ROWS = 4096 };

// Inserts random numbers of about the size of an environment's, FILL_ROWS rows at a time.
static enum status fill(struct job *job, struct error *error) {
  const size_t obs = job->environment.obs_dim, act = job->environment.act_dim, row = 2 * obs + act + 2;
  const size_t capacity = replay_capacity(job->replay);
  float *rows = memory_alloc(FILL_ROWS * row, sizeof *rows, "random transitions", error);
  if (!rows) return STATUS_MEMORY;
  struct random random = random_stream(job->config.seed, RANDOM_WARMUP, 0, 0);
  for (size_t i = 0; i < FILL_ROWS * row; i++) rows[i] = (float)(2 * random_uniform(&random) - 1);
  float *const obs_at = rows, *const action = obs_at + FILL_ROWS * obs, *const reward = action + FILL_ROWS * act;
  float *const next_obs = reward + FILL_ROWS, *const discount = next_obs + FILL_ROWS * obs;
  for (size_t i = 0; i < FILL_ROWS; i++) discount[i] = (float)job->config.gamma;
  for (size_t filled = 0; filled < capacity; filled += FILL_ROWS)
    replay_insert(job->replay, capacity - filled < FILL_ROWS ? capacity - filled : FILL_ROWS, obs_at, action, reward,
                  next_obs, discount);
  for (size_t i = 0; i < FILL_ROWS && job->config.normalize_observations; i++)
    normalizer_update(&job->normalizer, obs_at + i * obs);
  memory_free(rows);
  return STATUS_OK;
}

enum status bench_job(struct bench *bench, struct job *job, struct error *error) {
  struct message_hello hello = {.obs_dim = bench->obs_dim, .act_dim = bench->act_dim};
  snprintf(hello.environment, sizeof hello.environment, "%.*s", WIRE_TEXT - 1, bench->config.env);
  hello.action_low = memory_alloc(bench->act_dim, sizeof *hello.action_low, "an environment's bounds", error);
  hello.action_high = memory_alloc(bench->act_dim, sizeof *hello.action_high, "an environment's bounds", error);
  if (!hello.action_low || !hello.action_high) {
    message_hello_release(&hello);
    return STATUS_MEMORY;
  }
  for (uint32_t i = 0; i < bench->act_dim; i++) {
    hello.action_low[i] = -1;
    hello.action_high[i] = 1;
  }
  // Takes half of the available memory, since the limit beside it may need as much.
  const uint64_t most = memory_available() / 2 / replay_row_bytes(bench->obs_dim, bench->act_dim);
  if (bench->config.replay_capacity > most) bench->config.replay_capacity = most > 0 ? most : 1;
  enum status status = job_init(job, &bench->config, &hello, error);
  if (status != STATUS_OK) {
    message_hello_release(&hello);
    return status;
  }
  if (replay_is_linked(job->replay)) status = job_unlink_replay(job, error); // those have a benchmark of their own
  if (status == STATUS_OK) status = replay_reserve(job->replay, bench->config.replay_capacity, error);
  if (status == STATUS_OK) status = fill(job, error);
  if (status != STATUS_OK) job_release(job);
  return status;
}

enum status bench_read_environment(struct bench *bench, struct error *error) {
  struct environment_kind kind;
  struct environment environment;
  enum status status = environment_kind_open(&kind, bench->config.env, &bench->config, error);
  if (status != STATUS_OK) return status;
  const struct guest guest = {0};
  status = environment_create_for(&environment, &kind, &guest, 0, error);
  if (status == STATUS_OK) {
    bench->obs_dim = environment.obs_dim;
    bench->act_dim = environment.act_dim;
    environment_destroy(&environment);
  }
  environment_kind_close(&kind);
  return status;
}

enum status bench_update_rate(struct job *job, double seconds, double *rate, struct error *error) {
  const double start = clock_now();
  double now = start;
  uint64_t updates = 0;
  while (now - start < seconds || updates == 0) {
    struct sac_losses losses;
    job_sample(job);
    const enum status status = sac_update(&job->sac, &losses, error);
    if (status != STATUS_OK) return status;
    updates++;
    now = clock_now();
  }
  *rate = (double)updates / (now - start);
  return STATUS_OK;
}
