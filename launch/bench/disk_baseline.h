// The least that a checkpoint of a replay costs with HDF5: a plain loop that writes or reads columns of floats in
// chunks with fletcher32. What a benchmark holds checkpoint.h against.
#ifndef CORSAC_LAUNCH_BENCH_DISK_BASELINE_H
#define CORSAC_LAUNCH_BENCH_DISK_BASELINE_H

#include "common/base/status.h"
#include <stdint.h>

// A new file of `columns` datasets (rows x width[c]), of numbers that are all the same, synchronised with the disk.
enum status disk_baseline_write(const char *path, uint64_t rows, const uint32_t *width, uint32_t columns,
                                struct error *error);
enum status disk_baseline_read(const char *path, uint64_t rows, const uint32_t *width, uint32_t columns,
                               struct error *error);
#endif
