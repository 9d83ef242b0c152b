#define H5_USE_110_API // later versions keep these calls under their names of 1.10
#include "learner/storage/h5_guard.h"
#include "learner/storage/h5.h"

#include "common/base/memory.h"
#include "common/base/vectorize.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_BYTES = 1 << 20, TEXT_LIMIT = 1 << 20 };
static const uint64_t COUNT_LIMIT = 1ull << 60;
const struct h5_range H5_ANYTHING = {1, 0}, H5_FINITE = {-DBL_MAX, DBL_MAX}, H5_NOT_NEGATIVE = {0, DBL_MAX};

// A file that is verified is held against its own configuration: what does not fit that is damage.
static enum status misfit(const struct h5 *h5) { return h5->verifying ? STATUS_FORMAT : STATUS_MISMATCH; }
static const char *whose(const struct h5 *h5) { return h5->verifying ? "its configuration" : "this configuration"; }

// " (hidden: fixed on resume)"
static const char *hint(const struct h5 *h5, char *text, size_t size) {
  const bool has = *h5->hint && !h5->verifying;
  snprintf(text, size, has ? " (%s)" : "%s", has ? h5->hint : "");
  return text;
}

void h5_absent(struct h5 *h5, const char *name) {
  char reason[128];
  if (h5->writing || !h5_has(h5, name)) return;
  h5_fail(h5, misfit(h5), "/%s is there, %s has none%s", name, whose(h5), hint(h5, reason, sizeof reason));
}

// --- datasets ---

static const char *spell(struct h5_shape shape, char *text, size_t size) {
  if (shape.rank == 1)
    snprintf(text, size, "%llu", (unsigned long long)shape.dim[0]);
  else if (shape.rank == 2)
    snprintf(text, size, "%llux%llu", (unsigned long long)shape.dim[0], (unsigned long long)shape.dim[1]);
  else
    snprintf(text, size, "of rank %d", shape.rank);
  return text;
}

struct h5_shape h5_shape_of(uint64_t rows, uint64_t columns) {
  return (struct h5_shape){columns ? 2 : 1, {rows, columns}};
}

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

uint64_t h5_piece_rows(uint64_t rows, uint64_t row_bytes) {
  const uint64_t fit = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / row_bytes : 1;
  return rows == 0 ? 1 : rows < fit ? rows : fit;
}

// A dataset without rows may grow to one, since no chunk is larger than what a dataset may grow to.
hid_t h5_dataset_create(struct h5 *h5, const char *name, hid_t type, struct h5_shape shape, uint64_t chunk_rows) {
  const hsize_t chunk[2] = {chunk_rows, shape.dim[1]};
  const hsize_t most[2] = {shape.dim[0] ? shape.dim[0] : 1, shape.dim[1]};
  const hid_t space = H5Screate_simple(shape.rank, shape.dim, most);
  hid_t dataset = H5I_INVALID_HID;
  if (space >= 0 && H5Pset_chunk(h5->layout, shape.rank, chunk) >= 0)
    dataset = H5Dcreate2(h5->file, name, type, space, h5->links, h5->layout, H5P_DEFAULT);
  if (dataset < 0) h5_fail_library(h5, name, " cannot be written");
  h5_done(h5, space, H5Sclose);
  return dataset;
}

static hid_t create_dataset(struct h5 *h5, const char *name, hid_t type, struct h5_shape shape) {
  const uint64_t row = H5Tget_size(type) * (shape.rank == 2 ? shape.dim[1] : 1);
  return h5_dataset_create(h5, name, type, shape, h5_piece_rows(shape.dim[0], row));
}

static struct h5_shape dataset_shape(struct h5 *h5, hid_t dataset) {
  struct h5_shape shape = {-1, {0, 0}};
  const hid_t space = H5Dget_space(dataset);
  if (space >= 0) shape.rank = H5Sget_simple_extent_ndims(space);
  if ((shape.rank == 1 || shape.rank == 2) && H5Sget_simple_extent_dims(space, shape.dim, NULL) < 0) shape.rank = -1;
  h5_done(h5, space, H5Sclose);
  return shape;
}

static void check_type(struct h5 *h5, hid_t dataset, const char *name, H5T_class_t class, hid_t exact) {
  const hid_t type = H5Dget_type(dataset);
  const char *kind = class == H5T_FLOAT ? "floating-point numbers" : class == H5T_INTEGER ? "integers" : "text";
  if (type < 0)
    h5_fail_library(h5, name, " cannot be looked up");
  else if (H5Tget_class(type) != class)
    h5_fail(h5, STATUS_FORMAT, "/%s holds no %s", name, kind);
  else if (exact >= 0 && !h5->foreign && H5Tequal(type, exact) <= 0)
    h5_fail(h5, STATUS_FORMAT, "/%s holds %s of another size, sign or byte order than the %zu bytes it must have", name,
            kind, H5Tget_size(exact));
  h5_done(h5, type, H5Tclose);
}

// The dataset, if it is there as it should be.
hid_t h5_dataset_open(struct h5 *h5, const char *name, H5T_class_t class, hid_t exact, struct h5_shape needed) {
  char is[64], needs[64], reason[128];
  spell(needed, needs, sizeof needs);
  hint(h5, reason, sizeof reason);
  if (!h5_has(h5, name)) {
    h5_fail(h5, *h5->hint ? misfit(h5) : STATUS_FORMAT, "/%s is missing, %s needs %s%s", name, whose(h5), needs,
            reason);
    return H5I_INVALID_HID;
  }
  const hid_t dataset = h5_guard_open(h5, name);
  if (dataset < 0) return dataset;
  check_type(h5, dataset, name, class, exact);
  const struct h5_shape shape = dataset_shape(h5, dataset);
  if (shape.rank != needed.rank || shape.dim[0] != needed.dim[0] || (shape.rank == 2 && shape.dim[1] != needed.dim[1]))
    h5_fail(h5, misfit(h5), "/%s is %s, %s needs %s%s", name, spell(shape, is, sizeof is), whose(h5), needs, reason);
  if (h5->status == STATUS_OK) return dataset;
  h5_done(h5, dataset, H5Dclose);
  return H5I_INVALID_HID;
}

void h5_dataset_close(struct h5 *h5, hid_t dataset, const char *name) {
  if (dataset >= 0 && H5Dclose(dataset) < 0) h5_fail_library(h5, name, " cannot be closed");
  h5_check_output(h5, name);
}

// --- numbers ---

static void fail_range(struct h5 *h5, const char *name, uint64_t number, double value) {
  const struct h5_range range = h5->range;
  if (range.low >= -FLT_MAX && range.high <= FLT_MAX)
    h5_fail(h5, STATUS_FORMAT, "/%s: number %llu is %g; it must be from %g to %g", name, (unsigned long long)number,
            value, range.low, range.high);
  else
    h5_fail(h5, STATUS_FORMAT, "/%s: number %llu is %g; it must be finite%s", name, (unsigned long long)number, value,
            range.low >= 0 ? " and not negative" : "");
}

VECTORIZE static bool any_outside(const float *values, uint64_t count, float low, float high) {
  unsigned outside = 0;
  for (uint64_t i = 0; i < count; i++) outside |= !(values[i] >= low && values[i] <= high); // NaN too
  return outside;
}

void h5_check_floats(struct h5 *h5, const char *name, uint64_t first, uint64_t count, const float *values) {
  const struct h5_range range = h5->range;
  const float low = range.low < -FLT_MAX ? -FLT_MAX : (float)range.low;
  const float high = range.high > FLT_MAX ? FLT_MAX : (float)range.high;
  if (range.low > range.high || !any_outside(values, count, low, high)) return;
  for (uint64_t i = 0; i < count && h5->status == STATUS_OK; i++)
    if (!(values[i] >= low && values[i] <= high)) fail_range(h5, name, first + i, (double)values[i]);
}

static void check_numbers(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t first, uint64_t count,
                          const void *data) {
  const double *values = data;
  if (kind == H5_KIND_FLOAT) h5_check_floats(h5, name, first, count, data);
  if (kind != H5_KIND_DOUBLE || h5->range.low > h5->range.high) return;
  for (uint64_t i = 0; i < count && h5->status == STATUS_OK; i++)
    if (!(values[i] >= h5->range.low && values[i] <= h5->range.high)) fail_range(h5, name, first + i, values[i]);
}

// In pieces, for the checksums and the numbers' sake.
static void read_through(struct h5 *h5, hid_t dataset, const char *name, enum h5_kind kind, struct h5_shape shape) {
  const hid_t type = memory_type(kind), space = H5Dget_space(dataset);
  const uint64_t rows = shape.dim[0], width = shape.rank == 2 ? shape.dim[1] : 1;
  const uint64_t row_bytes = width * H5Tget_size(type), piece = h5_piece_rows(rows, row_bytes);
  void *bytes = memory_alloc(piece, row_bytes, "a piece of a checkpoint", h5->error);
  if (!bytes) h5->status = STATUS_MEMORY;
  for (uint64_t row = 0; row < rows && h5->status == STATUS_OK; row += shape.dim[0]) {
    const hsize_t start[2] = {row, 0};
    shape.dim[0] = rows - row < piece ? rows - row : piece;
    const hid_t memory = H5Screate_simple(shape.rank, shape.dim, NULL);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, shape.dim, NULL) < 0 ||
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, bytes) < 0)
      h5_fail_library(h5, name, " cannot be read");
    else
      check_numbers(h5, name, kind, row * width, shape.dim[0] * width, bytes);
    h5_done(h5, memory, H5Sclose);
  }
  h5_done(h5, space, H5Sclose);
  memory_free(bytes);
}

static void write_values(struct h5 *h5, const char *name, enum h5_kind kind, struct h5_shape shape, const void *data) {
  const uint64_t count = shape.dim[0] * (shape.rank == 2 ? shape.dim[1] : 1);
  check_numbers(h5, name, kind, 0, count, data);
  if (h5->status != STATUS_OK) return;
  const hid_t dataset = create_dataset(h5, name, file_type(kind), shape);
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
    if (h5->status == STATUS_OK) check_numbers(h5, name, kind, 0, count, data);
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

uint64_t h5_rows(struct h5 *h5, const char *name) {
  const hid_t dataset = h5_guard_open(h5, name);
  if (dataset < 0) return 0;
  const struct h5_shape shape = dataset_shape(h5, dataset);
  if (shape.rank < 1) h5_fail(h5, STATUS_FORMAT, "/%s has no rows", name);
  h5_done(h5, dataset, H5Dclose);
  return shape.rank < 1 ? 0 : shape.dim[0];
}

uint64_t h5_members(struct h5 *h5) {
  H5G_info_t info = {.nlinks = 0};
  if (h5->status == STATUS_OK && H5Gget_info(h5->file, &info) < 0) h5_fail_library(h5, "/", " cannot be looked up");
  return info.nlinks;
}

struct count {
  struct h5 *h5;
  const char *group;
  uint64_t elements;
};

static herr_t count_dataset(hid_t group, const char *name, const H5O_info_t *info, void *data) {
  struct count *count = data;
  char path[H5_NAME];
  (void)group;
  if (info->type != H5O_TYPE_DATASET) return 0;
  snprintf(path, sizeof path, "%s/%s", count->group, name);
  const hid_t dataset = h5_guard_open(count->h5, path);
  const hid_t space = dataset >= 0 ? H5Dget_space(dataset) : H5I_INVALID_HID;
  const hssize_t elements = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
  count->elements += elements > 0 ? (uint64_t)elements : 0;
  h5_done(count->h5, space, H5Sclose);
  h5_done(count->h5, dataset, H5Dclose);
  return count->h5->status == STATUS_OK ? 0 : -1;
}

uint64_t h5_reals(struct h5 *h5, const char *name) {
  struct count count = {h5, name, 0};
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

// --- texts ---

static void write_text(struct h5 *h5, const char *name, const char *text) {
  const hid_t type = h5_text_type(h5, strlen(text) + 1);
  hid_t dataset = H5I_INVALID_HID;
  if (type < 0)
    h5_fail_library(h5, name, " cannot be written");
  else
    dataset = create_dataset(h5, name, type, h5_shape_of(1, 0));
  if (dataset >= 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
    h5_fail_library(h5, name, " cannot be written");
  h5_dataset_close(h5, dataset, name);
  h5_done(h5, type, H5Tclose);
}

static void read_text(struct h5 *h5, const char *name, char **text) {
  const hid_t dataset = h5_dataset_open(h5, name, H5T_STRING, H5I_INVALID_HID, h5_shape_of(1, 0));
  if (dataset < 0) return;
  const hid_t type = H5Dget_type(dataset);
  const size_t size = h5_text_size(type, TEXT_LIMIT);
  char *read = NULL;
  h5_guard_chunks(h5, dataset, name);
  if (size == 0) h5_fail(h5, STATUS_FORMAT, "/%s is no text of fixed length", name);
  if (h5->status == STATUS_OK && !(read = memory_alloc(size + 1, 1, "a checkpoint's text", h5->error)))
    h5->status = STATUS_MEMORY;
  if (h5->status == STATUS_OK && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read) < 0)
    h5_fail_library(h5, name, " cannot be read");
  if (h5->status == STATUS_OK)
    *text = read;
  else
    memory_free(read);
  h5_done(h5, type, H5Tclose);
  h5_dataset_close(h5, dataset, name);
}

void h5_text(struct h5 *h5, const char *name, char **text) {
  if (h5->status != STATUS_OK) return;
  if (h5->writing)
    write_text(h5, name, *text);
  else
    read_text(h5, name, text);
}
