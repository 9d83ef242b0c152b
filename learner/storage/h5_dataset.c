#include "learner/storage/h5_dataset.h"

#include "common/base/vectorize.h"
#include "learner/storage/h5_guard.h"

#include <float.h>
#include <stdio.h>

enum { CHUNK_BYTES = 1 << 20 };
const struct h5_range H5_ANYTHING = {1, 0}, H5_FINITE = {-DBL_MAX, DBL_MAX}, H5_NOT_NEGATIVE = {0, DBL_MAX};

// --- what does not fit the configuration ---

// Verifying compares a file with its own configuration, so a misfit is damage.
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

uint64_t h5_chunk_rows(uint64_t rows, uint64_t row_bytes) {
  const uint64_t fit = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / row_bytes : 1;
  return rows == 0 ? 1 : rows < fit ? rows : fit;
}

// An empty dataset may grow to one row, because HDF5 wants no chunk larger than the largest size of its dataset.
hid_t h5_dataset_create(struct h5 *h5, const char *name, hid_t type, struct h5_shape shape, uint64_t chunk) {
  const hsize_t chunk_dim[2] = {chunk, shape.dim[1]};
  const hsize_t most[2] = {shape.dim[0] ? shape.dim[0] : 1, shape.dim[1]};
  const hid_t space = H5Screate_simple(shape.rank, shape.dim, most);
  hid_t dataset = H5I_INVALID_HID;
  if (space >= 0 && H5Pset_chunk(h5->layout, shape.rank, chunk_dim) >= 0)
    dataset = H5Dcreate2(h5->file, name, type, space, h5->links, h5->layout, H5P_DEFAULT);
  if (dataset < 0) h5_fail_library(h5, name, " cannot be written");
  h5_done(h5, space, H5Sclose);
  return dataset;
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

uint64_t h5_rows(struct h5 *h5, const char *name) {
  const hid_t dataset = h5_guard_open(h5, name);
  if (dataset < 0) return 0;
  const struct h5_shape shape = dataset_shape(h5, dataset);
  if (shape.rank < 1) h5_fail(h5, STATUS_FORMAT, "/%s has no rows", name);
  h5_done(h5, dataset, H5Dclose);
  return shape.rank < 1 ? 0 : shape.dim[0];
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
  for (uint64_t i = 0; i < count; i++) outside |= !(values[i] >= low && values[i] <= high); // true for NaN
  return outside;
}

static void check_floats(struct h5 *h5, const char *name, uint64_t first, uint64_t count, const float *values) {
  const float low = h5->range.low < -FLT_MAX ? -FLT_MAX : (float)h5->range.low;
  const float high = h5->range.high > FLT_MAX ? FLT_MAX : (float)h5->range.high;
  if (!any_outside(values, count, low, high)) return;
  for (uint64_t i = 0; i < count && h5->status == STATUS_OK; i++)
    if (!(values[i] >= low && values[i] <= high)) fail_range(h5, name, first + i, (double)values[i]);
}

static void check_doubles(struct h5 *h5, const char *name, uint64_t first, uint64_t count, const double *values) {
  for (uint64_t i = 0; i < count && h5->status == STATUS_OK; i++)
    if (!(values[i] >= h5->range.low && values[i] <= h5->range.high)) fail_range(h5, name, first + i, values[i]);
}

void h5_check_numbers(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t first, uint64_t count,
                      const void *data) {
  if (h5->range.low > h5->range.high) return;
  if (kind == H5_KIND_FLOAT) check_floats(h5, name, first, count, data);
  if (kind == H5_KIND_DOUBLE) check_doubles(h5, name, first, count, data);
}
