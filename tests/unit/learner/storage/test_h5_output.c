#include "learner/storage/h5_output.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { DATASETS = 40, ELEMENTS = 3000 };

static hid_t create(struct h5_output *output, const char *path) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  CU_ASSERT(h5_output_use(output, access) >= 0);
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return file;
}

static void fill(hid_t file) {
  int values[ELEMENTS];
  for (int d = 0; d < DATASETS; d++) {
    char name[16] = {'d', (char)('a' + d / 26), (char)('a' + d % 26)};
    const hid_t space = H5Screate_simple(1, (hsize_t[]){ELEMENTS}, NULL);
    const hid_t dataset = H5Dcreate2(file, name, H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int i = 0; i < ELEMENTS; i++) values[i] = d * i;
    CU_ASSERT(H5Dwrite(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    CU_ASSERT(H5Dclose(dataset) >= 0);
    H5Sclose(space);
  }
}

// Every dataset holds what was written, as far as HDF5 can tell.
static void check(hid_t file) {
  int values[ELEMENTS], wrong = 0;
  for (int d = 0; d < DATASETS; d++) {
    char name[16] = {'d', (char)('a' + d / 26), (char)('a' + d % 26)};
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    CU_ASSERT(H5Dread(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    for (int i = 0; i < ELEMENTS; i++) wrong += values[i] != d * i;
    H5Dclose(dataset);
  }
  CU_ASSERT_EQUAL(wrong, 0);
}

static void test_plain(void) {
  char *directory = unit_tmpdir(), *path = unit_path(directory, "a.h5");
  struct h5_output output;
  unit_write_file(path, "something that stood there before", 33);
  h5_output_open(&output, path);
  CU_ASSERT_EQUAL(output.failure, 0);
  hid_t file = create(&output, path);
  CU_ASSERT_FATAL(file >= 0);
  fill(file);
  CU_ASSERT(H5Fclose(file) >= 0);
  h5_output_close(&output);
  CU_ASSERT_EQUAL(output.failure, 0);
  CU_ASSERT_TRUE(!output.file);
  file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT); // through HDF5's own driver
  CU_ASSERT_FATAL(file >= 0);
  check(file);
  H5Fclose(file);
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_failing(void) {
  static const rlim_t limits[] = {0, 10, 3000, 100000, 300000};
  char *directory = unit_tmpdir(), *path = unit_path(directory, "a.h5");
  struct rlimit before;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct h5_output output;
    h5_output_open(&output, path);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], before.rlim_max});
    const hid_t file = create(&output, path);
    CU_ASSERT_FATAL(file >= 0);
    fill(file);
    CU_ASSERT(H5Fflush(file, H5F_SCOPE_LOCAL) >= 0);
    check(file);
    CU_ASSERT(H5Fclose(file) >= 0);
    h5_output_close(&output);
    CU_ASSERT_EQUAL(output.failure, EFBIG);
    CU_ASSERT_EQUAL(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    setrlimit(RLIMIT_FSIZE, &before);
  }
  free(path);
  unit_tmpdir_remove(directory);
}

static void test_no_file(void) {
  struct h5_output output;
  h5_output_open(&output, "/none/a.h5");
  CU_ASSERT_TRUE_FATAL(!output.file);
  CU_ASSERT_EQUAL(output.failure, ENOENT);
  h5_output_close(&output);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a file written through it is a plain HDF5 file", test_plain},
      {"after a failed write HDF5 goes on as if it had succeeded, and the failure is known", test_failing},
      {"a file that cannot be opened is a failure", test_no_file},
  };
  return unit_run("h5_output", cases, sizeof cases / sizeof *cases);
}
