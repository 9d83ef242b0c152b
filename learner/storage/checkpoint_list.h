// Which checkpoints a run's directory holds, by their names.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_LIST_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_LIST_H

#include "common/base/status.h"
#include <stdint.h>

enum { RUN_PATH = 4096 };

// path/name, or an error where it is too long. buffer: RUN_PATH bytes.
enum status run_path(char *buffer, const char *directory, const char *name, struct error *error);
// The checkpoints ckpt-<steps>.h5 of a directory, newest (most steps) first: up to `limit` step numbers. Returns how
// many there are. -1 and a message where the directory cannot be read.
int run_checkpoints(const char *directory, uint64_t *steps, int limit, struct error *error);
enum status run_checkpoint_path(char *buffer, const char *directory, uint64_t steps, struct error *error);
#endif
