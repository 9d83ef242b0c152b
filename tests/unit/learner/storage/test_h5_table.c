#include "learner/storage/h5_table.h"
#include "common/base/memory.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1000, COLUMNS = 7, CHUNK = 300 }; // the last chunk is not full
static char *directory, *path;

static void fill(float *values, size_t count) {
  struct numbers numbers = {3};
  for (size_t i = 0; i < count; i++) values[i] = (float)numbers_uniform(&numbers);
}

// Moves the chunks from the third on, once around, as a ring is written.
static void move(struct h5 *h5, uint64_t columns, float *values) {
  const uint64_t width = columns ? columns : 1, chunks = (ROWS + CHUNK - 1) / CHUNK;
  float chunk[CHUNK * COLUMNS + 1];
  struct h5_table table;
  h5_table_open(h5, &table, "a/table", H5_KIND_FLOAT, ROWS, columns, CHUNK);
  for (uint64_t p = 0; p < chunks; p++) {
    const uint64_t row = (p + 2) % chunks * CHUNK, count = ROWS - row < CHUNK ? ROWS - row : CHUNK;
    if (h5->writing) memcpy(chunk, values + row * width, count * width * sizeof *chunk);
    h5_table_chunk(h5, &table, row, count, chunk);
    if (!h5->writing) memcpy(values + row * width, chunk, count * width * sizeof *chunk);
  }
  h5_table_close(h5, &table);
}

static void write_table(uint64_t columns, float *values) {
  struct h5 h5;
  struct error error = {0};
  h5_create(&h5, path, &error);
  move(&h5, columns, values);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(error.text, "");
}

static enum status read_table(uint64_t columns, float *values, struct error *error) {
  struct h5 h5;
  *error = (struct error){0};
  memset(values, 0, ROWS * (columns ? columns : 1) * sizeof *values);
  h5_open(&h5, path, error);
  move(&h5, columns, values);
  return h5_close(&h5);
}

// HDF5 takes what is written past it for its own, checksums included, and the other way round.
static void test_both_ways(void) {
  float values[ROWS * COLUMNS], read[ROWS * COLUMNS];
  struct error error = {0};
  struct h5 h5;
  fill(values, ROWS * COLUMNS);
  for (int flat = 0; flat < 2; flat++) {
    const uint64_t columns = flat ? 0 : COLUMNS;
    const size_t bytes = (flat ? ROWS : ROWS * COLUMNS) * sizeof *values;
    write_table(columns, values);
    h5_open(&h5, path, &error);
    memset(read, 0, sizeof read);
    h5_values(&h5, "a/table", H5_KIND_FLOAT, ROWS, columns, read);
    CU_ASSERT_EQUAL(h5_close(&h5), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(values, read, bytes), 0);
    UNIT_STATUS(read_table(columns, read, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(memcmp(values, read, bytes), 0);

    h5_create(&h5, path, &error); // in chunks of HDF5's choice here
    h5_values(&h5, "a/table", H5_KIND_FLOAT, ROWS, columns, values);
    CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
    UNIT_STATUS(read_table(columns, read, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(memcmp(values, read, bytes), 0);
    CU_ASSERT_STRING_EQUAL(error.text, "");
  }
}

// The definition, word by word, as HDF5 folds it.
static uint32_t plain_fletcher32(const uint8_t *bytes, size_t size) {
  uint32_t sum1 = 0, sum2 = 0;
  for (size_t i = 0; i < size; i += 2) {
    sum1 += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum1 = (sum1 & 0xffff) + (sum1 >> 16);
    sum2 += sum1;
    sum2 = (sum2 & 0xffff) + (sum2 >> 16);
  }
  return sum2 << 16 | sum1;
}

static void test_checksum(void) {
  enum { MOST = 40000 };
  uint8_t *bytes = malloc(MOST);
  struct numbers numbers = {5};
  int wrong = 0;
  for (int content = 0; content < 4; content++) { // random, all ones, all zeros, a single word
    for (size_t i = 0; i < MOST; i++)
      bytes[i] = content == 0 ? (uint8_t)numbers_word(&numbers) : content == 1 ? 255 : 0;
    if (content == 3) bytes[17] = 1;
    for (size_t size = 0; size <= MOST; size += size < 200 ? 2 : 1326)
      wrong += h5_fletcher32(bytes, size) != plain_fletcher32(bytes, size);
  }
  CU_ASSERT_EQUAL(wrong, 0);
  free(bytes);
}

// Any bit of the data, or of its checksum.
static void test_flipped(void) {
  float values[ROWS * COLUMNS], read[ROWS * COLUMNS];
  struct error error;
  size_t size;
  fill(values, ROWS * COLUMNS);
  write_table(COLUMNS, values);
  char *good = unit_read_file(path, &size);
  const char *first = memmem(good, size, values, 64); // of the first chunk
  CU_ASSERT_PTR_NOT_NULL_FATAL(first);
  for (size_t at = 0; at <= CHUNK * COLUMNS * sizeof(float); at += 280) { // the last: the checksum
    good[(size_t)(first - good) + at] ^= 4;
    unit_write_file(path, good, size);
    UNIT_STATUS(read_table(COLUMNS, read, &error), STATUS_FORMAT, &error);
    CU_ASSERT_TRUE_FATAL(error_says(&error, "/a/table: the checksum of row 0 and those after it is wrong"));
    CU_ASSERT_TRUE(error_says(&error, path));
    good[(size_t)(first - good) + at] ^= 4;
  }
  free(good);
}

// A chunk of another size must not overrun its buffer; a chunk that is not stored has no size.
static void test_wrong_size(void) {
  const size_t sizes[] = {0, 8, CHUNK * COLUMNS * 4, CHUNK * COLUMNS * 4 + 8, 1 << 20};
  float values[ROWS * COLUMNS];
  struct error error = {0};
  uint8_t *bytes = calloc(1, 1 << 20);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct h5 h5;
    struct h5_table table;
    h5_create(&h5, path, &error);
    h5_table_open(&h5, &table, "a/table", H5_KIND_FLOAT, ROWS, COLUMNS, CHUNK);
    if (sizes[i] > 0)
      CU_ASSERT(H5Dwrite_chunk(table.dataset, H5P_DEFAULT, 0, (const hsize_t[]){600, 0}, sizes[i], bytes) >= 0);
    h5_table_close(&h5, &table);
    CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
    UNIT_STATUS(read_table(COLUMNS, values, &error), STATUS_FORMAT, &error);
    CU_ASSERT(error_says(&error, "/a/table"));
  }
  free(bytes);
}

static void test_abandoned(void) {
  float values[ROWS * COLUMNS];
  struct error error = {0};
  struct h5 h5;
  atomic_bool abandon = false;
  fill(values, ROWS * COLUMNS);
  write_table(COLUMNS, values);
  size_t before, after;
  char *good = unit_read_file(path, &before), temporary[4096];
  h5_create(&h5, path, &error);
  h5.abandon = &abandon;
  h5_values(&h5, "first", H5_KIND_FLOAT, ROWS, COLUMNS, values);
  CU_ASSERT_EQUAL(h5.status, STATUS_OK);
  atomic_store(&abandon, true);
  move(&h5, COLUMNS, values);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_STOPPED);
  CU_ASSERT(error_says(&error, "abandoned"));
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  CU_ASSERT_PTR_NULL(unit_read_file(temporary, NULL));
  char *still = unit_read_file(path, &after);
  CU_ASSERT_PTR_NOT_NULL_FATAL(still);
  CU_ASSERT_EQUAL(before, after);
  CU_ASSERT_EQUAL(memcmp(good, still, after), 0);
  free(good);
  free(still);
}

int main(void) {
  directory = unit_tmpdir();
  path = unit_path(directory, "a.h5");
  static const struct unit_case cases[] = {
      {"HDF5 reads what is written chunk by chunk, and the other way round", test_both_ways},
      {"the checksum is that of its definition, at any length", test_checksum},
      {"a flipped bit is found", test_flipped},
      {"a chunk of another size than it should have is refused", test_wrong_size},
      {"an abandoned file leaves the one before and nothing else", test_abandoned},
  };
  const int failed = unit_run("checkpoint_table", cases, sizeof cases / sizeof *cases);
  free(path);
  unit_tmpdir_remove(directory);
  return failed;
}
