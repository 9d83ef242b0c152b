// The limit of `bench learner`: the matrix products of an update (update_products.h) in OpenBLAS and nothing else. No
// update on OpenBLAS takes less time. Nothing is transposed in the forward. The matrices hold random numbers.
#ifndef CORSAC_LAUNCH_BENCH_BLAS_BASELINE_H
#define CORSAC_LAUNCH_BENCH_BLAS_BASELINE_H

#include "common/base/status.h"
#include "common/config/config.h"

struct blas_baseline;
// The configuration outlives it.
struct blas_baseline *blas_baseline_create(const struct config *config, uint32_t obs_dim, uint32_t act_dim,
                                           struct error *error);
void blas_baseline_destroy(struct blas_baseline *baseline);
// Makes the products of policy_delay updates, one of which steps the policy, on the calling thread.
void blas_baseline_run(struct blas_baseline *baseline);
// Floating-point operations of the last run.
double blas_baseline_operations(const struct blas_baseline *baseline);

#endif
