#include "learner/storage/h5_output.h"

#include "common/base/held_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

struct h5_output_write {
  struct h5_output_write *next;
  uint64_t begin, size;
  uint8_t bytes[];
};

// An open file of the driver. HDF5 sees the first member only.
struct file {
  H5FD_t public;
  struct h5_output *output;
  haddr_t end_of_allocation;
};

void h5_output_open(struct h5_output *output, const char *path) {
  *output = (struct h5_output){.file = held_file_open(path, O_RDWR | O_CREAT | O_TRUNC, NULL)};
  if (!output->file) output->failure = errno;
}

void h5_output_close(struct h5_output *output) {
  for (struct h5_output_write *kept = output->kept, *next; kept; kept = next) {
    next = kept->next;
    free(kept);
  }
  // HDF5 1.10 releases the driver of a file and then calls it once more, so it is unregistered only here.
  if (output->driver > 0) (void)H5FDunregister(output->driver);
  // Some network file systems report only here that a write failed.
  if (!held_file_close(output->file) && !output->failure) output->failure = errno;
  *output = (struct h5_output){.failure = output->failure};
}

static bool write_all(int descriptor, const uint8_t *bytes, uint64_t size, uint64_t begin) {
  while (size > 0) {
    const ssize_t written = pwrite(descriptor, bytes, size, (off_t)begin);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    size -= (uint64_t)written;
    begin += (uint64_t)written;
  }
  return true;
}

static herr_t keep(struct h5_output *output, const void *bytes, uint64_t size, uint64_t begin) {
  struct h5_output_write *kept = malloc(sizeof *kept + size);
  if (!kept) return -1;
  *kept = (struct h5_output_write){.begin = begin, .size = size};
  memcpy(kept->bytes, bytes, size);
  if (output->newest)
    output->newest->next = kept;
  else
    output->kept = kept;
  output->newest = kept;
  return 0;
}

static herr_t output_write(H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t begin, size_t size,
                           const void *bytes) {
  (void)type, (void)transfer;
  struct h5_output *output = ((struct file *)public)->output;
  if (begin + size > output->end) output->end = begin + size;
  if (!output->failure) {
    if (write_all(held_file_descriptor(output->file), bytes, size, begin)) return 0;
    output->failure = errno;
  }
  return keep(output, bytes, size, begin);
}

// Copies the part of a kept write that lies in [begin, begin + size) over `bytes`.
static void apply(const struct h5_output_write *kept, uint8_t *bytes, uint64_t size, uint64_t begin) {
  const uint64_t from = kept->begin > begin ? kept->begin : begin;
  const uint64_t ends = kept->begin + kept->size, to = ends < begin + size ? ends : begin + size;
  if (from < to) memcpy(bytes + (from - begin), kept->bytes + (from - kept->begin), to - from);
}

static herr_t output_read(H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t begin, size_t size, void *bytes) {
  (void)type, (void)transfer;
  struct h5_output *output = ((struct file *)public)->output;
  size_t done = 0;
  const int descriptor = held_file_descriptor(output->file);
  while (done < size) {
    const ssize_t got = pread(descriptor, (uint8_t *)bytes + done, size - done, (off_t)(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && !output->failure) output->failure = errno;
    if (got <= 0) break;
    done += (size_t)got;
  }
  memset((uint8_t *)bytes + done, 0, size - done);
  for (const struct h5_output_write *kept = output->kept; kept; kept = kept->next) apply(kept, bytes, size, begin);
  return 0;
}

static H5FD_t *output_open(const char *name, unsigned flags, hid_t access, haddr_t most) {
  (void)name, (void)flags, (void)most;
  struct h5_output *const *output = H5Pget_driver_info(access);
  struct file *file = output ? calloc(1, sizeof *file) : NULL;
  if (!file) return NULL;
  file->output = *output;
  return &file->public;
}

static herr_t output_close(H5FD_t *public) {
  free(public);
  return 0;
}

static herr_t output_query(const H5FD_t *public, unsigned long *flags) {
  (void)public;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

static haddr_t output_get_eoa(const H5FD_t *public, H5FD_mem_t type) {
  (void)type;
  return ((const struct file *)public)->end_of_allocation;
}

static herr_t output_set_eoa(H5FD_t *public, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((struct file *)public)->end_of_allocation = end;
  return 0;
}

static haddr_t output_get_eof(const H5FD_t *public, H5FD_mem_t type) {
  (void)type;
  return ((const struct file *)public)->output->end;
}

static herr_t output_truncate(H5FD_t *public, hid_t transfer, hbool_t closing) {
  (void)transfer, (void)closing;
  const struct file *file = (const struct file *)public;
  struct h5_output *output = file->output;
  if (output->end == file->end_of_allocation) return 0;
  output->end = file->end_of_allocation;
  if (!output->failure && ftruncate(held_file_descriptor(output->file), (off_t)output->end) != 0)
    output->failure = errno;
  return 0;
}

herr_t h5_output_use(struct h5_output *output, hid_t access) {
  static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = H5_VFD_RESERVED + 77,
#endif
    .name = "h5_output",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof output,
    .open = output_open,
    .close = output_close,
    .query = output_query,
    .get_eoa = output_get_eoa,
    .set_eoa = output_set_eoa,
    .get_eof = output_get_eof,
    .read = output_read,
    .write = output_write,
    .truncate = output_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
  };
  output->driver = H5FDregister(&driver);
  return output->driver < 0 ? -1 : H5Pset_driver(access, output->driver, &output);
}
