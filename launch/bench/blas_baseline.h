// The limit of `bench learner`: the matrix products of one SAC update in OpenBLAS and nothing else. No update on
// OpenBLAS takes less time. It makes the fewest products that an update needs: one policy forward for s and s'
// together, the critics side by side in their first layer, dQ/da through the smallest critic only, no transposes in the
// forward. The matrices hold random numbers.
#ifndef CORSAC_LAUNCH_BENCH_BLAS_BASELINE_H
#define CORSAC_LAUNCH_BENCH_BLAS_BASELINE_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>

struct blas_baseline_shape {
  size_t obs_dim, act_dim, batch_size, critics;
  size_t target_critics; // whose minimum forms a target
  struct config_widths hidden;
};

struct blas_baseline;
struct blas_baseline *blas_baseline_create(const struct blas_baseline_shape *shape, struct error *error);
void blas_baseline_destroy(struct blas_baseline *baseline);
// Makes the products of one update, on the calling thread.
void blas_baseline_run(struct blas_baseline *baseline);
// Floating-point operations of the last run.
double blas_baseline_operations(const struct blas_baseline *baseline);

#endif
