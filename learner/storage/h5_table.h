// A dataset of floats, or of numbers of 32 bits, that is written or read chunk by chunk: a column of the replay in a
// file. Chunks are moved as HDF5 stores them, past its filters, with fletcher32 computed here: that is several times as
// fast and makes no copies.
#ifndef CORSAC_LEARNER_STORAGE_H5_TABLE_H
#define CORSAC_LEARNER_STORAGE_H5_TABLE_H

#include "learner/storage/h5.h"

struct h5_table {
  hid_t dataset;
  uint64_t rows, columns; // columns 0: of rank 1
  uint64_t chunk;         // rows
  bool stored;            // chunks are moved as they are stored
  enum h5_kind kind;      // H5_KIND_FLOAT or H5_KIND_U32
  char name[H5_NAME];
};
// Opens or makes a table (rows x columns) in chunks of `chunk` rows. A file that is read may have other chunks.
void h5_table_open(struct h5 *h5, struct h5_table *table, const char *name, enum h5_kind kind, uint64_t rows,
                   uint64_t columns, uint64_t chunk);
// Moves rows [first, first + count), which are one chunk. `data` has room for `chunk` rows and one float more, and is
// used as scratch behind the rows. Of H5_KIND_U32 it holds the bits of uint32_t.
void h5_table_chunk(struct h5 *h5, struct h5_table *table, uint64_t first, uint64_t count, float *data);
void h5_table_close(struct h5 *h5, struct h5_table *table);

// HDF5's fletcher32 of `size` bytes, an even number of them.
uint32_t h5_fletcher32(const void *data, size_t size);
#endif
