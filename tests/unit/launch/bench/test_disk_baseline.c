#include "launch/bench/disk_baseline.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_round_trip(void) {
  static const uint32_t width[] = {17, 6, 1, 400000}; // the last: a row is more than a chunk
  char directory[] = "/tmp/corsac-test-XXXXXX", path[64];
  struct error error = {0};
  struct stat info;
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/plain.h5", directory);
  UNIT_STATUS(disk_baseline_write(path, 30000, width, 3, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(stat(path, &info), 0);
  CU_ASSERT_TRUE(info.st_size >= 30000 * 24 * 4);
  UNIT_STATUS(disk_baseline_read(path, 30000, width, 3, &error), STATUS_OK, &error);
  UNIT_STATUS(disk_baseline_write(path, 3, width, 4, &error), STATUS_OK, &error);
  UNIT_STATUS(disk_baseline_read(path, 3, width, 4, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(truncate(path, 5000), 0); // what is not there is not read
  UNIT_STATUS(disk_baseline_read(path, 3, width, 4, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, path));
  unlink(path);
  error = (struct error){0};
  UNIT_STATUS(disk_baseline_read(path, 3, width, 4, &error), STATUS_IO, &error);
  rmdir(directory);
  error = (struct error){0};
  UNIT_STATUS(disk_baseline_write(path, 3, width, 4, &error), STATUS_IO, &error);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a plain file is written and read, and a failure names it", test_round_trip},
  };
  return unit_run("disk_baseline", cases, sizeof cases / sizeof *cases);
}
