// The replay of a checkpoint that holds each observation once, read as transitions: chain after chain, so that the
// steps of an episode follow each other.
#ifndef CORSAC_LEARNER_CHECKPOINT_LINKED_ROWS_H
#define CORSAC_LEARNER_CHECKPOINT_LINKED_ROWS_H

#include "learner/storage/checkpoint_ring.h"

struct linked_rows {
  uint32_t obs_dim, act_dim;
  uint64_t records, rows;            // of the ring; transitions
  uint64_t older;                    // transitions that were not read
  float *column[CHECKPOINT_COLUMNS]; // (records x width) the whole ring; owned
  uint32_t *record;                  // (rows) the record that a transition leads to; owned
};

// Reads the newest `most` transitions. Of several chains the one with the oldest record comes first. Release it, on
// failure too. STATUS_MEMORY: the whole replay of the file does not fit into memory.
void linked_rows_read(struct h5 *h5, uint32_t obs_dim, uint32_t act_dim, uint64_t most, struct linked_rows *linked);
void linked_rows_release(struct linked_rows *linked);

// Copies transitions [first, first + count) to the columns (count x width) of a log: obs, action, reward, next_obs and
// discount, in the order of enum replay_column.
void linked_rows_copy(const struct linked_rows *linked, uint64_t first, uint64_t count, float *const to[]);
#endif
