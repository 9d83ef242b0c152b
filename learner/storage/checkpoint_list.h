// The checkpoints of a run directory, found by their names.
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_LIST_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_LIST_H

#include "common/base/status.h"
#include <stdint.h>

enum { CHECKPOINT_NAME = 64 }; // bytes

// Writes ckpt-<steps>.h5.
void checkpoint_list_name(uint64_t steps, char name[CHECKPOINT_NAME]);
// Lists the checkpoints ckpt-<steps>.h5 of a directory by their steps, most steps first, at most `limit` of them.
// Returns how many there are; -1 and a message where the directory cannot be read.
int checkpoint_list(const char *directory, uint64_t *steps, int limit, struct error *error);
// The path of one of them. buffer: FILE_PATH bytes.
enum status checkpoint_list_path(char *buffer, const char *directory, uint64_t steps, struct error *error);
#endif
