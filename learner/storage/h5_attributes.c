// The attributes of objects, and texts.
#include "learner/storage/h5.h"

#include "common/base/memory.h"
#include "common/base/printable.h"
#include "learner/storage/h5_dataset.h"
#include "learner/storage/h5_guard.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_LIMIT = 1 << 20 };

// --- the type of a text ---

// The type of a text of `size` bytes with its terminator. Negative: failed.
static hid_t make_text_type(struct h5 *h5, size_t size) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && H5Tset_size(type, size) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) return type;
  h5_done(h5, type, H5Tclose);
  return H5I_INVALID_HID;
}

// The bytes of such a type; 0: it is another type, or larger than `limit`.
static size_t text_size(hid_t type, size_t limit) {
  if (type < 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0) return 0;
  const size_t size = H5Tget_size(type);
  return size <= limit ? size : 0;
}

// --- attributes ---

bool h5_has_attribute(struct h5 *h5, const char *object, const char *name) {
  if (h5->status != STATUS_OK || (strcmp(object, "/") != 0 && !h5_has(h5, object))) return false;
  const htri_t there = H5Aexists_by_name(h5->file, object, name, H5P_DEFAULT);
  if (there < 0) h5_fail_library(h5, name, " cannot be looked up");
  return there > 0;
}

static void write_attribute(struct h5 *h5, const char *object, const char *name, hid_t in_file, hid_t in_memory,
                            const void *value) {
  const hid_t space = H5Screate(H5S_SCALAR), owner = H5Oopen(h5->file, object, H5P_DEFAULT);
  const hid_t attribute = owner >= 0 ? H5Acreate2(owner, name, in_file, space, H5P_DEFAULT, H5P_DEFAULT) : owner;
  if (attribute < 0 || H5Awrite(attribute, in_memory, value) < 0) h5_fail_library(h5, name, " cannot be written");
  h5_done(h5, attribute, H5Aclose);
  h5_done(h5, owner, H5Oclose);
  h5_done(h5, space, H5Sclose);
}

// Opens an attribute that must be there and have one element.
static hid_t open_attribute(struct h5 *h5, const char *object, const char *name) {
  if (!h5_has_attribute(h5, object, name)) {
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is missing", name, object);
    return H5I_INVALID_HID;
  }
  const hid_t attribute = H5Aopen_by_name(h5->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = attribute >= 0 ? H5Aget_space(attribute) : H5I_INVALID_HID;
  if (space < 0)
    h5_fail_library(h5, name, " cannot be read");
  else if (H5Sget_simple_extent_npoints(space) != 1)
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is not one value", name, object);
  h5_done(h5, space, H5Sclose);
  if (h5->status == STATUS_OK) return attribute;
  h5_done(h5, attribute, H5Aclose);
  return H5I_INVALID_HID;
}

void h5_attribute(struct h5 *h5, const char *object, const char *name, uint64_t *value, uint64_t limit) {
  if (h5->status != STATUS_OK) return;
  if (h5->writing) {
    write_attribute(h5, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, value);
    return;
  }
  const hid_t attribute = open_attribute(h5, object, name);
  if (attribute < 0) return;
  const hid_t type = H5Aget_type(attribute);
  uint64_t read = 0;
  if (H5Tget_class(type) != H5T_INTEGER)
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is no integer", name, object);
  else if (!h5->foreign && H5Tequal(type, H5T_STD_U64LE) <= 0)
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is an integer of another size, sign or byte order than uint64", name,
            object);
  else if (H5Aread(attribute, H5T_NATIVE_UINT64, &read) < 0)
    h5_fail_library(h5, name, " cannot be read");
  else if (read > limit)
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is %llu, at most %llu make sense", name, object,
            (unsigned long long)read, (unsigned long long)limit);
  else
    *value = read;
  h5_done(h5, type, H5Tclose);
  h5_done(h5, attribute, H5Aclose);
}

void h5_attribute_double(struct h5 *h5, const char *object, const char *name, double *value) {
  if (h5->status != STATUS_OK) return;
  if (h5->writing) {
    if (!isfinite(*value)) h5_fail(h5, STATUS_FAILED, "attribute %s of %s is %g", name, object, *value);
    if (h5->status == STATUS_OK) write_attribute(h5, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, value);
    return;
  }
  const hid_t attribute = open_attribute(h5, object, name);
  if (attribute < 0) return;
  const hid_t type = H5Aget_type(attribute);
  double read = 0;
  if (H5Tequal(type, H5T_IEEE_F64LE) <= 0)
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is no float64", name, object);
  else if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &read) < 0)
    h5_fail_library(h5, name, " cannot be read");
  else if (!isfinite(read))
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is %g", name, object, read);
  else
    *value = read;
  h5_done(h5, type, H5Tclose);
  h5_done(h5, attribute, H5Aclose);
}

static void write_text_attribute(struct h5 *h5, const char *object, const char *name, const char *text) {
  const hid_t type = make_text_type(h5, strlen(text) + 1);
  if (type < 0)
    h5_fail_library(h5, name, " cannot be written");
  else
    write_attribute(h5, object, name, type, type, text);
  h5_done(h5, type, H5Tclose);
}

static bool is_printable(const char *text) {
  for (size_t length; *text; text += length)
    if ((length = printable_length(text)) == 0) return false;
  return true;
}

void h5_attribute_text(struct h5 *h5, const char *object, const char *name, char *text, size_t size) {
  if (h5->status != STATUS_OK) return;
  if (h5->writing) {
    write_text_attribute(h5, object, name, text);
    return;
  }
  const hid_t attribute = open_attribute(h5, object, name);
  if (attribute < 0) return;
  const hid_t type = H5Aget_type(attribute);
  memset(text, 0, size);
  if (text_size(type, size) == 0)
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is no text of at most %zu bytes", name, object, size - 1);
  else if (H5Aread(attribute, type, text) < 0)
    h5_fail_library(h5, name, " cannot be read");
  text[size - 1] = 0;
  if (!is_printable(text))
    h5_fail(h5, STATUS_FORMAT, "attribute %s of %s is no printable text: %s", name, object, text);
  h5_done(h5, type, H5Tclose);
  h5_done(h5, attribute, H5Aclose);
}

// --- texts ---

static void write_text(struct h5 *h5, const char *name, const char *text) {
  const hid_t type = make_text_type(h5, strlen(text) + 1);
  hid_t dataset = H5I_INVALID_HID;
  if (type < 0)
    h5_fail_library(h5, name, " cannot be written");
  else
    dataset = h5_dataset_create(h5, name, type, h5_shape_of(1, 0), 1);
  if (dataset >= 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
    h5_fail_library(h5, name, " cannot be written");
  h5_dataset_close(h5, dataset, name);
  h5_done(h5, type, H5Tclose);
}

static void read_text(struct h5 *h5, const char *name, char **text) {
  const hid_t dataset = h5_dataset_open(h5, name, H5T_STRING, H5I_INVALID_HID, h5_shape_of(1, 0));
  if (dataset < 0) return;
  const hid_t type = H5Dget_type(dataset);
  const size_t size = text_size(type, TEXT_LIMIT);
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
