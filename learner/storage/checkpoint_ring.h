// The replay in a checkpoint: a ring of rows, one dataset for each column. Each walk_ function writes, reads or
// verifies (h5.h).
#ifndef CORSAC_LEARNER_STORAGE_CHECKPOINT_RING_H
#define CORSAC_LEARNER_STORAGE_CHECKPOINT_RING_H

#include "learner/storage/checkpoint_layout.h"
#include "learner/storage/h5_table.h"

struct checkpoint_ring {
  uint64_t size, cursor, capacity;
};
// Reading fails where the three contradict each other.
void checkpoint_walk_ring(struct h5 *h5, struct checkpoint_ring *ring);

// Whether the file's replay holds each observation once, where a job of the shape could have either.
bool checkpoint_ring_is_linked(struct h5 *h5, const struct checkpoint_shape *shape);

// Where the next step of each agent of a linked replay goes on: arrays (lanes) of numbers.
struct checkpoint_lanes {
  uint64_t lanes;
  uint64_t *record, *episode, *step; // owned
};
// Writes the lanes, or allocates and reads as many as the file has. Release them, on failure too.
void checkpoint_walk_lanes(struct h5 *h5, struct checkpoint_lanes *lanes);
enum status checkpoint_lanes_init(struct checkpoint_lanes *lanes, uint64_t count, struct error *error);
void checkpoint_lanes_release(struct checkpoint_lanes *lanes);

enum { CHECKPOINT_BACK = 5, CHECKPOINT_COLUMNS };
extern const char *const checkpoint_column_names[CHECKPOINT_COLUMNS]; // in the order of enum replay_column
// One chunk of rows is moved in all columns at once.
struct checkpoint_columns {
  struct h5_table table[CHECKPOINT_COLUMNS];
  uint32_t width[CHECKPOINT_COLUMNS]; // 0: this replay has no such column
  float *chunk[CHECKPOINT_COLUMNS];   // (rows x width), and one float more
  uint64_t rows;                      // of a chunk
};
// Opens or makes the columns of a replay of `size` rows, and allocates the chunks. Close them, on failure too.
void checkpoint_columns_open(struct h5 *h5, struct checkpoint_columns *columns, const struct checkpoint_shape *shape,
                             uint64_t size);
// Writes rows [row, row + count), which are one chunk, from `chunk`, or reads them into it.
void checkpoint_columns_move(struct h5 *h5, struct checkpoint_columns *columns, uint64_t row, uint64_t count);
void checkpoint_columns_close(struct h5 *h5, struct checkpoint_columns *columns);
#endif
