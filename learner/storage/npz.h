// NumPy's .npz: a zip file of .npy arrays. Reading takes stored and deflated arrays of little-endian float32, float64,
// integers of any width and sign, and bool; anything else is refused. Writing stores, which every reader takes. Nothing
// read from a file is trusted before its size is checked, and no array is unpacked before its shape has been checked.
#ifndef CORSAC_LEARNER_STORAGE_NPZ_H
#define CORSAC_LEARNER_STORAGE_NPZ_H

#include "common/base/memory.h"
#include <stdbool.h>
#include <stdint.h>

struct npz {
  const char *path;
  struct buffer file;        // all of its bytes
  size_t directory, entries; // of the zip: where its list begins, how many files are in it
  size_t directory_size;
  struct buffer list; // writing: the list that will follow the arrays
};

enum npz_type { NPZ_FLOAT, NPZ_DOUBLE, NPZ_U64, NPZ_TEXT };

// Reads the file and checks its list. Release afterwards, on failure too.
enum status npz_open(struct npz *npz, const char *path, struct error *error);
void npz_release(struct npz *npz);
bool npz_has(const struct npz *npz, const char *name);
// The dimensions of an array (at most 2), 1 where it has none.
enum status npz_shape(const struct npz *npz, const char *name, uint64_t dim[2], struct error *error);
// Reads an array (rows) where columns is 0, or (rows x columns). Another shape is an error that names both; NPZ_U64:
// so is a number that is negative or no integer.
enum status npz_read(const struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                     void *data, struct error *error);
// Reads a single text into `text` (size bytes); a character that is not ASCII becomes '?'.
enum status npz_read_text(const struct npz *npz, const char *name, char *text, size_t size, struct error *error);

void npz_begin(struct npz *npz);
// Adds an array of rank 2 where columns > 0, of rank 1 where only rows > 0, else a scalar. NPZ_TEXT: data is a string,
// the array a scalar.
enum status npz_add(struct npz *npz, const char *name, enum npz_type type, uint64_t rows, uint64_t columns,
                    const void *data, struct error *error);
// Completes the bytes of the file, npz->file.
enum status npz_end(struct npz *npz, struct error *error);
#endif
