// What a checkpoint needs of HDF5, checked. A layout is walked in three ways: the same calls write a new file, read one
// back, or verify one, which is reading without keeping. The first failure stays in `status` and every later call does
// nothing, so a walk is checked once, at its end.
//
// What a read fails with says whose fault it is. STATUS_FORMAT: the file is damaged. STATUS_MISMATCH: it is of another
// version or does not fit this configuration. STATUS_IO: it could not be read now (no permission, in use by another
// program, an error of the disk), which says nothing about what it holds; STATUS_MEMORY likewise.
//
// New files have checksums throughout: HDF5's newest format for the metadata, chunks with fletcher32 for every dataset.
#ifndef CORSAC_LEARNER_STORAGE_H5_H
#define CORSAC_LEARNER_STORAGE_H5_H

#include "common/base/status.h"
#include "learner/storage/h5_output.h"
#include "learner/storage/atomic_file.h"
#include <hdf5.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { H5_NAME = 256 };

// What the numbers of an array may be; low > high: anything.
struct h5_range {
  double low, high;
};

struct h5 {
  bool writing;
  bool verifying;     // reading: arrays without a place to go to (data NULL) are read and checked all the same
  bool foreign;       // reading: no file of ours, so arrays need no checksum, and numbers may be of any size
  enum status status; // the first failure
  struct error *error;
  char path[ATOMIC_FILE_PATH], temporary[ATOMIC_FILE_PATH];
  char name[H5_NAME];    // h5_name's
  const char *hint;      // what a shape that does not fit comes from: "hidden: fixed on resume"; "" for nothing to say
  struct h5_range range; // of floating-point arrays from here on; what is outside fails the walk, also when writing
  uint64_t bytes;        // reading: of the file
  struct checkpoint_output output; // writing: the file below
  const atomic_bool *abandon;      // writing: set by another thread to have the file given up; NULL: nobody may
  hid_t file;                      // H5I_INVALID_HID where there is none
  hid_t links, layout;             // writing: make groups on the way; chunks with checksums
  H5E_auto2_t print;               // the program's own way with HDF5's errors, put back at the end
  void *print_data;
  unsigned plugins; // ... and with code that its filters may load: none while a file of ours is open
};

extern const struct h5_range H5_ANYTHING, H5_FINITE, H5_NOT_NEGATIVE;

// A new file. It stands under a temporary name until h5_commit, which must follow whatever happens between.
enum status h5_create(struct h5 *h5, const char *path, struct error *error);
// Whole and in place, or (after any failure, this one's included) removed.
enum status h5_commit(struct h5 *h5);
// h5_close must follow, on failure too; it returns h5->status. A file that another program has open for writing, as
// HDF5's lock on it or its mark in it says, is waited for, for 2 s; then it is STATUS_IO: in use, not damaged. A file
// that others only read is read.
enum status h5_open(struct h5 *h5, const char *path, struct error *error);
enum status h5_close(struct h5 *h5);
// Fails the walk with "path: message", unless it has failed already.
void h5_fail(struct h5 *h5, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The same with what HDF5 says about its last call; name NULL: of the whole file.
void h5_fail_library(struct h5 *h5, const char *name, const char *what);

// A name for the next call; without a leading '/'.
const char *h5_name(struct h5 *h5, const char *format, ...) __attribute__((format(printf, 2, 3)));
void h5_group(struct h5 *h5, const char *name);     // writing: makes an empty group; datasets make their own
bool h5_has(struct h5 *h5, const char *name);       // reading; false after a failure, which a link is (h5_guard.h)
void h5_absent(struct h5 *h5, const char *name);    // reading: fails if it is there
uint64_t h5_rows(struct h5 *h5, const char *name);  // reading: a dataset's first dimension; 0 after a failure
uint64_t h5_reals(struct h5 *h5, const char *name); // reading: elements of all datasets below a group
uint64_t h5_members(struct h5 *h5);                 // reading: what the root holds

enum h5_kind { H5_KIND_FLOAT, H5_KIND_DOUBLE, H5_KIND_U64, H5_KIND_U32, H5_KIND_U8 };
// A dataset of rank 1 (columns 0: rows) or 2 (rows x columns). Reading: fails unless it is there in this shape and
// type, before anything is read; data NULL: only checks that, unless verifying.
void h5_values(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t rows, uint64_t columns, void *data);
// Datasets of one element; value NULL: as above. A count is below 2^60, which nothing that counts up reaches.
void h5_count(struct h5 *h5, const char *name, uint64_t *value);
void h5_u64(struct h5 *h5, const char *name, uint64_t *value);
void h5_u32(struct h5 *h5, const char *name, uint32_t *value);
void h5_double(struct h5 *h5, const char *name, double *value);
void h5_flag(struct h5 *h5, const char *name, bool *value);
// One string of fixed length; reading allocates *text (memory_free).
void h5_text(struct h5 *h5, const char *name, char **text);

// The type of a text of `size` bytes with its terminator; negative: failed. The bytes of such a type; 0: it is none, or
// larger than limit.
hid_t h5_text_type(struct h5 *h5, size_t size);
size_t h5_text_size(hid_t type, size_t limit);

// --- for what walks datasets itself: h5_table.h ---

// A dataset's shape; rank 1 where `columns` is 0.
struct h5_shape {
  int rank;
  hsize_t dim[2];
};
struct h5_shape h5_shape_of(uint64_t rows, uint64_t columns);
// Rows of about a MiB, and at most `rows`: what is written, read and checked at once.
uint64_t h5_piece_rows(uint64_t rows, uint64_t row_bytes);
// A new dataset in chunks of `chunk` rows; one that is there as it should be (`exact`, its type, negative: any of the
// class). H5I_INVALID_HID: failed.
hid_t h5_dataset_create(struct h5 *h5, const char *name, hid_t type, struct h5_shape shape, uint64_t chunk);
hid_t h5_dataset_open(struct h5 *h5, const char *name, H5T_class_t class, hid_t exact, struct h5_shape needed);
void h5_dataset_close(struct h5 *h5, hid_t dataset, const char *name); // and looks for failed writes
// Numbers [first, first + count) of an array, against h5->range.
void h5_check_floats(struct h5 *h5, const char *name, uint64_t first, uint64_t count, const float *values);
// Closes any other handle with the function for its kind; a negative one is none. A close that fails fails the walk.
void h5_done(struct h5 *h5, hid_t handle, herr_t (*close)(hid_t));
// A write that failed is not HDF5's to know, so it is asked for here: after every object.
void h5_check_output(struct h5 *h5, const char *name);

// Attributes of an object ("/" is the root). Reading fails above the limit, or where the text (with its terminator) is
// larger than size.
bool h5_has_attribute(struct h5 *h5, const char *object, const char *name);
void h5_attribute(struct h5 *h5, const char *object, const char *name, uint64_t *value, uint64_t limit);
void h5_attribute_text(struct h5 *h5, const char *object, const char *name, char *text, size_t size);
#endif
