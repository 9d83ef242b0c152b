#include "launch/policy/output_file.h"

#include "tests/support/unit.h"

static const char *const ends[] = {".csv", ".h5"};

static void test_end(void) {
  CU_ASSERT_TRUE(output_file_is("a.csv", ".csv"));
  CU_ASSERT_FALSE(output_file_is("a.csv", ".h5"));
  CU_ASSERT_FALSE(output_file_is(".csv", ".csv")); // no name before the end
  CU_ASSERT_FALSE(output_file_is("v", ".csv"));
}

static void test_check(void) {
  char *directory = unit_tmpdir();
  struct error error = {0};
  UNIT_STATUS(output_file_check("--trace", unit_in(directory, "a.csv"), ends, &error), STATUS_OK, &error);
  UNIT_STATUS(output_file_check("--trace", "a.h5", ends, &error), STATUS_OK, &error); // in the working directory
  UNIT_STATUS(output_file_check("--trace", "a.txt", ends, &error), STATUS_USAGE, &error);
  CU_ASSERT_TRUE(error_said(&error, "--trace a.txt: the name must end in .csv or .h5"));
  UNIT_STATUS(output_file_check("--trace", unit_in(directory, "none/a.h5"), ends, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "no file can be made in"));
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a name ends in a format's end only where something stands before it", test_end},
      {"a name without a format, or in a missing directory, is an error", test_check},
  };
  return unit_run("output_file", cases, sizeof cases / sizeof *cases);
}
