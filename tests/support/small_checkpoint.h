// Checkpoints of small jobs (small_job.h), for tests that write, read and change them in a directory of their own.
#ifndef CORSAC_TESTS_SUPPORT_SMALL_CHECKPOINT_H
#define CORSAC_TESTS_SUPPORT_SMALL_CHECKPOINT_H

#include "common/config/config.h"
#include "common/base/status.h"
#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

// Runs a case with an empty directory in *directory, which is removed afterwards.
void run_in_directory(char **directory, void (*run)(void));

// Writes a job of this configuration that small_job_fill has filled.
void small_checkpoint_write(const char *path, const struct config *config, uint64_t seed, uint32_t rows);
// Writes a best.h5 of small_config with a history.
void small_policy_write(const char *path, uint64_t length, bool actions);
// Reads into a new job of this configuration, and forgets it.
enum status small_checkpoint_read(const char *path, const struct config *config, struct error *error);
// Opens a file with HDF5 for changes.
hid_t small_checkpoint_edit(const char *path);
void copy_file(const char *from, const char *to);
#endif
