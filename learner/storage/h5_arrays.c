#define H5_USE_110_API // later versions keep these calls under their names of 1.10
#include "learner/storage/h5.h"

#include "common/base/memory.h"
#include "learner/storage/h5_dataset.h"
#include "learner/storage/h5_guard.h"

#include <stdio.h>

static const uint64_t COUNT_LIMIT = 1ull << 60;

// --- arrays ---

static hid_t memory_type(enum h5_kind kind) {
  switch (kind) {
  case H5_KIND_FLOAT: return H5T_NATIVE_FLOAT;
  case H5_KIND_DOUBLE: return H5T_NATIVE_DOUBLE;
  case H5_KIND_U64: return H5T_NATIVE_UINT64;
  case H5_KIND_U32: return H5T_NATIVE_UINT32;
  case H5_KIND_U8: return H5T_NATIVE_UINT8;
  }
  return H5I_INVALID_HID;
}

static hid_t file_type(enum h5_kind kind) {
  switch (kind) {
  case H5_KIND_FLOAT: return H5T_IEEE_F32LE;
  case H5_KIND_DOUBLE: return H5T_IEEE_F64LE;
  case H5_KIND_U64: return H5T_STD_U64LE;
  case H5_KIND_U32: return H5T_STD_U32LE;
  case H5_KIND_U8: return H5T_STD_U8LE;
  }
  return H5I_INVALID_HID;
}

// Reads a dataset chunk by chunk without keeping it: HDF5 compares the checksums, and the numbers are checked.
static void read_through(struct h5 *h5, hid_t dataset, const char *name, enum h5_kind kind, struct h5_shape shape) {
  const hid_t type = memory_type(kind), space = H5Dget_space(dataset);
  const uint64_t rows = shape.dim[0], width = shape.rank == 2 ? shape.dim[1] : 1;
  const uint64_t row_bytes = width * H5Tget_size(type), chunk = h5_chunk_rows(rows, row_bytes);
  void *bytes = memory_alloc(chunk, row_bytes, "a chunk of a checkpoint", h5->error);
  if (!bytes) h5->status = STATUS_MEMORY;
  for (uint64_t row = 0; row < rows && h5->status == STATUS_OK; row += shape.dim[0]) {
    const hsize_t start[2] = {row, 0};
    shape.dim[0] = rows - row < chunk ? rows - row : chunk;
    const hid_t memory = H5Screate_simple(shape.rank, shape.dim, NULL);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, shape.dim, NULL) < 0 ||
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, bytes) < 0)
      h5_fail_library(h5, name, " cannot be read");
    else
      h5_check_numbers(h5, name, kind, row * width, shape.dim[0] * width, bytes);
    h5_done(h5, memory, H5Sclose);
  }
  h5_done(h5, space, H5Sclose);
  memory_free(bytes);
}

static void write_values(struct h5 *h5, const char *name, enum h5_kind kind, struct h5_shape shape, const void *data) {
  const uint64_t count = shape.dim[0] * (shape.rank == 2 ? shape.dim[1] : 1);
  h5_check_numbers(h5, name, kind, 0, count, data);
  if (h5->status != STATUS_OK) return;
  const hid_t type = file_type(kind);
  const uint64_t row_bytes = H5Tget_size(type) * (shape.rank == 2 ? shape.dim[1] : 1);
  const hid_t dataset = h5_dataset_create(h5, name, type, shape, h5_chunk_rows(shape.dim[0], row_bytes));
  if (dataset >= 0 && count > 0 && H5Dwrite(dataset, memory_type(kind), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
    h5_fail_library(h5, name, " cannot be written");
  h5_dataset_close(h5, dataset, name);
}

static void read_values(struct h5 *h5, const char *name, enum h5_kind kind, struct h5_shape shape, void *data) {
  const hid_t type = memory_type(kind);
  const uint64_t count = shape.dim[0] * (shape.rank == 2 ? shape.dim[1] : 1);
  const hid_t dataset = h5_dataset_open(h5, name, H5Tget_class(type), file_type(kind), shape);
  if (dataset >= 0 && (data || h5->verifying)) h5_guard_chunks(h5, dataset, name);
  if (h5->status == STATUS_OK && count > 0 && data) {
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) h5_fail_library(h5, name, " cannot be read");
    if (h5->status == STATUS_OK) h5_check_numbers(h5, name, kind, 0, count, data);
  } else if (h5->status == STATUS_OK && count > 0 && h5->verifying) {
    read_through(h5, dataset, name, kind, shape);
  }
  h5_dataset_close(h5, dataset, name);
}

void h5_values(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t rows, uint64_t columns, void *data) {
  if (h5->status != STATUS_OK) return;
  if (h5->writing)
    write_values(h5, name, kind, h5_shape_of(rows, columns), data);
  else
    read_values(h5, name, kind, h5_shape_of(rows, columns), data);
}

void h5_u64(struct h5 *h5, const char *name, uint64_t *value) { h5_values(h5, name, H5_KIND_U64, 1, 0, value); }
void h5_u32(struct h5 *h5, const char *name, uint32_t *value) { h5_values(h5, name, H5_KIND_U32, 1, 0, value); }
void h5_double(struct h5 *h5, const char *name, double *value) { h5_values(h5, name, H5_KIND_DOUBLE, 1, 0, value); }

void h5_count(struct h5 *h5, const char *name, uint64_t *value) {
  uint64_t count = value ? *value : 0;
  h5_u64(h5, name, &count);
  if (h5->status == STATUS_OK && count >= COUNT_LIMIT)
    h5_fail(h5, STATUS_FORMAT, "/%s is %llu, more than can be counted", name, (unsigned long long)count);
  if (value && !h5->writing && h5->status == STATUS_OK) *value = count;
}

void h5_flag(struct h5 *h5, const char *name, bool *value) {
  uint8_t byte = *value;
  h5_values(h5, name, H5_KIND_U8, 1, 0, &byte);
  if (byte > 1) h5_fail(h5, STATUS_FORMAT, "/%s is %u, it must be 0 or 1", name, byte);
  if (!h5->writing && h5->status == STATUS_OK) *value = byte;
}

// --- sizes ---

uint64_t h5_members(struct h5 *h5) {
  H5G_info_t info = {.nlinks = 0};
  if (h5->status == STATUS_OK && H5Gget_info(h5->file, &info) < 0) h5_fail_library(h5, "/", " cannot be looked up");
  return info.nlinks;
}

struct count {
  struct h5 *h5;
  const char *group;
  bool (*counts)(const char *dataset);
  uint64_t elements;
};

static herr_t count_dataset(hid_t group, const char *name, const H5O_info_t *info, void *data) {
  struct count *count = data;
  char path[H5_NAME];
  (void)group;
  if (info->type != H5O_TYPE_DATASET || !count->counts(name)) return 0;
  snprintf(path, sizeof path, "%s/%s", count->group, name);
  const hid_t dataset = h5_guard_open(count->h5, path);
  const hid_t space = dataset >= 0 ? H5Dget_space(dataset) : H5I_INVALID_HID;
  const hssize_t elements = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
  count->elements += elements > 0 ? (uint64_t)elements : 0;
  h5_done(count->h5, space, H5Sclose);
  h5_done(count->h5, dataset, H5Dclose);
  return count->h5->status == STATUS_OK ? 0 : -1;
}

uint64_t h5_reals(struct h5 *h5, const char *name, bool (*counts)(const char *dataset)) {
  struct count count = {h5, name, counts, 0};
  if (!h5_has(h5, name)) {
    h5_fail(h5, STATUS_FORMAT, "/%s is missing", name);
    return 0;
  }
  const hid_t group = H5Oopen(h5->file, name, H5P_DEFAULT);
  if (group < 0 || H5Ovisit(group, H5_INDEX_NAME, H5_ITER_NATIVE, count_dataset, &count) < 0)
    h5_fail_library(h5, name, " cannot be looked up");
  h5_done(h5, group, H5Oclose);
  return count.elements;
}
