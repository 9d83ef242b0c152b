// The matrix products of one SAC update and nothing else, in OpenBLAS: the time that an update on OpenBLAS cannot beat.
// Counts what an update needs at least: one policy forward for s and s' together, the critics side by side in their
// first layer, dQ/da through the smallest critic only, no transposes in the forward. For measuring: the matrices hold
// random numbers.
#ifndef CORSAC_LAUNCH_BENCH_BLAS_BASELINE_H
#define CORSAC_LAUNCH_BENCH_BLAS_BASELINE_H

#include "common/base/status.h"
#include "common/config/config.h"
#include <stddef.h>

struct blas_baseline_shape {
  size_t obs_dim, act_dim, batch_size, critics, target_critics; // target_critics: that form the minimum in a target
  struct config_widths hidden;
};

struct blas_baseline;
struct blas_baseline *blas_baseline_create(const struct blas_baseline_shape *shape, struct error *error);
void blas_baseline_destroy(struct blas_baseline *limit);
void blas_baseline_run(struct blas_baseline *limit);                // the products of one update, on the calling thread
double blas_baseline_operations(const struct blas_baseline *limit); // floating-point operations of one run

#endif
