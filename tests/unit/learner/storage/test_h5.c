#include "learner/storage/h5_guard.h"
#include "common/base/memory.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *directory, *path; // of this case

enum { ROWS = 300000, COLUMNS = 3 }; // four chunks
struct content {
  uint64_t count;
  uint32_t small;
  double real;
  bool yes, no;
  char *text;
  uint8_t bytes[5];
  float *table; // (ROWS x COLUMNS)
};

// The same calls both ways.
static void walk(struct h5 *h5, struct content *content) {
  h5_u64(h5, "count", &content->count);
  h5_u32(h5, h5_name(h5, "a/%d/small", 7), &content->small);
  h5_double(h5, "a/real", &content->real);
  h5_flag(h5, "a/yes", &content->yes);
  h5_flag(h5, "a/no", &content->no);
  h5_text(h5, "text", &content->text);
  h5_values(h5, "bytes", H5_KIND_U8, sizeof content->bytes, 0, content->bytes);
  h5_values(h5, "none", H5_KIND_DOUBLE, 0, 0, NULL);
  h5_values(h5, "none2", H5_KIND_FLOAT, 0, 4, NULL);
  h5_values(h5, "a/b/table", H5_KIND_FLOAT, ROWS, COLUMNS, content->table);
}

static void write_content(struct content *content) {
  struct h5 h5;
  struct error error = {0};
  *content = (struct content){1ull << 60,
                              1u << 31,
                              -0.1,
                              true,
                              false,
                              (char[]){"hidden: [8, 6]\n"},
                              {1, 2, 3, 4, 5},
                              calloc(ROWS * COLUMNS, sizeof(float))};
  for (int i = 0; i < ROWS * COLUMNS; i++) content->table[i] = (float)i;
  h5_create(&h5, path, &error);
  walk(&h5, content);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(error.text, "");
}

static bool any(const char *dataset) { return dataset[0]; }
static bool no_table(const char *dataset) { return strcmp(dataset, "b/table") != 0; }

static void test_both_ways(void) {
  struct content in, out = {.no = true, .table = calloc(ROWS * COLUMNS, sizeof(float))};
  struct h5 h5;
  struct error error = {0};
  write_content(&in);
  h5_open(&h5, path, &error);
  walk(&h5, &out);
  CU_ASSERT_TRUE_FATAL(h5_has(&h5, "a/7/small"));
  CU_ASSERT_TRUE_FATAL(!h5_has(&h5, "a/8/small"));
  CU_ASSERT_TRUE(!h5_has(&h5, "x/y/z"));
  CU_ASSERT_EQUAL_FATAL(h5_rows(&h5, "a/b/table"), ROWS);
  CU_ASSERT_EQUAL(h5_rows(&h5, "none2"), 0);
  CU_ASSERT_EQUAL(h5_reals(&h5, "a", any), 4 + ROWS * COLUMNS);
  CU_ASSERT_EQUAL(h5_reals(&h5, "a", no_table), 4);
  CU_ASSERT_EQUAL(h5_members(&h5), 6);
  h5_guard_file(&h5);
  CU_ASSERT_EQUAL(h5_close(&h5), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_EQUAL(out.count, in.count);
  CU_ASSERT_EQUAL(out.small, in.small);
  CU_ASSERT_EQUAL(out.real, in.real);
  CU_ASSERT_TRUE_FATAL(out.yes);
  CU_ASSERT_TRUE(!out.no);
  CU_ASSERT_STRING_EQUAL(out.text, "hidden: [8, 6]\n");
  CU_ASSERT_EQUAL(memcmp(out.bytes, in.bytes, sizeof out.bytes), 0);
  CU_ASSERT_EQUAL(memcmp(out.table, in.table, ROWS * COLUMNS * sizeof(float)), 0);
  memory_free(out.text);
  free(out.table);
  free(in.table);
}

static void test_first_failure(void) {
  struct h5 h5;
  struct error error = {0};
  struct content in;
  uint64_t value = 17;
  write_content(&in);
  free(in.table);
  h5_open(&h5, path, &error);
  h5.hint = "why";
  h5_u64(&h5, "a/missing", &value);
  CU_ASSERT_EQUAL(h5.status, STATUS_MISMATCH);
  CU_ASSERT_TRUE(error_says(&error, "/a/missing is missing, this configuration needs 1 (why)"));
  const struct error first = error;
  h5_values(&h5, "bytes", H5_KIND_U8, 4, 0, &value);
  h5_u64(&h5, "count", &value);
  h5_absent(&h5, "count");
  h5_guard_file(&h5);
  CU_ASSERT_TRUE_FATAL(!h5_has(&h5, "count"));
  CU_ASSERT_EQUAL(h5_rows(&h5, "bytes"), 0);
  CU_ASSERT_EQUAL(h5_close(&h5), STATUS_MISMATCH);
  CU_ASSERT_EQUAL(memcmp(&first, &error, sizeof error), 0);
  CU_ASSERT_EQUAL(value, 17);
}

static void test_expectations(void) {
  float values[64];
  struct content in;
  write_content(&in);
  free(in.table);
  for (int way = 0; way < 5; way++) {
    struct h5 h5;
    struct error error = {0};
    h5_open(&h5, path, &error);
    if (way == 0) h5_values(&h5, "a/b/table", H5_KIND_FLOAT, 4, 3, values);
    if (way == 1) h5_values(&h5, "a/b/table", H5_KIND_U64, ROWS, 3, NULL);
    if (way == 2) h5_values(&h5, "a", H5_KIND_FLOAT, 1, 0, values);
    if (way == 3) h5_absent(&h5, "a/b/table");
    if (way == 4) h5_values(&h5, "a/b/table", H5_KIND_FLOAT, ROWS, 3, NULL); // only checks
    static const char *const texts[] = {"/a/b/table is 300000x3, this configuration needs 4x3", "holds no integers",
                                        "/a cannot be opened", "/a/b/table is there", ""};
    CU_ASSERT(error_says(&error, texts[way]));
    CU_ASSERT_EQUAL(h5_close(&h5) == STATUS_OK, way == 4);
  }
}

static void test_attributes(void) {
  struct h5 h5;
  struct error error = {0};
  uint64_t value = 1ull << 63, read = 0;
  double number = -123.4, got_number = 0;
  char text[] = "Pendulum-v1", got[12], shorter[11] = "before";
  h5_create(&h5, path, &error);
  h5_group(&h5, "env");
  h5_attribute(&h5, "/", "steps", &value, 0);
  h5_attribute(&h5, "env", "dim", &value, 0);
  h5_attribute_double(&h5, "/", "number", &number);
  h5_attribute_text(&h5, "env", "id", text, sizeof text);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
  h5_open(&h5, path, &error);
  h5_attribute_double(&h5, "/", "number", &got_number);
  CU_ASSERT_EQUAL(got_number, number);
  h5_attribute(&h5, "env", "dim", &read, UINT64_MAX);
  h5_attribute_text(&h5, "env", "id", got, sizeof got);
  CU_ASSERT_EQUAL(read, value);
  CU_ASSERT_STRING_EQUAL(got, text);
  CU_ASSERT_TRUE_FATAL(h5_has_attribute(&h5, "/", "steps"));
  CU_ASSERT_TRUE(!h5_has_attribute(&h5, "/", "dim"));
  CU_ASSERT_EQUAL(h5.status, STATUS_OK);
  h5_attribute_text(&h5, "env", "id", shorter, sizeof shorter);
  CU_ASSERT_EQUAL_FATAL(h5_close(&h5), STATUS_FORMAT);
  CU_ASSERT_TRUE(error_says(&error, "attribute id of env is no text of at most 10 bytes"));
  for (int way = 0; way < 5; way++) {
    error_clear(&error);
    h5_open(&h5, path, &error);
    if (way == 0) h5_attribute(&h5, "/", "steps", &read, 100);
    if (way == 1) h5_attribute(&h5, "env", "id", &read, 100);
    if (way == 2) h5_attribute(&h5, "/", "none", &read, 100);
    if (way == 3) h5_attribute_text(&h5, "/", "steps", got, sizeof got);
    if (way == 4) h5_attribute_double(&h5, "/", "steps", &got_number);
    static const char *const texts[] = {"at most 100", "is no integer", "none of / is missing", "is no text",
                                        "steps of / is no float64"};
    CU_ASSERT_EQUAL_FATAL(h5_close(&h5), STATUS_FORMAT);
    CU_ASSERT_TRUE(error_says(&error, texts[way]));
  }
  CU_ASSERT_EQUAL(read, value);
  number = NAN;
  error_clear(&error);
  h5_create(&h5, path, &error);
  h5_attribute_double(&h5, "/", "number", &number);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_FAILED);
  CU_ASSERT_TRUE(error_says(&error, "attribute number of / is nan"));
  char hostile[] = "a\nb\033[2J";
  error_clear(&error);
  h5_create(&h5, path, &error);
  h5_attribute(&h5, "/", "steps", &value, 0);
  h5_attribute_text(&h5, "/", "env", hostile, sizeof hostile);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_OK);
  h5_open(&h5, path, &error);
  h5_attribute_text(&h5, "/", "env", got, sizeof got);
  CU_ASSERT_EQUAL_FATAL(h5_close(&h5), STATUS_FORMAT);
  CU_ASSERT_TRUE(error_says(&error, "attribute env of / is no printable text: a\\nb\\x1b[2J"));
}

static void test_program_keeps_its_errors(void) {
  H5E_auto2_t print;
  void *data;
  struct h5 h5;
  int mine;
  H5Eset_auto2(H5E_DEFAULT, NULL, &mine);
  h5_open(&h5, "/none", NULL);
  CU_ASSERT_EQUAL(h5_close(&h5), STATUS_IO);
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  CU_ASSERT_PTR_EQUAL(data, &mine);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static void test_given_up(void) {
  struct h5 h5;
  struct error error = {0};
  double value = 1;
  unit_write_file(path, "old", 3);
  h5_create(&h5, path, &error);
  h5_double(&h5, "a", &value);
  CU_ASSERT_EQUAL(access(h5.temporary, F_OK), 0);
  h5_fail(&h5, STATUS_FAILED, "given up at %d", 5);
  h5_double(&h5, "b", &value);
  CU_ASSERT_EQUAL(h5_commit(&h5), STATUS_FAILED);
  CU_ASSERT_TRUE_FATAL(error_says(&error, path));
  CU_ASSERT_TRUE(error_says(&error, "given up at 5"));
  CU_ASSERT(access(h5.temporary, F_OK) != 0);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_STRING_EQUAL(text, "old");
  free(text);
}

static void alone(void (*run)(void)) {
  directory = unit_tmpdir();
  path = unit_path(directory, "a.h5");
  run();
  CU_ASSERT_EQUAL(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(path);
  unit_tmpdir_remove(directory);
}
static void both_ways(void) { alone(test_both_ways); }
static void first_failure(void) { alone(test_first_failure); }
static void expectations(void) { alone(test_expectations); }
static void attributes(void) { alone(test_attributes); }
static void program_keeps_its_errors(void) { alone(test_program_keeps_its_errors); }
static void given_up(void) { alone(test_given_up); }

int main(void) {
  static const struct unit_case cases[] = {
      {"a walk reads what it has written", both_ways},
      {"the first failure stays and later calls do nothing", first_failure},
      {"a dataset that is not as expected is named and not read", expectations},
      {"attributes come back, within their limits", attributes},
      {"the program's handling of HDF5's errors is restored", program_keeps_its_errors},
      {"an abandoned file leaves the one before", given_up},
  };
  return unit_run("checkpoint_hdf5", cases, sizeof cases / sizeof *cases);
}
