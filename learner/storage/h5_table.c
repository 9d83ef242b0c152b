#include "learner/storage/h5_table.h"

#include "common/base/vectorize.h"
#include "learner/storage/h5_dataset.h"
#include "learner/storage/h5_guard.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a chunk is written as it lies in memory");

// --- the checksum ---
//
//   sum1 = w_1 + ... + w_n      sum2 = n w_1 + (n-1) w_2 + ... + w_n      of 16-bit words, modulo 65535
//
// HDF5 takes the words big-endian. Swapping the bytes of a word multiplies it by 256 modulo 65535, so the sums are
// swapped once at the end instead. A 32-bit lane holds the sums of up to 360 rounds.
enum { LANES = 16, ROUNDS = 256 };
typedef uint16_t words __attribute__((vector_size(2 * LANES)));
typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

// Reduces modulo 65535 as HDF5 does it: a sum that is not 0 never becomes 0.
static uint64_t fold(uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// a[l]: the sum of the words in lane l; b[l]: the sum of a[l] after each round.
VECTORIZE static void sum_lanes(const uint8_t *bytes, size_t rounds, uint32_t a[LANES], uint32_t b[LANES]) {
  lanes once = {0}, weighted = {0};
  for (size_t r = 0; r < rounds; r++) {
    words word;
    memcpy(&word, bytes + r * sizeof word, sizeof word);
    once += __builtin_convertvector(word, lanes);
    weighted += once;
  }
  memcpy(a, &once, sizeof once);
  memcpy(b, &weighted, sizeof weighted);
}

uint32_t h5_fletcher32(const void *data, size_t size) {
  const uint8_t *bytes = data;
  uint64_t sum1 = 0, sum2 = 0;
  assert(size % 2 == 0);
  while (size >= sizeof(words)) {
    const size_t fit = size / sizeof(words), rounds = fit < ROUNDS ? fit : ROUNDS;
    uint32_t a[LANES], b[LANES];
    sum_lanes(bytes, rounds, a, b);

    // The word in lane l of round r counts LANES (rounds - r) - l times.
    uint64_t block = 0, weighted = 0;
    for (uint64_t l = 0; l < LANES; l++) {
      block += a[l];
      weighted += LANES * (uint64_t)b[l] - l * a[l];
    }
    sum2 = fold(sum2 + rounds * LANES * sum1 + weighted);
    sum1 = fold(sum1 + block);
    bytes += rounds * sizeof(words);
    size -= rounds * sizeof(words);
  }
  for (; size > 0; size -= 2, bytes += 2) {
    uint16_t word;
    memcpy(&word, bytes, sizeof word);
    sum1 += word;
    sum2 += sum1;
  }
  return (uint32_t)__builtin_bswap16((uint16_t)fold(sum2)) << 16 | __builtin_bswap16((uint16_t)fold(sum1));
}

// --- chunks ---

static hid_t type_in_file(const struct h5_table *table) {
  return table->kind == H5_KIND_FLOAT ? H5T_IEEE_F32LE : H5T_STD_U32LE;
}

// Whether a dataset is stored as this program stores it. Other programs may have rewritten the file.
static bool has_our_storage(struct h5 *h5, const struct h5_table *table) {
  const hid_t layout = H5Dget_create_plist(table->dataset), type = H5Dget_type(table->dataset);
  const int rank = table->columns ? 2 : 1;
  hsize_t chunk[2] = {0, 0};
  unsigned flags, config;
  size_t values = 0;
  bool ours = layout >= 0 && type >= 0 && H5Tequal(type, type_in_file(table)) > 0;
  ours = ours && H5Pget_layout(layout) == H5D_CHUNKED && H5Pget_chunk(layout, rank, chunk) == rank;
  ours = ours && chunk[0] == table->chunk && chunk[1] == table->columns && H5Pget_nfilters(layout) == 1;
  ours = ours && H5Pget_filter2(layout, 0, &flags, &values, NULL, 0, NULL, &config) == H5Z_FILTER_FLETCHER32;
  h5_done(h5, layout, H5Pclose);
  h5_done(h5, type, H5Tclose);
  return ours;
}

void h5_table_open(struct h5 *h5, struct h5_table *table, const char *name, enum h5_kind kind, uint64_t rows,
                   uint64_t columns, uint64_t chunk) {
  *table = (struct h5_table){.dataset = H5I_INVALID_HID,
                             .rows = rows,
                             .columns = columns,
                             .chunk = chunk,
                             .stored = h5->writing,
                             .kind = kind};
  snprintf(table->name, sizeof table->name, "%s", name);
  if (h5->status != STATUS_OK) return;
  const struct h5_shape shape = h5_shape_of(rows, columns);
  table->dataset = h5->writing ? h5_dataset_create(h5, name, type_in_file(table), shape, chunk)
                               : h5_dataset_open(h5, name, kind == H5_KIND_FLOAT ? H5T_FLOAT : H5T_INTEGER,
                                                 type_in_file(table), shape);
  if (h5->writing || table->dataset < 0) return;
  table->stored = has_our_storage(h5, table);
  if (!table->stored) h5_guard_chunks(h5, table->dataset, name);
}

static uint64_t chunk_bytes(const struct h5_table *table) {
  return table->chunk * (table->columns ? table->columns : 1) * sizeof(float);
}

// Writes a chunk as HDF5 stores it: all its rows, zeros past the end, then the checksum.
static void write_stored(struct h5 *h5, const struct h5_table *table, uint64_t first, uint64_t count, float *data) {
  const uint64_t size = chunk_bytes(table), used = size / table->chunk * count;
  const hsize_t start[2] = {first, 0};
  uint8_t *bytes = (uint8_t *)data;
  memset(bytes + used, 0, size - used);
  const uint32_t checksum = h5_fletcher32(bytes, size);
  memcpy(bytes + size, &checksum, sizeof checksum);
  if (H5Dwrite_chunk(table->dataset, H5P_DEFAULT, 0, start, size + sizeof checksum, bytes) < 0)
    h5_fail_library(h5, table->name, " cannot be written");
}

static void read_stored(struct h5 *h5, const struct h5_table *table, uint64_t first, float *data) {
  const uint64_t size = chunk_bytes(table);
  const hsize_t start[2] = {first, 0};
  uint8_t *bytes = (uint8_t *)data;
  hsize_t stored = 0;
  uint32_t checksum, filters = 0;
  if (H5Dget_chunk_storage_size(table->dataset, start, &stored) < 0)
    h5_fail_library(h5, table->name, " cannot be read");
  else if (stored != size + sizeof checksum)
    h5_fail(h5, STATUS_FORMAT, "/%s: %llu bytes are stored of row %llu and those after it, it must be %llu",
            table->name, (unsigned long long)stored, (unsigned long long)first,
            (unsigned long long)(size + sizeof checksum));
  else if (H5Dread_chunk(table->dataset, H5P_DEFAULT, start, &filters, bytes) < 0)
    h5_fail_library(h5, table->name, " cannot be read");
  if (h5->status != STATUS_OK) return;
  memcpy(&checksum, bytes + size, sizeof checksum);
  if (filters != 0 || checksum != h5_fletcher32(bytes, size))
    h5_fail(h5, STATUS_FORMAT, "/%s: the checksum of row %llu and those after it is wrong", table->name,
            (unsigned long long)first);
}

// Reads rows through HDF5, for a file with other chunks or filters.
static void read_rows(struct h5 *h5, const struct h5_table *table, uint64_t first, uint64_t count, float *data) {
  const struct h5_shape part = h5_shape_of(count, table->columns);
  const hsize_t start[2] = {first, 0};
  const hid_t in_file = H5Dget_space(table->dataset), in_memory = H5Screate_simple(part.rank, part.dim, NULL);
  bool good = in_file >= 0 && in_memory >= 0;
  good = good && H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start, NULL, part.dim, NULL) >= 0;
  good = good && H5Dread(table->dataset, table->kind == H5_KIND_FLOAT ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT32, in_memory,
                         in_file, H5P_DEFAULT, data) >= 0;
  if (!good) h5_fail_library(h5, table->name, " cannot be read");
  h5_done(h5, in_file, H5Sclose);
  h5_done(h5, in_memory, H5Sclose);
}

void h5_table_chunk(struct h5 *h5, struct h5_table *table, uint64_t first, uint64_t count, float *data) {
  if (h5->status != STATUS_OK || count == 0) return;
  assert(first % table->chunk == 0 && count <= table->chunk);
  const uint64_t width = table->columns ? table->columns : 1;
  if (h5->writing) h5_check_numbers(h5, table->name, table->kind, first * width, count * width, data);
  if (h5->status != STATUS_OK) return;
  if (h5->writing)
    write_stored(h5, table, first, count, data);
  else if (table->stored)
    read_stored(h5, table, first, data);
  else
    read_rows(h5, table, first, count, data);
  if (!h5->writing && h5->status == STATUS_OK)
    h5_check_numbers(h5, table->name, table->kind, first * width, count * width, data);
  h5_check_output(h5, table->name);
}

void h5_table_close(struct h5 *h5, struct h5_table *table) { h5_dataset_close(h5, table->dataset, table->name); }
