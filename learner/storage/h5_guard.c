#define H5_USE_110_API // later versions keep these calls under their names of 1.10
#include "learner/storage/h5_guard.h"

#include <stdio.h>
#include <string.h>

// --- links ---

static void fail_link(struct h5 *h5, const char *name, H5L_type_t type) {
  h5_fail(h5, STATUS_FORMAT, "/%s is %s: a file is read only where it holds its arrays itself", name,
          type == H5L_TYPE_SOFT       ? "a soft link"
          : type == H5L_TYPE_EXTERNAL ? "a link into another file"
                                      : "a link of a kind that is not known");
}

// Looks at one link. The groups on the way to it have been looked at before.
static bool is_there(struct h5 *h5, const char *name) {
  H5L_info_t info;
  const htri_t there = H5Lexists(h5->file, name, H5P_DEFAULT);
  if (there < 0 || (there > 0 && H5Lget_info(h5->file, name, &info, H5P_DEFAULT) < 0))
    h5_fail_library(h5, name, " cannot be looked up");
  else if (there > 0 && info.type != H5L_TYPE_HARD)
    fail_link(h5, name, info.type);
  return there > 0 && h5->status == STATUS_OK;
}

bool h5_has(struct h5 *h5, const char *name) {
  char part[H5_NAME];
  if (h5->status != STATUS_OK) return false;
  snprintf(part, sizeof part, "%s", name);
  for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (!is_there(h5, part)) return false;
    *slash = '/';
  }
  return is_there(h5, part);
}

// --- storage ---

// In another program's file every filter of HDF5's own is allowed; any other would load code.
static bool is_allowed(const struct h5 *h5, H5Z_filter_t filter) {
  if (h5->foreign) return filter < H5Z_FILTER_RESERVED;
  return filter == H5Z_FILTER_FLETCHER32 || filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE;
}

static void check_filters(struct h5 *h5, hid_t layout, const char *name) {
  const int filters = H5Pget_nfilters(layout);
  bool checksum = h5->foreign;
  for (int i = 0; i < filters; i++) {
    unsigned flags, config;
    size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(layout, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
    if (filter < 0)
      h5_fail_library(h5, name, " cannot be looked up");
    else if (!is_allowed(h5, filter))
      h5_fail(h5, STATUS_FORMAT, "/%s is stored through filter %d, which is not read here", name, (int)filter);
    checksum |= filter == H5Z_FILTER_FLETCHER32;
  }
  if (filters < 0) h5_fail_library(h5, name, " cannot be looked up");
  if (!checksum) h5_fail(h5, STATUS_FORMAT, "/%s has no checksum (fletcher32)", name);
}

// To be called before any other question about a dataset, because even its size may lie in another file.
static void check_storage(struct h5 *h5, hid_t dataset, const char *name) {
  const hid_t layout = H5Dget_create_plist(dataset);
  const H5D_layout_t kind = layout >= 0 ? H5Pget_layout(layout) : H5D_LAYOUT_ERROR;
  const int files = kind == H5D_CONTIGUOUS ? H5Pget_external_count(layout) : 0;
  if (kind < 0 || files < 0)
    h5_fail_library(h5, name, " cannot be looked up");
  else if (files > 0 || kind == H5D_VIRTUAL)
    h5_fail(h5, STATUS_FORMAT, "/%s is stored in another file: a file is read only where it holds its arrays itself",
            name);
  else
    check_filters(h5, layout, name);
  h5_done(h5, layout, H5Pclose);
}

hid_t h5_guard_open(struct h5 *h5, const char *name) {
  if (!h5_has(h5, name)) {
    h5_fail(h5, STATUS_FORMAT, "/%s is missing", name);
    return H5I_INVALID_HID;
  }
  const hid_t dataset = H5Dopen2(h5->file, name, H5P_DEFAULT);
  if (dataset < 0)
    h5_fail_library(h5, name, " cannot be opened");
  else
    check_storage(h5, dataset, name);
  if (h5->status == STATUS_OK) return dataset;
  h5_done(h5, dataset, H5Dclose);
  return H5I_INVALID_HID;
}

#if H5_VERSION_GE(1, 10, 5)
// How many chunks cover a dataset; 0: it has none.
static uint64_t chunks_of(hid_t dataset, hid_t space) {
  hsize_t dim[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
  const hid_t layout = H5Dget_create_plist(dataset);
  const int rank = H5Sget_simple_extent_dims(space, dim, NULL);
  uint64_t chunks = rank > 0 && H5Pget_chunk(layout, rank, chunk) == rank;
  for (int i = 0; i < rank && chunks > 0; i++) chunks *= dim[i] / chunk[i] + (dim[i] % chunk[i] != 0);
  return H5Pclose(layout) < 0 ? 0 : chunks;
}

// HDF5 reads a chunk that was never stored as zeros, and lets a chunk say that a filter was left out.
void h5_guard_chunks(struct h5 *h5, hid_t dataset, const char *name) {
  if (h5->foreign || h5->status != STATUS_OK) return;
  const hid_t space = H5Dget_space(dataset);
  hsize_t stored = 0;
  if (space < 0 || H5Dget_num_chunks(dataset, space, &stored) < 0)
    h5_fail_library(h5, name, " cannot be looked up");
  else if (stored != chunks_of(dataset, space))
    h5_fail(h5, STATUS_FORMAT, "/%s: %llu of its %llu chunks are stored", name, (unsigned long long)stored,
            (unsigned long long)chunks_of(dataset, space));
  for (hsize_t i = 0; i < stored && h5->status == STATUS_OK; i++) {
    hsize_t offset[H5S_MAX_RANK], size;
    unsigned left_out;
    haddr_t address;
    if (H5Dget_chunk_info(dataset, space, i, offset, &left_out, &address, &size) < 0)
      h5_fail_library(h5, name, " cannot be looked up");
    else if (left_out)
      h5_fail(h5, STATUS_FORMAT, "/%s: chunk %llu has no checksum", name, (unsigned long long)i);
  }
  h5_done(h5, space, H5Sclose);
}
#else
void h5_guard_chunks(struct h5 *h5, hid_t dataset, const char *name) {
  const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const hssize_t elements = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
  const size_t width = type >= 0 ? H5Tget_size(type) : 0;
  if (elements < 0 || width == 0)
    h5_fail_library(h5, name, " cannot be looked up");
  else if (!h5->foreign && elements > 0 && (hsize_t)elements > H5Dget_storage_size(dataset) / width)
    h5_fail(h5, STATUS_FORMAT, "/%s: less is stored than its %lld elements", name, (long long)elements);
  h5_done(h5, space, H5Sclose);
  h5_done(h5, type, H5Tclose);
}
#endif

// --- the whole file ---

static herr_t check_object(hid_t root, const char *name, const H5O_info_t *info, void *data) {
  struct h5 *h5 = data;
  (void)root;
  if (info->rc != 1)
    h5_fail(h5, STATUS_FORMAT, "/%s has more than one name", strcmp(name, ".") == 0 ? "" : name);
  else if (info->type == H5O_TYPE_DATASET)
    h5_done(h5, h5_guard_open(h5, name), H5Dclose);
  else if (info->type != H5O_TYPE_GROUP)
    h5_fail(h5, STATUS_FORMAT, "/%s is neither a group nor an array", name);
  return h5->status == STATUS_OK ? 0 : -1;
}

static herr_t check_link(hid_t root, const char *name, const H5L_info_t *info, void *data) {
  struct h5 *h5 = data;
  (void)root;
  if (info->type != H5L_TYPE_HARD) fail_link(h5, name, info->type);
  return h5->status == STATUS_OK ? 0 : -1;
}

void h5_guard_file(struct h5 *h5) {
  if (h5->status != STATUS_OK) return;
  if (H5Lvisit(h5->file, H5_INDEX_NAME, H5_ITER_NATIVE, check_link, h5) < 0 ||
      H5Ovisit(h5->file, H5_INDEX_NAME, H5_ITER_NATIVE, check_object, h5) < 0)
    h5_fail_library(h5, NULL, "cannot be read through");
}
