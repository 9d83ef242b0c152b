// What of an HDF5 file is trusted enough to be opened. A file can name other files (soft and external links, external
// storage, virtual datasets), which may be anything, a pipe included; it can bring filters whose code would have to be
// loaded, arrays that were never stored, and arrays without a checksum. All of it is refused before it is opened.
#ifndef CORSAC_LEARNER_STORAGE_H5_GUARD_H
#define CORSAC_LEARNER_STORAGE_H5_GUARD_H

#include "learner/storage/h5.h"

// Whether there is an object of this name; a link on the way that is not a hard one fails the walk.
bool h5_guard_path(struct h5 *h5, const char *name);
// The dataset of this name (without a leading '/'), its storage checked; H5I_INVALID_HID: failed. Close: h5_done.
hid_t h5_guard_open(struct h5 *h5, const char *name);
// Whether every chunk is there and has gone through all filters; not needed where chunks are read by
// h5_table_piece, which looks at each.
void h5_guard_chunks(struct h5 *h5, hid_t dataset, const char *name);
// Everything in the file: only groups and datasets, each under one name, hard links, datasets as above. Reads no data.
void h5_guard_file(struct h5 *h5);
#endif
