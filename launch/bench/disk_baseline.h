// The limit of `bench checkpoint`: the least that a file with a replay's numbers costs with HDF5. A plain loop writes
// or reads columns of floats in chunks, with fletcher32 as in a checkpoint.
#ifndef CORSAC_LAUNCH_BENCH_DISK_BASELINE_H
#define CORSAC_LAUNCH_BENCH_DISK_BASELINE_H

#include "common/base/status.h"
#include <stdint.h>

// Makes a new file of `columns` datasets (rows x width[c]), whose numbers are all the same, and synchronises it with
// the disk.
enum status disk_baseline_write(const char *path, uint64_t rows, const uint32_t *width, uint32_t columns,
                                struct error *error);
// Reads every number of such a file.
enum status disk_baseline_read(const char *path, uint64_t rows, const uint32_t *width, uint32_t columns,
                               struct error *error);
#endif
