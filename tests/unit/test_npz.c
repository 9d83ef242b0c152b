// The .npz files that are written are read back, those that NumPy writes too, and damaged ones are refused.
#include "learner/npz.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *directory;

// And clears it for the next one.
static bool says(struct error *error, const char *text) {
  const bool found = strstr(error->text, text);
  if (!found) fprintf(stderr, "  '%s' does not say '%s'\n", error->text, text);
  error_clear(error);
  return found;
}

static const float MATRIX[2][3] = {{1.5f, -2, 3e-20f}, {4, 5, 6}};
static const double VECTOR[2] = {-0.1, 1e300};

// The bytes of a small file.
static struct buffer make(void) {
  struct npz npz;
  struct error error = {0};
  const uint64_t number = 12345678901;
  npz_begin(&npz);
  CU_ASSERT_EQUAL(npz_add(&npz, "a.weight", NPZ_FLOAT, 2, 3, MATRIX, &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_add(&npz, "vector", NPZ_DOUBLE, 2, 0, VECTOR, &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_add(&npz, "number", NPZ_U64, 0, 0, &number, &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_add(&npz, "text", NPZ_TEXT, 0, 0, "Pendulum-v1", &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_add(&npz, "nothing", NPZ_TEXT, 0, 0, "", &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_end(&npz, &error), STATUS_OK);
  struct buffer file = npz.file;
  npz.file = (struct buffer){0};
  npz_release(&npz);
  return file;
}

static char *write_bytes(const void *bytes, size_t size) {
  char *path = unit_path(directory, "x.npz");
  unit_write_file(path, bytes, size);
  return path;
}

static void test_round_trip(void) {
  struct npz npz;
  struct error error = {0};
  struct buffer file = make();
  char *path = write_bytes(file.data, file.size);
  CU_ASSERT_EQUAL_FATAL(npz_open(&npz, path, &error), STATUS_OK);
  float matrix[2][3];
  double vector[2], wide[6];
  uint64_t number = 0, dim[2];
  char text[32];
  CU_ASSERT(npz_has(&npz, "vector") && !npz_has(&npz, "vec") && !npz_has(&npz, "vector.npy"));
  CU_ASSERT_EQUAL(npz_shape(&npz, "a.weight", dim, &error), STATUS_OK);
  CU_ASSERT(dim[0] == 2 && dim[1] == 3);
  CU_ASSERT_EQUAL(npz_read(&npz, "a.weight", NPZ_FLOAT, 2, 3, matrix, &error), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(matrix, MATRIX, sizeof matrix), 0);
  CU_ASSERT_EQUAL(npz_read(&npz, "a.weight", NPZ_DOUBLE, 2, 3, wide, &error), STATUS_OK);
  CU_ASSERT(wide[1] == -2 && wide[2] == (double)3e-20f);
  CU_ASSERT_EQUAL(npz_read(&npz, "vector", NPZ_DOUBLE, 2, 0, vector, &error), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(vector, VECTOR, sizeof vector), 0);
  CU_ASSERT_EQUAL(npz_read(&npz, "number", NPZ_U64, 1, 0, &number, &error), STATUS_OK);
  CU_ASSERT_EQUAL(number, 12345678901);
  CU_ASSERT_EQUAL(npz_read_text(&npz, "text", text, sizeof text, &error), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(text, "Pendulum-v1");
  CU_ASSERT_EQUAL(npz_read_text(&npz, "text", text, 5, &error), STATUS_OK); // cut off where there is no room
  CU_ASSERT_STRING_EQUAL(text, "Pend");
  CU_ASSERT_EQUAL(npz_read_text(&npz, "nothing", text, sizeof text, &error), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(text, "");
  npz_release(&npz);
  buffer_release(&file);
  free(path);
}

static void test_mismatches(void) {
  struct npz npz;
  struct error error = {0};
  struct buffer file = make();
  char *path = write_bytes(file.data, file.size), text[8];
  float values[8];
  CU_ASSERT_EQUAL_FATAL(npz_open(&npz, path, &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_read(&npz, "a.weight", NPZ_FLOAT, 3, 2, values, &error), STATUS_MISMATCH);
  CU_ASSERT(says(&error, "x.npz: array a.weight is (2 x 3), not (3 x 2)"));
  CU_ASSERT_EQUAL(npz_read(&npz, "vector", NPZ_FLOAT, 3, 0, values, &error), STATUS_MISMATCH);
  CU_ASSERT(says(&error, "array vector is (2 x 1), not (3 x 1)"));
  CU_ASSERT_EQUAL(npz_read(&npz, "a.weight", NPZ_FLOAT, 2, 0, values, &error), STATUS_MISMATCH);
  CU_ASSERT(says(&error, "array a.weight is (2 x 3), not (2 x 1)"));
  CU_ASSERT_EQUAL(npz_read(&npz, "b", NPZ_FLOAT, 2, 0, values, &error), STATUS_FORMAT);
  CU_ASSERT(says(&error, "has no array b"));
  CU_ASSERT_EQUAL(npz_read(&npz, "text", NPZ_FLOAT, 1, 0, values, &error), STATUS_FORMAT);
  CU_ASSERT(says(&error, "is text where numbers should be"));
  CU_ASSERT_EQUAL(npz_read_text(&npz, "vector", text, sizeof text, &error), STATUS_FORMAT);
  npz_release(&npz);
  buffer_release(&file);
  free(path);
}

// Every truncation, and every byte changed: an error or the right numbers, never another number nor a fault.
static void test_damage(void) {
  struct buffer file = make();
  for (size_t cut = 0; cut < file.size; cut += 7) {
    struct npz npz;
    struct error error = {0};
    char *path = write_bytes(file.data, cut);
    CU_ASSERT_EQUAL(npz_open(&npz, path, &error), STATUS_FORMAT);
    npz_release(&npz);
    free(path);
  }
  size_t refused = 0;
  for (size_t at = 0; at < file.size; at++) {
    struct npz npz;
    struct error error = {0};
    file.data[at] ^= 0xff;
    char *path = write_bytes(file.data, file.size);
    float matrix[2][3];
    enum status status = npz_open(&npz, path, &error);
    if (status == STATUS_OK) status = npz_read(&npz, "a.weight", NPZ_FLOAT, 2, 3, matrix, &error);
    if (status != STATUS_OK) refused++;
    if (status == STATUS_OK) CU_ASSERT_EQUAL(memcmp(matrix, MATRIX, sizeof matrix), 0);
    npz_release(&npz);
    file.data[at] ^= 0xff;
    free(path);
  }
  CU_ASSERT(refused > 150); // the array's own bytes at least
  buffer_release(&file);
}

// numpy.savez_compressed(x=arange(6).reshape(2, 3) as float64): deflated, with other number types.
static void test_numpy(void) {
  char *path = unit_path(directory, "numpy.npz"), command[4096];
  snprintf(command, sizeof command,
           "PYTHONNOUSERSITE=1 /usr/bin/python3 -c \"import numpy as n; n.savez_compressed('%s', "
           "x=n.arange(6.).reshape(2, 3), "
           "f=n.zeros((2, 3), order='F'), i=n.int32(-7), e=n.str_('ab'), c=n.zeros(3, complex), "
           "k=n.zeros((2, 2, 2)))\" 2>/dev/null",
           path);
  if (system(command) != 0) { // no numpy here: the e2e tests have one
    CU_PASS("no numpy");
    free(path);
    return;
  }
  struct npz npz;
  struct error error = {0};
  float x[6];
  char text[8];
  CU_ASSERT_EQUAL_FATAL(npz_open(&npz, path, &error), STATUS_OK);
  CU_ASSERT_EQUAL(npz_read(&npz, "x", NPZ_FLOAT, 2, 3, x, &error), STATUS_OK);
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(x[i], (float)i);
  CU_ASSERT_EQUAL(npz_read(&npz, "i", NPZ_FLOAT, 1, 0, x, &error), STATUS_OK);
  CU_ASSERT_EQUAL(x[0], -7);
  CU_ASSERT_EQUAL(npz_read_text(&npz, "e", text, sizeof text, &error), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(text, "ab");
  CU_ASSERT_EQUAL(npz_read(&npz, "f", NPZ_FLOAT, 2, 3, x, &error), STATUS_FORMAT);
  CU_ASSERT(says(&error, "Fortran's order"));
  CU_ASSERT_EQUAL(npz_read(&npz, "c", NPZ_FLOAT, 3, 0, x, &error), STATUS_FORMAT);
  CU_ASSERT(says(&error, "a type that is not known here"));
  CU_ASSERT_EQUAL(npz_read(&npz, "k", NPZ_FLOAT, 2, 2, x, &error), STATUS_FORMAT);
  CU_ASSERT(says(&error, "more than 2 dimensions"));
  npz_release(&npz);
  free(path);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"what is written is read back, bit for bit", test_round_trip},
      {"another shape or type is an error that says both", test_mismatches},
      {"damage anywhere is found", test_damage},
      {"NumPy's own files are read, packed ones too", test_numpy},
  };
  directory = unit_tmpdir();
  const int result = unit_run("npz", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return result;
}
