#define H5_USE_110_API // later versions keep these calls under their names of 1.10
#include "learner/checkpoint_hdf5.h"

#include "common/base/file.h"
#include "common/base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20, TEXT_LIMIT = 1 << 20, METADATA_BLOCK = 1 << 16 };

// --- failures ---

void h5_fail(struct h5 *h5, enum status status, const char *format, ...) {
  char text[sizeof h5->error->text];
  if (h5->status != STATUS_OK) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  h5->status = error_set(h5->error, status, "%s: %s", h5->path, text);
}

// HDF5's errors are a stack whose innermost entry says what happened. Where the operating system refused, its words are
// quoted in there.
static herr_t take_innermost(unsigned depth, const H5E_error2_t *entry, void *data) {
  static const char before[] = "error message = '";
  char *text = data;
  if (depth > 0) return 0;
  const char *quoted = strstr(entry->desc, before);
  const char *from = quoted ? quoted + sizeof before - 1 : entry->desc;
  snprintf(text, H5_NAME, "%.*s", (int)strcspn(from, quoted ? "'" : "\n"), from);
  return 0;
}

void h5_fail_library(struct h5 *h5, const char *name, const char *what) {
  char text[H5_NAME] = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, text);
  h5_fail(h5, h5->writing ? STATUS_IO : STATUS_FORMAT, "%s%s%s: %s", name && *name != '/' ? "/" : "", name ? name : "",
          what, text);
}

// --- files ---

// Every file is closed here. The library's own cleaning up at exit has nothing to add, and after a damaged file 1.10
// complains there that it cannot end; only a call before all others keeps it away.
static void begin(struct h5 *h5, const char *path, bool writing, struct error *error) {
  (void)H5dont_atexit();
  *h5 = (struct h5){.writing = writing,
                    .error = error,
                    .hint = "",
                    .file = H5I_INVALID_HID,
                    .links = H5I_INVALID_HID,
                    .layout = H5I_INVALID_HID};
  snprintf(h5->path, sizeof h5->path, "%s", path);
  if (H5Eget_auto2(H5E_DEFAULT, &h5->print, &h5->print_data) < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0)
    h5_fail(h5, STATUS_FAILED, "HDF5 does not let its messages be turned off");
}

static void end(struct h5 *h5) {
  h5_done(h5, h5->links, H5Pclose);
  h5_done(h5, h5->layout, H5Pclose);
  if (H5Eset_auto2(H5E_DEFAULT, h5->print, h5->print_data) < 0) h5_fail_library(h5, NULL, "cannot be closed");
  h5->links = h5->layout = h5->file = H5I_INVALID_HID;
}

void h5_done(struct h5 *h5, hid_t handle, herr_t (*close)(hid_t)) {
  if (handle >= 0 && close(handle) < 0) h5_fail_library(h5, NULL, "a part of it cannot be closed");
}

// No locks: only one process writes a run directory, and network file systems often have none. No chunk cache: chunks
// are written and read whole.
static hid_t file_access(struct h5 *h5) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  bool good = access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0;
  good = good && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0;
  good = good && H5Pset_cache(access, 0, 0, 0, 1) >= 0;
  good = good && H5Pset_meta_block_size(access, METADATA_BLOCK) >= 0;
#if H5_VERSION_GE(1, 10, 7)
  good = good && H5Pset_file_locking(access, false, true) >= 0;
#endif
  if (good || access < 0) return access;
  h5_done(h5, access, H5Pclose);
  return H5I_INVALID_HID;
}

// Times of objects are left out, so that equal jobs give equal files.
static bool make_properties(struct h5 *h5) {
  h5->links = H5Pcreate(H5P_LINK_CREATE);
  h5->layout = H5Pcreate(H5P_DATASET_CREATE);
  return h5->links >= 0 && h5->layout >= 0 && H5Pset_create_intermediate_group(h5->links, 1) >= 0 &&
         H5Pset_obj_track_times(h5->layout, false) >= 0 && H5Pset_fill_time(h5->layout, H5D_FILL_TIME_NEVER) >= 0 &&
         H5Pset_fletcher32(h5->layout) >= 0;
}

void h5_check_output(struct h5 *h5, const char *name) {
  if (!h5->writing) return;
  if (h5->abandon && atomic_load_explicit(h5->abandon, memory_order_relaxed))
    h5_fail(h5, STATUS_STOPPED, "given up before it was whole");
  if (h5->output.failure)
    h5_fail(h5, STATUS_IO, "%s%s%scannot be written: %s", *name ? "/" : "", name, *name ? " " : "",
            strerror(h5->output.failure));
}

enum status h5_create(struct h5 *h5, const char *path, struct error *error) {
  begin(h5, path, true, error);
  if (h5->status == STATUS_OK) h5->status = whole_file_begin(path, h5->temporary, error);
  if (h5->status != STATUS_OK) return h5->status;
  checkpoint_output_open(&h5->output, h5->temporary);
  h5_check_output(h5, "");
  if (h5->status != STATUS_OK) return h5->status;
  const hid_t access = file_access(h5);
  if (access >= 0 && make_properties(h5) && checkpoint_output_use(&h5->output, access) >= 0)
    h5->file = H5Fcreate(h5->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  if (h5->file < 0) h5_fail_library(h5, NULL, "cannot be written");
  h5_done(h5, access, H5Pclose);
  return h5->status;
}

enum status h5_commit(struct h5 *h5) {
  const bool begun = h5->output.file;
  if (h5->file >= 0 && H5Fclose(h5->file) < 0) h5_fail_library(h5, NULL, "cannot be written");
  checkpoint_output_close(&h5->output);
  h5_check_output(h5, "");
  if (h5->status == STATUS_OK)
    h5->status = whole_file_commit(h5->temporary, h5->path, h5->error);
  else if (begun)
    file_unlink(h5->temporary);
  end(h5);
  return h5->status;
}

enum status h5_open(struct h5 *h5, const char *path, struct error *error) {
  begin(h5, path, false, error);
  struct stat info;
  char buffer[FILE_PATH];
  if (h5->status != STATUS_OK) return h5->status;
  if (file_stat(path, &info) != 0)
    h5_fail(h5, STATUS_IO, "cannot be read: %s", strerror(errno));
  else if (!S_ISREG(info.st_mode))
    h5_fail(h5, STATUS_FORMAT, "is %s, not a file", file_kind(info.st_mode));
  else if (info.st_size == 0)
    h5_fail(h5, STATUS_FORMAT, "is empty");
  if (h5->status != STATUS_OK) return h5->status;
  h5->bytes = (uint64_t)info.st_size;
  const hid_t access = file_access(h5);
  if (access >= 0) h5->file = H5Fopen(file_path(path, buffer), H5F_ACC_RDONLY, access);
  if (h5->file < 0) h5_fail_library(h5, NULL, "is damaged, or no HDF5 file");
  h5_done(h5, access, H5Pclose);
  return h5->status;
}

enum status h5_close(struct h5 *h5) {
  if (h5->file >= 0 && H5Fclose(h5->file) < 0) h5_fail_library(h5, NULL, "cannot be closed");
  end(h5);
  return h5->status;
}

// --- names ---

const char *h5_name(struct h5 *h5, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(h5->name, sizeof h5->name, format, arguments);
  va_end(arguments);
  return h5->name;
}

void h5_group(struct h5 *h5, const char *name) {
  if (h5->status != STATUS_OK || !h5->writing) return;
  const hid_t group = H5Gcreate2(h5->file, name, h5->links, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0 || H5Gclose(group) < 0) h5_fail_library(h5, name, " cannot be written");
}

// Each group on the way is asked for in turn, or HDF5 reports a missing one as an error.
static htri_t exists(hid_t file, const char *name) {
  char part[H5_NAME];
  snprintf(part, sizeof part, "%s", name);
  for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    const htri_t there = H5Lexists(file, part, H5P_DEFAULT);
    if (there <= 0) return there;
    *slash = '/';
  }
  return H5Lexists(file, part, H5P_DEFAULT);
}

bool h5_has(struct h5 *h5, const char *name) {
  if (h5->status != STATUS_OK) return false;
  const htri_t there = exists(h5->file, name);
  if (there < 0) h5_fail_library(h5, name, " cannot be looked up");
  return there > 0;
}

// " (hidden: fixed on resume)"
static const char *hint(const struct h5 *h5, char *text, size_t size) {
  snprintf(text, size, *h5->hint ? " (%s)" : "%s", h5->hint);
  return text;
}

void h5_absent(struct h5 *h5, const char *name) {
  char reason[128];
  if (h5->writing || !h5_has(h5, name)) return;
  h5_fail(h5, STATUS_MISMATCH, "/%s is there, this configuration has none%s", name, hint(h5, reason, sizeof reason));
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

static H5T_class_t dataset_class(struct h5 *h5, hid_t dataset) {
  const hid_t type = H5Dget_type(dataset);
  const H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
  h5_done(h5, type, H5Tclose);
  return class;
}

// The dataset, if it is there as it should be.
hid_t h5_dataset_open(struct h5 *h5, const char *name, H5T_class_t class, struct h5_shape needed) {
  char is[64], needs[64], reason[128];
  spell(needed, needs, sizeof needs);
  hint(h5, reason, sizeof reason);
  if (!h5_has(h5, name)) {
    h5_fail(h5, *h5->hint ? STATUS_MISMATCH : STATUS_FORMAT, "/%s is missing, this configuration needs %s%s", name,
            needs, reason);
    return H5I_INVALID_HID;
  }
  const hid_t dataset = H5Dopen2(h5->file, name, H5P_DEFAULT);
  if (dataset < 0) {
    h5_fail_library(h5, name, " cannot be opened");
    return dataset;
  }
  const struct h5_shape shape = dataset_shape(h5, dataset);
  if (dataset_class(h5, dataset) != class)
    h5_fail(h5, STATUS_FORMAT, "/%s holds no %s", name,
            class == H5T_FLOAT     ? "floating-point numbers"
            : class == H5T_INTEGER ? "integers"
                                   : "text");
  else if (shape.rank != needed.rank || shape.dim[0] != needed.dim[0] ||
           (shape.rank == 2 && shape.dim[1] != needed.dim[1]))
    h5_fail(h5, STATUS_MISMATCH, "/%s is %s, this configuration needs %s%s", name, spell(shape, is, sizeof is), needs,
            reason);
  if (h5->status == STATUS_OK) return dataset;
  h5_done(h5, dataset, H5Dclose);
  return H5I_INVALID_HID;
}

void h5_dataset_close(struct h5 *h5, hid_t dataset, const char *name) {
  if (dataset >= 0 && H5Dclose(dataset) < 0) h5_fail_library(h5, name, " cannot be closed");
  h5_check_output(h5, name);
}

void h5_values(struct h5 *h5, const char *name, enum h5_kind kind, uint64_t rows, uint64_t columns, void *data) {
  if (h5->status != STATUS_OK) return;
  const struct h5_shape shape = h5_shape_of(rows, columns);
  const hid_t type = memory_type(kind);
  hid_t dataset;
  if (h5->writing) {
    dataset = create_dataset(h5, name, file_type(kind), shape);
    if (dataset >= 0 && rows > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
      h5_fail_library(h5, name, " cannot be written");
  } else {
    dataset = h5_dataset_open(h5, name, H5Tget_class(type), shape);
    if (dataset >= 0 && data && rows > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
      h5_fail_library(h5, name, " cannot be read");
  }
  h5_dataset_close(h5, dataset, name);
}

void h5_u64(struct h5 *h5, const char *name, uint64_t *value) { h5_values(h5, name, H5_KIND_U64, 1, 0, value); }
void h5_u32(struct h5 *h5, const char *name, uint32_t *value) { h5_values(h5, name, H5_KIND_U32, 1, 0, value); }
void h5_double(struct h5 *h5, const char *name, double *value) { h5_values(h5, name, H5_KIND_DOUBLE, 1, 0, value); }

void h5_flag(struct h5 *h5, const char *name, bool *value) {
  uint8_t byte = *value;
  h5_values(h5, name, H5_KIND_U8, 1, 0, &byte);
  if (byte > 1) h5_fail(h5, STATUS_FORMAT, "/%s is %u, it must be 0 or 1", name, byte);
  if (!h5->writing && h5->status == STATUS_OK) *value = byte;
}

uint64_t h5_rows(struct h5 *h5, const char *name) {
  if (!h5_has(h5, name)) {
    h5_fail(h5, STATUS_FORMAT, "/%s is missing", name);
    return 0;
  }
  const hid_t dataset = H5Dopen2(h5->file, name, H5P_DEFAULT);
  if (dataset < 0) {
    h5_fail_library(h5, name, " cannot be opened");
    return 0;
  }
  const struct h5_shape shape = dataset_shape(h5, dataset);
  if (shape.rank < 1) h5_fail(h5, STATUS_FORMAT, "/%s has no rows", name);
  h5_done(h5, dataset, H5Dclose);
  return shape.rank < 1 ? 0 : shape.dim[0];
}

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
  const hid_t dataset = h5_dataset_open(h5, name, H5T_STRING, h5_shape_of(1, 0));
  if (dataset < 0) return;
  const hid_t type = H5Dget_type(dataset);
  const size_t size = h5_text_size(type, TEXT_LIMIT);
  char *read = NULL;
  if (size == 0)
    h5_fail(h5, STATUS_FORMAT, "/%s is no text of fixed length", name);
  else if (!(read = memory_alloc(size + 1, 1, "a checkpoint's text", h5->error)))
    h5->status = STATUS_MEMORY;
  else if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read) < 0)
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

// --- all of a file ---

static uint64_t elements_of(struct h5 *h5, hid_t dataset) {
  const hid_t space = H5Dget_space(dataset);
  const hssize_t elements = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
  h5_done(h5, space, H5Sclose);
  return elements > 0 ? (uint64_t)elements : 0;
}

struct count {
  struct h5 *h5;
  uint64_t elements;
};

static herr_t count_dataset(hid_t group, const char *name, const H5O_info_t *info, void *data) {
  struct count *count = data;
  if (info->type != H5O_TYPE_DATASET) return 0;
  const hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
  if (dataset < 0) return -1;
  count->elements += elements_of(count->h5, dataset);
  h5_done(count->h5, dataset, H5Dclose);
  return 0;
}

uint64_t h5_reals(struct h5 *h5, const char *name) {
  struct count count = {h5, 0};
  if (h5->status != STATUS_OK) return 0;
  const hid_t group = H5Oopen(h5->file, name, H5P_DEFAULT);
  if (group < 0 || H5Ovisit(group, H5_INDEX_NAME, H5_ITER_NATIVE, count_dataset, &count) < 0)
    h5_fail_library(h5, name, " cannot be looked up");
  h5_done(h5, group, H5Oclose);
  return count.elements;
}

// Reads a dataset in pieces, as it lies in the file, for the checksums. What is not stored would read as zeros without
// complaint.
static void verify_data(struct h5 *h5, hid_t dataset, hid_t type, const char *name) {
  struct h5_shape shape = dataset_shape(h5, dataset);
  const uint64_t elements = elements_of(h5, dataset), size = H5Tget_size(type), stored = H5Dget_storage_size(dataset);
  if (shape.rank < 1 || shape.rank > 2 || size == 0 || H5Tis_variable_str(type) > 0) {
    h5_fail(h5, STATUS_FORMAT, "/%s is not a dataset that a checkpoint has", name);
    return;
  }
  if (elements == 0) return;
  if (elements > stored / size || stored > h5->bytes) {
    h5_fail(h5, STATUS_FORMAT, "/%s: %llu bytes are stored of %llu elements of %llu bytes", name,
            (unsigned long long)stored, (unsigned long long)elements, (unsigned long long)size);
    return;
  }
  const hid_t space = H5Dget_space(dataset);
  const uint64_t rows = shape.dim[0], row_bytes = elements / rows * size, piece = h5_piece_rows(rows, row_bytes);
  void *bytes = memory_alloc(piece, row_bytes, "a piece of a checkpoint", h5->error);
  if (!bytes) h5->status = STATUS_MEMORY;
  for (uint64_t row = 0; row < rows && h5->status == STATUS_OK; row += shape.dim[0]) {
    const hsize_t start[2] = {row, 0};
    shape.dim[0] = rows - row < piece ? rows - row : piece;
    const hid_t memory = H5Screate_simple(shape.rank, shape.dim, NULL);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, shape.dim, NULL) < 0 ||
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, bytes) < 0)
      h5_fail_library(h5, name, " cannot be read");
    h5_done(h5, memory, H5Sclose);
  }
  h5_done(h5, space, H5Sclose);
  memory_free(bytes);
}

static herr_t verify_object(hid_t root, const char *name, const H5O_info_t *info, void *data) {
  struct h5 *h5 = data;
  if (info->type != H5O_TYPE_DATASET) return 0;
  const hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
  const hid_t type = dataset >= 0 ? H5Dget_type(dataset) : H5I_INVALID_HID;
  if (type < 0)
    h5_fail_library(h5, name, " cannot be opened");
  else
    verify_data(h5, dataset, type, name);
  h5_done(h5, type, H5Tclose);
  h5_done(h5, dataset, H5Dclose);
  return h5->status == STATUS_OK ? 0 : -1;
}

void h5_verify(struct h5 *h5) {
  if (h5->status != STATUS_OK) return;
  if (H5Ovisit(h5->file, H5_INDEX_NAME, H5_ITER_NATIVE, verify_object, h5) < 0)
    h5_fail_library(h5, NULL, "cannot be read through"); // unless an object has said it
}
