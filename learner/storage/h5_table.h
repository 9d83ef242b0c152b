// A dataset of floats that is written or read piece by piece, each piece a chunk: what the replay's columns are in a
// file. Pieces are written and read as HDF5 stores them, past its filters: with fletcher32 computed here, which is
// several times as fast, and without its copies.
#ifndef CORSAC_LEARNER_STORAGE_H5_TABLE_H
#define CORSAC_LEARNER_STORAGE_H5_TABLE_H

#include "learner/storage/h5.h"

struct h5_table {
  hid_t dataset;
  uint64_t rows, columns, piece; // columns 0: of rank 1
  bool stored;                   // pieces are moved as they are stored
  char name[H5_NAME];
};
// (rows x columns), in pieces of `piece` rows. Reading: of whatever chunks the file has.
void h5_table_open(struct h5 *h5, struct h5_table *table, const char *name, uint64_t rows, uint64_t columns,
                   uint64_t piece);
// Rows [first, first + count): a whole piece, or the last one. `data` has room for piece rows and one number more,
// which are used behind them.
void h5_table_piece(struct h5 *h5, struct h5_table *table, uint64_t first, uint64_t count, float *data);
void h5_table_close(struct h5 *h5, struct h5_table *table);

// HDF5's fletcher32 of so many bytes, an even number of them.
uint32_t h5_fletcher32(const void *data, size_t size);
#endif
