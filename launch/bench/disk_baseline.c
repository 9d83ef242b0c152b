#include "launch/bench/disk_baseline.h"
#include "common/base/file.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 }; // bytes

struct column {
  hid_t file, properties;
  bool writing;
  float *chunk; // CHUNK bytes, or a row where that is more
};

// One dataset, chunk by chunk.
static bool move_column(const struct column *column, uint32_t number, uint64_t rows, uint32_t width) {
  char name[24];
  snprintf(name, sizeof name, "column%u", number);
  const hsize_t all[2] = {rows, width}, most = CHUNK / sizeof(float) / width;
  hsize_t part[2] = {most == 0 ? 1 : most < rows ? most : rows, width};
  const hid_t space = H5Screate_simple(2, all, NULL);
  const hsize_t step = part[0];
  bool good = space >= 0;
  hid_t dataset = H5I_INVALID_HID;
  if (good && column->writing) good = H5Pset_chunk(column->properties, 2, part) >= 0;
  if (good && column->writing)
    dataset = H5Dcreate2(column->file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, column->properties, H5P_DEFAULT);
  else if (good)
    dataset = H5Dopen2(column->file, name, H5P_DEFAULT);
  good = dataset >= 0;
  for (hsize_t row = 0; good && row < rows; row += step) {
    const hsize_t start[2] = {row, 0};
    part[0] = rows - row < step ? rows - row : step;
    const hid_t memory = H5Screate_simple(2, part, NULL);
    good = memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, part, NULL) >= 0;
    if (good && column->writing)
      good = H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, column->chunk) >= 0;
    else if (good)
      good = H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, column->chunk) >= 0;
    if (memory >= 0 && H5Sclose(memory) < 0) good = false;
  }
  if (dataset >= 0 && H5Dclose(dataset) < 0) good = false;
  if (space >= 0 && H5Sclose(space) < 0) good = false;
  return good;
}

static bool synchronise(const char *path) {
  const int file = file_open(path, O_RDWR, 0);
  if (file < 0) return false;
  const bool good = fsync(file) == 0;
  return close(file) == 0 && good;
}

static enum status move(const char *path, bool writing, uint64_t rows, const uint32_t *width, uint32_t columns,
                        struct error *error) {
  uint32_t widest = 1;
  for (uint32_t c = 0; c < columns; c++) widest = width[c] > widest ? width[c] : widest;
  const size_t bytes = widest * sizeof(float) > CHUNK ? widest * sizeof(float) : CHUNK;
  struct column column = {.writing = writing, .chunk = memory_alloc(bytes, 1, "a chunk of a plain file", error)};
  if (!column.chunk) return STATUS_MEMORY;
  memset(column.chunk, 63, bytes);
  column.properties = H5Pcreate(H5P_DATASET_CREATE);
  char buffer[FILE_PATH];
  const char *place = file_path(path, buffer);
  column.file =
      writing ? H5Fcreate(place, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT) : H5Fopen(place, H5F_ACC_RDONLY, H5P_DEFAULT);
  bool good = column.file >= 0 && column.properties >= 0 && H5Pset_fletcher32(column.properties) >= 0;
  for (uint32_t c = 0; good && c < columns; c++) good = move_column(&column, c, rows, width[c]);
  if (column.file >= 0 && H5Fclose(column.file) < 0) good = false;
  if (column.properties >= 0 && H5Pclose(column.properties) < 0) good = false;
  memory_free(column.chunk);
  if (good && writing) good = synchronise(path);
  if (good) return STATUS_OK;
  return error_set(error, STATUS_IO, "%s: a plain HDF5 file cannot be %s", path, writing ? "written" : "read");
}

enum status disk_baseline_write(const char *path, uint64_t rows, const uint32_t *width, uint32_t columns,
                                struct error *error) {
  return move(path, true, rows, width, columns, error);
}

enum status disk_baseline_read(const char *path, uint64_t rows, const uint32_t *width, uint32_t columns,
                               struct error *error) {
  return move(path, false, rows, width, columns, error);
}
