// A whole update (draw and gather a batch, noise, losses, gradients, Adam, Polyak, temperature) beside the matrix
// products in it.
#include "launch/bench/blas_baseline.h"
#include "launch/bench/bench.h"
#include "learner/job/job.h"

struct sides {
  struct job *job, *one_thread;
  struct blas_baseline *limit;
};

// As many updates as lie between two steps of the policy, so that each round has its share of them.
static enum status updates(void *context, struct error *error) {
  const struct sides *sides = context;
  enum status status = STATUS_OK;
  for (uint64_t u = 0; u < sides->job->sac.policy_delay && status == STATUS_OK; u++) {
    struct sac_losses losses;
    job_sample(sides->job);
    status = sac_update(&sides->job->sac, &losses, error);
  }
  return status;
}

static enum status products(void *context, struct error *error) {
  const struct sides *sides = context;
  (void)error;
  blas_baseline_run(sides->limit);
  return STATUS_OK;
}

static enum status beside_products(struct bench *bench, struct job *job, struct error *error) {
  const double each = (double)bench->config.policy_delay;
  struct sides sides = {.job = job,
                        .limit = blas_baseline_create(&bench->config, bench->obs_dim, bench->act_dim, error)};
  const struct bench_pair pair = {.name = "update",
                                  .unit = "updates/s",
                                  .limit_is = "its matrix products alone in OpenBLAS, on one thread",
                                  .work = updates,
                                  .limit = products,
                                  .amount = each,
                                  .limit_amount = each,
                                  .context = &sides};
  const enum status status = sides.limit ? bench_measure(bench, &pair, error) : STATUS_MEMORY;
  blas_baseline_destroy(sides.limit);
  return status;
}

static enum status updates_alone(void *context, struct error *error) {
  const struct sides *sides = context;
  struct sides alone = {.job = sides->one_thread};
  return updates(&alone, error);
}

static enum status beside_one_thread(struct bench *bench, struct job *job, struct error *error) {
  struct job alone;
  const double each = (double)bench->config.policy_delay;
  const uint64_t threads = bench->config.learner_threads;
  bench->config.learner_threads = 1;
  enum status status = bench_job(bench, &alone, error);
  bench->config.learner_threads = threads;
  if (status != STATUS_OK) return status;
  struct sides sides = {.job = job, .one_thread = &alone};
  const struct bench_pair pair = {.name = "update by the team",
                                  .unit = "updates/s",
                                  .limit_is = "the same on one thread",
                                  .work = updates,
                                  .limit = updates_alone,
                                  .amount = each,
                                  .limit_amount = each,
                                  .context = &sides};
  status = bench_measure(bench, &pair, error);
  job_release(&alone);
  return status;
}

enum status bench_learner(struct bench *bench, struct error *error) {
  struct job job;
  enum status status = bench_job(bench, &job, error);
  if (status != STATUS_OK) return status;
  status = beside_products(bench, &job, error);
  if (status == STATUS_OK && bench->config.learner_threads > 1) status = beside_one_thread(bench, &job, error);
  job_release(&job);
  return status;
}
