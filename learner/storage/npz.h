// NumPy's .npz: a zip file of .npy arrays. Read: stored or deflated; little-endian float32 and float64, integers of any
// width and sign, bool; anything else is refused. Written: stored, which every reader takes. Nothing read from a file
// is trusted before its size is checked, and nothing is unpacked before its shape is known to be what is wanted.
#ifndef CORSAC_LEARNER_STORAGE_NPZ_H
#define CORSAC_LEARNER_STORAGE_NPZ_H

#include "common/base/memory.h"
#include <stdbool.h>
#include <stdint.h>

struct npz {
  const char *path;
  struct buffer file;        // the whole of it
  size_t directory, entries; // of the zip: where its list begins, how many are in it
  size_t directory_size;     // writing: directory.size
  struct buffer list;        // writing: the list, as it will stand at the end
};

enum npz_type { NPZ_FLOAT, NPZ_DOUBLE, NPZ_U64, NPZ_TEXT };

enum status npz_open(struct npz *npz, const char *path, struct error *error); // release afterwards, on failure too
void npz_release(struct npz *npz);
bool npz_has(const struct npz *npz, const char *name);
// Dimensions of an array (at most 2), 1 where it has none.
enum status npz_shape(const struct npz *npz, const char *name, uint64_t dim[2], struct error *error);
// An array (rows) where columns is 0, or (rows x columns); anything of another shape is an error that says both.
// NPZ_U64: a number that is negative or no integer is one too.
enum status npz_read(const struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                     void *data, struct error *error);
enum status npz_read_text(const struct npz *npz, const char *name, char *text, size_t size, struct error *error);

void npz_begin(struct npz *npz);
// Rank 2 where columns > 0, rank 1 where only rows > 0, else a scalar. NPZ_TEXT: data is a string, the array a scalar.
enum status npz_add(struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                    const void *data, struct error *error);
enum status npz_end(struct npz *npz, struct error *error); // npz->file is the file then
#endif
