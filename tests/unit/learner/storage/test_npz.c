// The .npz files that are written are read back, those that NumPy writes too, and damaged ones are refused.
#include "learner/storage/npz.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static char *directory;

// And clears it for the next one.
static const float MATRIX[2][3] = {{1.5f, -2, 3e-20f}, {4, 5, 6}};
static const double VECTOR[2] = {-0.1, 1e300};

// The bytes of a small file.
static struct buffer make(void) {
  struct npz npz;
  struct error error = {0};
  const uint64_t number = 12345678901;
  npz_begin(&npz);
  UNIT_STATUS(npz_add(&npz, "a.weight", NPZ_FLOAT, 2, 3, MATRIX, &error), STATUS_OK, &error);
  UNIT_STATUS(npz_add(&npz, "vector", NPZ_DOUBLE, 2, 0, VECTOR, &error), STATUS_OK, &error);
  UNIT_STATUS(npz_add(&npz, "number", NPZ_U64, 0, 0, &number, &error), STATUS_OK, &error);
  UNIT_STATUS(npz_add(&npz, "text", NPZ_TEXT, 0, 0, "Pendulum-v1", &error), STATUS_OK, &error);
  UNIT_STATUS(npz_add(&npz, "nothing", NPZ_TEXT, 0, 0, "", &error), STATUS_OK, &error);
  UNIT_STATUS(npz_end(&npz, &error), STATUS_OK, &error);
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
  UNIT_STATUS_FATAL(npz_open(&npz, path, &error), STATUS_OK, &error);
  float matrix[2][3];
  double vector[2], wide[6];
  uint64_t number = 0, dim[2];
  char text[32];
  CU_ASSERT_TRUE_FATAL(npz_has(&npz, "vector"));
  CU_ASSERT_TRUE_FATAL(!npz_has(&npz, "vec"));
  CU_ASSERT_TRUE(!npz_has(&npz, "vector.npy"));
  UNIT_STATUS(npz_shape(&npz, "a.weight", dim, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(dim[0], 2);
  CU_ASSERT_EQUAL(dim[1], 3);
  UNIT_STATUS(npz_read(&npz, "a.weight", NPZ_FLOAT, 2, 3, matrix, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(memcmp(matrix, MATRIX, sizeof matrix), 0);
  UNIT_STATUS(npz_read(&npz, "a.weight", NPZ_DOUBLE, 2, 3, wide, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(wide[1], -2);
  CU_ASSERT_EQUAL(wide[2], (double)3e-20f);
  UNIT_STATUS(npz_read(&npz, "vector", NPZ_DOUBLE, 2, 0, vector, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(memcmp(vector, VECTOR, sizeof vector), 0);
  UNIT_STATUS(npz_read(&npz, "number", NPZ_U64, 1, 0, &number, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(number, 12345678901);
  UNIT_STATUS(npz_read_text(&npz, "text", text, sizeof text, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(text, "Pendulum-v1");
  UNIT_STATUS(npz_read_text(&npz, "text", text, 5, &error), STATUS_OK, &error); // cut off where there is no room
  CU_ASSERT_STRING_EQUAL(text, "Pend");
  UNIT_STATUS(npz_read_text(&npz, "nothing", text, sizeof text, &error), STATUS_OK, &error);
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
  UNIT_STATUS_FATAL(npz_open(&npz, path, &error), STATUS_OK, &error);
  UNIT_STATUS(npz_read(&npz, "a.weight", NPZ_FLOAT, 3, 2, values, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_said(&error, "x.npz: array a.weight is (2 x 3), not (3 x 2)"));
  UNIT_STATUS(npz_read(&npz, "vector", NPZ_FLOAT, 3, 0, values, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_said(&error, "array vector is (2 x 1), not (3 x 1)"));
  UNIT_STATUS(npz_read(&npz, "a.weight", NPZ_FLOAT, 2, 0, values, &error), STATUS_MISMATCH, &error);
  CU_ASSERT(error_said(&error, "array a.weight is (2 x 3), not (2 x 1)"));
  UNIT_STATUS(npz_read(&npz, "b", NPZ_FLOAT, 2, 0, values, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_said(&error, "has no array b"));
  UNIT_STATUS(npz_read(&npz, "text", NPZ_FLOAT, 1, 0, values, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_said(&error, "is text where numbers should be"));
  UNIT_STATUS(npz_read_text(&npz, "vector", text, sizeof text, &error), STATUS_FORMAT, &error);
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
    UNIT_STATUS(npz_open(&npz, path, &error), STATUS_FORMAT, &error);
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

// --- made by hand ---

// An array of a zip file as somebody may have written it.
struct member {
  const char *name, *header; // of the file; of the array
  const void *bytes;
  size_t size, declared; // declared: what the list says of its unpacked size; 0: the truth
  bool deflated;
  const char *local_name; // NULL: name
};

static uint8_t *put(uint8_t *to, size_t bytes, uint64_t value) {
  for (size_t i = 0; i < bytes; i++) *to++ = (uint8_t)(value >> 8 * i);
  return to;
}

static uint8_t *put_text(uint8_t *to, const void *text, size_t size) {
  if (size > 0) memcpy(to, text, size);
  return to + size;
}

// The head of a member, the same in both places but for its beginning and end.
static uint8_t *put_head(uint8_t *to, const struct member *m, const char *name, uint32_t checksum, size_t packed,
                         size_t unpacked, bool listed) {
  to = put(to, 4, listed ? 0x02014b50 : 0x04034b50);
  if (listed) to = put(to, 2, 20);
  to = put(put(put(to, 2, 20), 2, 0), 2, m->deflated ? 8 : 0);
  to = put(put(put(put(to, 4, 0), 4, checksum), 4, packed), 4, m->declared ? m->declared : unpacked);
  to = put(put(to, 2, strlen(name)), 2, 0);
  return to;
}

// Writes x.npz of these arrays; returns its path.
static char *make_file(const struct member *member, size_t count) {
  enum { ROOM = 1 << 22 };
  uint8_t *file = malloc(ROOM), *list = malloc(1 << 16), *array = malloc(ROOM), *to = file, *at = list;
  for (size_t i = 0; i < count; i++) {
    const struct member *m = &member[i];
    const char *local = m->local_name ? m->local_name : m->name;
    uint8_t *end = put_text(array, "\x93NUMPY\1", 8);
    end = put_text(put(end, 2, strlen(m->header)), m->header, strlen(m->header));
    end = put_text(end, m->bytes, m->size);
    const size_t unpacked = (size_t)(end - array), start = (size_t)(to - file);
    const uint32_t checksum = (uint32_t)crc32(0, array, (uInt)unpacked);
    uint8_t *packed = malloc(ROOM);
    size_t size = unpacked;
    memcpy(packed, array, unpacked);
    if (m->deflated) {
      z_stream stream = {.next_in = array, .avail_in = (uInt)unpacked, .next_out = packed, .avail_out = ROOM};
      CU_ASSERT_EQUAL(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
      CU_ASSERT_EQUAL(deflate(&stream, Z_FINISH), Z_STREAM_END);
      size = stream.total_out;
      deflateEnd(&stream);
    }
    to = put_text(put_head(to, m, local, checksum, size, unpacked, false), local, strlen(local));
    to = put_text(to, packed, size);
    at = put(put(put_head(at, m, m->name, checksum, size, unpacked, true), 4, 0), 6, 0); // comment, disk, attributes
    at = put_text(put(at, 4, start), m->name, strlen(m->name));
    free(packed);
  }
  const size_t where = (size_t)(to - file), listed = (size_t)(at - list);
  to = put_text(to, list, listed);
  to = put(put(put(to, 4, 0x06054b50), 4, 0), 2, count);
  to = put(put(put(put(to, 2, count), 4, listed), 4, where), 2, 0);
  char *path = write_bytes(file, (size_t)(to - file));
  free(file);
  free(list);
  free(array);
  return path;
}

#define HEADER(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"

static void test_integers(void) {
  static const int8_t i1[3] = {-3, 0, 127};
  static const uint8_t u1[3] = {3, 0, 255};
  static const int16_t i2[3] = {-300, 1, 32767};
  static const uint16_t u2[3] = {40000, 1, 65535};
  static const int32_t i4[3] = {-70000, 1, INT32_MAX};
  static const uint32_t u4[3] = {3000000000u, 1, UINT32_MAX};
  static const int64_t i8[3] = {-(1ll << 40), 1, (1ll << 53) + 1};
  static const uint64_t u8[3] = {1ull << 63, 1, (1ull << 53) + 1};
  static const uint8_t b1[3] = {1, 0, 1};
  const struct {
    struct member member;
    double values[3];
    bool counts; // none is negative
  } cases[] = {
      {{"x.npy", HEADER("|i1", "(3,)"), i1, sizeof i1, 0, false, NULL}, {-3, 0, 127}, false},
      {{"x.npy", HEADER("<i1", "(3,)"), i1, sizeof i1, 0, true, NULL}, {-3, 0, 127}, false},
      {{"x.npy", HEADER("|u1", "(3,)"), u1, sizeof u1, 0, false, NULL}, {3, 0, 255}, true},
      {{"x.npy", HEADER("<i2", "(3,)"), i2, sizeof i2, 0, false, NULL}, {-300, 1, 32767}, false},
      {{"x.npy", HEADER("<u2", "(3,)"), u2, sizeof u2, 0, false, NULL}, {40000, 1, 65535}, true},
      {{"x.npy", HEADER("<i4", "(3,)"), i4, sizeof i4, 0, true, NULL}, {-70000, 1, INT32_MAX}, false},
      {{"x.npy", HEADER("<u4", "(3,)"), u4, sizeof u4, 0, false, NULL}, {3e9, 1, UINT32_MAX}, true},
      {{"x.npy", HEADER("<i8", "(3,)"), i8, sizeof i8, 0, false, NULL}, {-0x1p40, 1, 0x1p53}, false},
      {{"x.npy", HEADER("<u8", "(3,)"), u8, sizeof u8, 0, false, NULL}, {0x1p63, 1, 0x1p53}, true},
      {{"x.npy", HEADER("|b1", "(3,)"), b1, sizeof b1, 0, false, NULL}, {1, 0, 1}, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct npz npz;
    struct error error = {0};
    char *path = make_file(&cases[i].member, 1);
    double wide[3];
    float narrow[3];
    uint64_t counts[3] = {0};
    UNIT_STATUS_FATAL(npz_open(&npz, path, &error), STATUS_OK, &error);
    UNIT_STATUS(npz_read(&npz, "x", NPZ_DOUBLE, 3, 0, wide, &error), STATUS_OK, &error);
    UNIT_STATUS(npz_read(&npz, "x", NPZ_FLOAT, 3, 0, narrow, &error), STATUS_OK, &error);
    for (int k = 0; k < 3; k++) {
      CU_ASSERT_EQUAL(wide[k], cases[i].values[k]);
      CU_ASSERT_EQUAL(narrow[k], (float)cases[i].values[k]);
    }
    const enum status status = npz_read(&npz, "x", NPZ_U64, 3, 0, counts, &error);
    CU_ASSERT_EQUAL(status == STATUS_OK, cases[i].counts);
    if (cases[i].counts) CU_ASSERT_EQUAL((double)counts[0], cases[i].values[0]);
    if (cases[i].member.bytes == u8) CU_ASSERT_EQUAL(counts[2], (1ull << 53) + 1);
    if (!cases[i].counts) {
      CU_ASSERT_TRUE_FATAL(error_said(&error, "x: -"));
      CU_ASSERT_TRUE(!error.text[0]);
    }
    npz_release(&npz);
    free(path);
  }
}

static void test_types_refused(void) {
  static const char zeros[64];
  static const struct {
    const char *header;
    size_t size;
    const char *says;
  } cases[] = {
      {HEADER(">f4", "(2,)"), 8, "of a type that is not known here: '>f4'"},
      {HEADER(">i8", "(2,)"), 16, "not known here: '>i8'"},
      {HEADER("<f2", "(2,)"), 4, "not known here: '<f2'"},
      {HEADER("<f16", "(2,)"), 32, "not known here: '<f16'"},
      {HEADER("<c8", "(2,)"), 16, "not known here: '<c8'"},
      {HEADER("|O", "(2,)"), 8, "not known here: '|O'"},
      {HEADER("|S8", "(2,)"), 16, "not known here: '|S8'"},
      {HEADER("|V8", "(2,)"), 16, "not known here: '|V8'"},
      {HEADER("<i3", "(2,)"), 6, "not known here: '<i3'"},
      {HEADER("<i16", "(2,)"), 32, "not known here"},
      {HEADER("<b8", "(2,)"), 16, "not known here"},
      {HEADER("<M8[s]", "(2,)"), 16, "not known here"},
      {HEADER("<i", "(2,)"), 8, "not known here"},
      {HEADER("<", "(2,)"), 8, "not known here"},
      {HEADER("<f99999999999999999999", "(2,)"), 8, "not known here"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "not known here"},
      {"{'descr': '", 8, "not known here"},
      {"{'descr': '<", 8, "not known here"},
      {"{'descr':", 8, "not known here"},
      {"", 8, "not known here"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2", 8, "has a shape that makes no sense"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': ", 8, "has a shape that makes no sense"},
      {"{'descr': '<f4', 'fortran_order': False}", 8, "has a shape that makes no sense"},
      {HEADER("<f4", "(-1,)"), 4, "has a shape that makes no sense"},
      {HEADER("<f4", "(4294967296, 4294967296)"), 4, "has a shape that makes no sense"},
      {HEADER("<f4", "(1, 1, 2)"), 8, "more than 2 dimensions"},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }", 8, "in Fortran's order"},
      {HEADER("<f4", "(2,)"), 12, "its size is not that of its shape"},
      {HEADER("<f4", "(2,)"), 4, "its size is not that of its shape"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int deflated = 0; deflated < 2; deflated++) {
      struct npz npz;
      struct error error = {0};
      float x[2];
      const struct member member = {"x.npy", cases[i].header, zeros, cases[i].size, 0, deflated, NULL};
      char *path = make_file(&member, 1);
      UNIT_STATUS_FATAL(npz_open(&npz, path, &error), STATUS_OK, &error);
      UNIT_STATUS(npz_read(&npz, "x", NPZ_FLOAT, 2, 0, x, &error), STATUS_FORMAT, &error);
      CU_ASSERT(error_said(&error, cases[i].says));
      npz_release(&npz);
      free(path);
    }
  }
}

static void test_texts(void) {
  static const char zeros[64];
  const struct {
    struct member member;
    enum status status;
  } cases[] = {
      {{"x.npy", HEADER("<U4", "(0,)"), zeros, 0, 0, false, NULL}, STATUS_FORMAT}, // a text of no bytes at all
      {{"x.npy", HEADER("<U4", "(2,)"), zeros, 32, 0, false, NULL}, STATUS_FORMAT},
      {{"x.npy", HEADER("<U0", "()"), zeros, 0, 0, false, NULL}, STATUS_OK},
      {{"x.npy", HEADER("<U0", "()"), zeros, 0, 0, true, NULL}, STATUS_OK},
      {{"x.npy", HEADER("<U4", "()"), zeros, 16, 0, false, NULL}, STATUS_OK},
      {{"x.npy", HEADER("<U999999999", "()"), zeros, 16, 0, false, NULL}, STATUS_FORMAT},
      {{"x.npy", HEADER("|b1", "(0,)"), zeros, 0, 0, false, NULL}, STATUS_FORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct npz npz;
    char *path = make_file(&cases[i].member, 1), text[8] = "before";
    CU_ASSERT_EQUAL_FATAL(npz_open(&npz, path, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(npz_read_text(&npz, "x", text, sizeof text, NULL), cases[i].status);
    CU_ASSERT_STRING_EQUAL(text, "");
    npz_release(&npz);
    free(path);
  }
}

static void test_bombs(void) {
  enum { BIG = 2000000 };
  static char zeros[BIG];
  const struct member twice[2] = {{"x.npy", HEADER("<f4", "(2,)"), zeros, 8, 0, false, NULL},
                                  {"x.npy", HEADER("<f4", "(2,)"), "12345678", 8, 0, false, NULL}};
  const struct {
    struct member member;
    const char *says;
  } cases[] = {
      {{"x.npy", HEADER("<f4", "(500000,)"), zeros, BIG, 0, true, NULL}, "unpacks to more than"},
      {{"x.npy", HEADER("<f4", "(2,)"), zeros, 8, 0xfffffff0, true, NULL}, "unpacks to more than"},
      {{"x.npy", HEADER("<f4", "(2,)"), zeros, 8, 500000, true, NULL}, "cannot be unpacked"},
      {{"x.npy", HEADER("<f4", "(2,)"), zeros, 8, 9, true, NULL}, "cannot be unpacked"},
      {{"x.npy", HEADER("<f4", "(2,)"), zeros, 8, 500000, false, NULL}, "packed in a way that NumPy does not use"},
      {{"x.npy", HEADER("<f4", "(2,)"), zeros, 8, 0, false, "y.npy"}, "another name in the list than where it stands"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct npz npz;
    struct error error = {0};
    uint64_t dim[2];
    char *path = make_file(&cases[i].member, 1);
    UNIT_STATUS_FATAL(npz_open(&npz, path, &error), STATUS_OK, &error);
    UNIT_STATUS(npz_shape(&npz, "x", dim, &error), STATUS_FORMAT, &error);
    CU_ASSERT(error_said(&error, cases[i].says));
    npz_release(&npz);
    free(path);
  }
  struct npz npz;
  struct error error = {0};
  char *path = make_file(twice, 2);
  UNIT_STATUS(npz_open(&npz, path, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_said(&error, "x.npy is in it twice"));
  npz_release(&npz);
  free(path);
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
  UNIT_STATUS_FATAL(npz_open(&npz, path, &error), STATUS_OK, &error);
  UNIT_STATUS(npz_read(&npz, "x", NPZ_FLOAT, 2, 3, x, &error), STATUS_OK, &error);
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(x[i], (float)i);
  UNIT_STATUS(npz_read(&npz, "i", NPZ_FLOAT, 1, 0, x, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(x[0], -7);
  UNIT_STATUS(npz_read_text(&npz, "e", text, sizeof text, &error), STATUS_OK, &error);
  CU_ASSERT_STRING_EQUAL(text, "ab");
  UNIT_STATUS(npz_read(&npz, "f", NPZ_FLOAT, 2, 3, x, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_said(&error, "Fortran's order"));
  UNIT_STATUS(npz_read(&npz, "c", NPZ_FLOAT, 3, 0, x, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_said(&error, "a type that is not known here"));
  UNIT_STATUS(npz_read(&npz, "k", NPZ_FLOAT, 2, 2, x, &error), STATUS_FORMAT, &error);
  CU_ASSERT(error_said(&error, "more than 2 dimensions"));
  npz_release(&npz);
  free(path);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"what is written is read back, bit for bit", test_round_trip},
      {"another shape or type is an error that says both", test_mismatches},
      {"damage anywhere is found", test_damage},
      {"integers of every width and sign are read as they are, or refused where counts are wanted", test_integers},
      {"other types and headers cut short are refused, by their names", test_types_refused},
      {"a text is a scalar, and may be empty", test_texts},
      {"an array that unpacks to too much, or is there twice, is refused", test_bombs},
      {"NumPy's own files are read, also packed ones", test_numpy},
  };
  directory = unit_tmpdir();
  const int result = unit_run("npz", cases, sizeof cases / sizeof *cases);
  unit_tmpdir_remove(directory);
  return result;
}
