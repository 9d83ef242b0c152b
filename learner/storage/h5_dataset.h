// Datasets one by one, for modules that move their rows themselves (h5_table.c, transition_file.c): made in chunks with
// checksums, or opened only where shape, type and storage are as they must be.
#ifndef CORSAC_LEARNER_STORAGE_H5_DATASET_H
#define CORSAC_LEARNER_STORAGE_H5_DATASET_H

#include "learner/storage/h5.h"

struct h5_shape {
  int rank; // 1 or 2
  hsize_t dim[2];
};
// (rows x columns); rank 1 where `columns` is 0.
struct h5_shape h5_shape_of(uint64_t rows, uint64_t columns);
// How many rows a chunk has: about a MiB, and at most `rows`. So many are written, read and checked at once.
uint64_t h5_chunk_rows(uint64_t rows, uint64_t row_bytes);

// Makes a dataset in chunks of `chunk` rows. H5I_INVALID_HID: failed.
hid_t h5_dataset_create(struct h5 *h5, const char *name, hid_t type, struct h5_shape shape, uint64_t chunk);
// Opens a dataset of this class and shape; `exact`: the type that it must have, or negative. H5I_INVALID_HID: failed.
hid_t h5_dataset_open(struct h5 *h5, const char *name, H5T_class_t class, hid_t exact, struct h5_shape needed);
// Closes it, and finds writes that have failed.
void h5_dataset_close(struct h5 *h5, hid_t dataset, const char *name);

// Checks numbers [first, first + count) of an array against h5->range; integers are always good.
void h5_check_numbers(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t first, uint64_t count,
                      const void *data);
#endif
