// What a checkpoint needs of HDF5, checked. A layout is walked in three ways: the same calls write a new file, read one
// back, or verify one, which is reading without keeping. The first failure stays in `status` and every later call does
// nothing, so a walk is checked once, at its end.
//
// The status of a failed read says what is at fault. STATUS_FORMAT: the file is damaged. STATUS_MISMATCH: it is of
// another version or does not fit this configuration. STATUS_IO: it could not be read now (no permission, in use by
// another program, an error of the disk), which says nothing about what it holds; STATUS_MEMORY likewise.
//
// New files have checksums throughout: HDF5's newest format for the metadata, chunks with fletcher32 for every dataset.
#ifndef CORSAC_LEARNER_STORAGE_H5_H
#define CORSAC_LEARNER_STORAGE_H5_H

#include "common/base/status.h"
#include "learner/storage/atomic_file.h"
#include "learner/storage/h5_output.h"
#include <hdf5.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { H5_NAME = 256 };

// The allowed values of a floating-point array; low > high: any.
struct h5_range {
  double low, high;
};

struct h5 {
  bool writing;
  bool verifying;     // reading: arrays with nowhere to go (data NULL) are read and checked all the same
  bool foreign;       // reading: another program's file; its arrays need no checksum, its numbers may be of any size
  enum status status; // the first failure
  struct error *error;
  char path[ATOMIC_FILE_PATH], temporary[ATOMIC_FILE_PATH];
  char name[H5_NAME];         // h5_name's
  const char *hint;           // the option behind a shape: "hidden: fixed on resume"; "" for nothing to say
  struct h5_range range;      // of floating-point arrays from here on, in reading and in writing
  uint64_t bytes;             // reading: the file's size
  struct h5_output output;    // writing: the file itself
  const atomic_bool *abandon; // writing: true makes the walk fail with STATUS_STOPPED; may be NULL
  hid_t file;                 // H5I_INVALID_HID where there is none
  hid_t links, layout;        // writing: property lists that make groups on the way, and chunks with checksums
  H5E_auto2_t print;          // how the program handles HDF5's errors, restored at the end
  void *print_data;
  unsigned plugins; // whether HDF5 may load filters from files, restored at the end
};

extern const struct h5_range H5_ANYTHING, H5_FINITE, H5_NOT_NEGATIVE;

// --- files ---

// Begins a new file. It has a temporary name until h5_commit, which must follow, also after a failure.
enum status h5_create(struct h5 *h5, const char *path, struct error *error);
// Puts the file in place whole or, after any failure, removes it. Returns the status of the walk.
enum status h5_commit(struct h5 *h5);
// Opens a file for reading; h5_close must follow, also after a failure. Waits up to 2 s for a file that another program
// has open for writing, as HDF5's lock on it or its mark in it says; after that the status is STATUS_IO. A file that
// others only read is opened at once.
enum status h5_open(struct h5 *h5, const char *path, struct error *error);
// Returns the status of the walk.
enum status h5_close(struct h5 *h5);

// Fails the walk with "path: message", unless it has failed already.
void h5_fail(struct h5 *h5, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

// --- names ---

// Formats a name for the next call, without a leading '/'.
const char *h5_name(struct h5 *h5, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Writing: makes an empty group. Datasets make the groups that they lie in.
void h5_group(struct h5 *h5, const char *name);

// Reading: whether there is such an object; false after a failure. A link on the way that leads elsewhere is a failure.
bool h5_has(struct h5 *h5, const char *name);
// Reading: fails if there is such an object.
void h5_absent(struct h5 *h5, const char *name);
// Reading: a dataset's first dimension; 0 after a failure.
uint64_t h5_rows(struct h5 *h5, const char *name);
// Reading: the elements of the datasets below a group that count: `counts` gets each one's name within the group.
uint64_t h5_reals(struct h5 *h5, const char *name, bool (*counts)(const char *dataset));
// Reading: the number of objects in the root.
uint64_t h5_members(struct h5 *h5);

// --- values ---

enum h5_kind { H5_KIND_FLOAT, H5_KIND_DOUBLE, H5_KIND_U64, H5_KIND_U32, H5_KIND_U8 };
// Walks a dataset of rank 1 (columns 0: rows) or 2 (rows x columns). Reading checks shape and type before it reads
// anything; with data NULL it checks no more than that, unless it verifies.
void h5_values(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t rows, uint64_t columns, void *data);
// Datasets of one element; value NULL: as above.
void h5_u64(struct h5 *h5, const char *name, uint64_t *value);
void h5_u32(struct h5 *h5, const char *name, uint32_t *value);
void h5_double(struct h5 *h5, const char *name, double *value);
// A number that counts up; it must be below 2^60, which no count reaches.
void h5_count(struct h5 *h5, const char *name, uint64_t *value);
// 0 or 1 in one byte; value is not NULL.
void h5_flag(struct h5 *h5, const char *name, bool *value);
// One string of fixed length; reading allocates *text (memory_free).
void h5_text(struct h5 *h5, const char *name, char **text);

// Attributes of an object ("/" is the root). Reading fails on a value above `limit`, and on a text that needs more than
// `size` bytes with its terminator.
bool h5_has_attribute(struct h5 *h5, const char *object, const char *name);
void h5_attribute(struct h5 *h5, const char *object, const char *name, uint64_t *value, uint64_t limit);
// A finite float64.
void h5_attribute_double(struct h5 *h5, const char *object, const char *name, double *value);
void h5_attribute_text(struct h5 *h5, const char *object, const char *name, char *text, size_t size);

// --- for callers of HDF5 itself ---

// Fails the walk with "path: /name what: " and HDF5's reason for its last failure; name NULL: of the whole file.
void h5_fail_library(struct h5 *h5, const char *name, const char *what);
// Closes a handle (negative: none) with the function for its kind, and fails the walk if that fails.
void h5_done(struct h5 *h5, hid_t handle, herr_t (*close)(hid_t));
// Writing: fails the walk if a write has failed, which HDF5 is not told (h5_output.h), or if it is abandoned. To be
// called after every object.
void h5_check_output(struct h5 *h5, const char *name);
#endif
