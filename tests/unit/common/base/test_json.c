#include "common/base/json.h"

#include "common/base/streams.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is(json_t *value, const char *text) {
  char *shown = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  const bool same = shown && strcmp(shown, text) == 0;
  if (!same) fprintf(stderr, "    is %s, not %s\n", shown ? shown : "NULL", text);
  free(shown);
  json_decref(value);
  return same;
}

static void test_text(void) {
  CU_ASSERT_TRUE(is(json_text("a \"b\" \xc3\xa9"), "\"a \\\"b\\\" \xc3\xa9\""));
  CU_ASSERT_TRUE(is(json_text("x\xff\ny"), "\"x\\\\xff\\\\ny\""));
  CU_ASSERT_TRUE(is(json_text(""), "\"\""));
}

static void test_count(void) {
  CU_ASSERT_TRUE(is(json_count(0), "0"));
  CU_ASSERT_TRUE(is(json_count(INT64_MAX), "9223372036854775807"));
  CU_ASSERT_TRUE(is(json_count((uint64_t)INT64_MAX + 1), "\"9223372036854775808\""));
  CU_ASSERT_TRUE(is(json_count(UINT64_MAX), "\"18446744073709551615\""));
}

static void test_arrays(void) {
  const double doubles[] = {1, 1.0 / 3, NAN}, infinite[] = {1, INFINITY};
  const float floats[] = {0.5f, -2, INFINITY};
  CU_ASSERT_TRUE(is(json_doubles(doubles, 2), "[1.0,0.33333333333333331]"));
  CU_ASSERT_TRUE(is(json_floats(floats, 2), "[0.5,-2.0]"));
  CU_ASSERT_TRUE(is(json_doubles(doubles, 0), "[]"));
  CU_ASSERT_PTR_NULL(json_doubles(doubles, 3));
  CU_ASSERT_PTR_NULL(json_doubles(infinite, 2));
  CU_ASSERT_PTR_NULL(json_floats(floats, 3));
}

static void test_print(void) {
  char *directory = unit_tmpdir(), *path = unit_in(directory, "out");
  struct error error = {0};
  fflush(stdout);
  const int before = dup(STDOUT_FILENO);
  CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(path, "w", stdout));
  const enum status status = json_print(json_pack("{s:f}", "x", 1.0 / 3), &error);
  fflush(stdout);
  dup2(before, STDOUT_FILENO);
  close(before);
  UNIT_STATUS(status, STATUS_OK, &error);
  char *text = unit_read_file(path, NULL);
  CU_ASSERT_STRING_EQUAL(text, "{\n  \"x\": 0.33333333333333331\n}\n");
  free(text);
  UNIT_STATUS(json_print(NULL, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE(error_says(&error, "not finite"));
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a text becomes a string that Jansson accepts, whatever bytes it holds", test_text},
      {"a count keeps every bit", test_count},
      {"an array of numbers that are not all finite is no array", test_arrays},
      {"a value is printed with every bit of its numbers", test_print},
  };
  return unit_run("json", cases, sizeof cases / sizeof *cases);
}
