// Which parts of an HDF5 file are trusted enough to be opened. A file can name other files (soft and external links,
// external storage, virtual datasets), which may be anything, a pipe included; it can bring filters whose code would
// have to be loaded, arrays that were never stored, and arrays without a checksum. All of that is refused before it is
// opened. h5_has (h5.h) is part of it: it follows hard links only.
#ifndef CORSAC_LEARNER_STORAGE_H5_GUARD_H
#define CORSAC_LEARNER_STORAGE_H5_GUARD_H

#include "learner/storage/h5.h"

// Opens the dataset of this name (without a leading '/') after checking how it is stored. H5I_INVALID_HID: failed.
hid_t h5_guard_open(struct h5 *h5, const char *name);
// Checks that every chunk is there and has gone through all filters. h5_table_chunk does that itself for each chunk
// that it reads.
void h5_guard_chunks(struct h5 *h5, hid_t dataset, const char *name);
// Checks everything in the file without reading data: only groups and datasets, each under one name, hard links,
// datasets stored as h5_guard_open wants them.
void h5_guard_file(struct h5 *h5);
#endif
