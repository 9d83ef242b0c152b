#include "learner/run/event_file.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// RFC 3720, B.4, and the check value of the CRC catalogues.
static void test_crc(void) {
  uint8_t bytes[32] = {0};
  CU_ASSERT_EQUAL(event_file_crc32c("123456789", 9), 0xe3069283);
  CU_ASSERT_EQUAL(event_file_crc32c(bytes, 32), 0x8a9136aa);
  memset(bytes, 0xff, 32);
  CU_ASSERT_EQUAL(event_file_crc32c(bytes, 32), 0x62a8ab43);
  for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
  CU_ASSERT_EQUAL(event_file_crc32c(bytes, 32), 0x46dd794e);
  CU_ASSERT_EQUAL(event_file_crc32c("", 0), 0);
  CU_ASSERT_EQUAL(event_file_mask(0), 0xa282ead8);
  CU_ASSERT_EQUAL(event_file_mask(0x00008001), 0xa282ead8 + 0x00020001); // low 15 bits go up, the rest comes down
}

static uint64_t little_endian(const char *bytes, int count) {
  uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | (uint8_t)bytes[i];
  return value;
}

// The record at *at, checked; false where no whole one is left.
static bool next_record(const char *bytes, size_t size, size_t *at, const char **data, size_t *length) {
  if (size - *at < EVENT_FILE_HEAD) return false;
  const char *head = bytes + *at;
  CU_ASSERT_EQUAL(little_endian(head + 8, 4), event_file_mask(event_file_crc32c(head, 8)));
  *length = (size_t)little_endian(head, 8);
  if (size - *at - EVENT_FILE_HEAD < *length + EVENT_FILE_TAIL) return false;
  *data = head + EVENT_FILE_HEAD;
  CU_ASSERT_EQUAL(little_endian(*data + *length, 4), event_file_mask(event_file_crc32c(*data, *length)));
  *at += EVENT_FILE_HEAD + *length + EVENT_FILE_TAIL;
  return true;
}

static void test_records(void) {
  char *directory = unit_tmpdir(), big[1000];
  memset(big, 'x', sizeof big);
  struct event_file *file = event_file_create(directory, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_EQUAL(event_file_append(file, "one", 3, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(event_file_append(file, "", 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(event_file_append(file, big, sizeof big, NULL), STATUS_OK);
  size_t size, at = 0, length;
  const char *data;
  char *bytes = unit_read_file(event_file_path(file), &size);
  CU_ASSERT_FATAL(next_record(bytes, size, &at, &data, &length));
  CU_ASSERT_EQUAL(length, 3);
  CU_ASSERT_EQUAL(memcmp(data, "one", 3), 0);
  CU_ASSERT_TRUE_FATAL(next_record(bytes, size, &at, &data, &length));
  CU_ASSERT_EQUAL(length, 0);
  CU_ASSERT_TRUE_FATAL(next_record(bytes, size, &at, &data, &length));
  CU_ASSERT_EQUAL(length, sizeof big);
  CU_ASSERT_EQUAL(memcmp(data, big, length), 0);
  CU_ASSERT_EQUAL(at, size);
  free(bytes);
  event_file_close(file);
  unit_tmpdir_remove(directory);
}

// Readers take files by name: a second one of the same second must come after the first.
static void test_names(void) {
  char *directory = unit_tmpdir(), before[4096] = "";
  for (int i = 0; i < 3; i++) {
    struct event_file *file = event_file_create(directory, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT(strcmp(event_file_path(file), before) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(event_file_path(file), "/events.out.tfevents."));
    snprintf(before, sizeof before, "%s", event_file_path(file));
    event_file_close(file);
  }
  unit_tmpdir_remove(directory);
}

// A limit on the file's size plays the full disk.
static void test_full(void) {
  char *directory = unit_tmpdir();
  struct event_file *file = event_file_create(directory, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_EQUAL(event_file_append(file, "12345678", 8, NULL), STATUS_OK); // 24 bytes
  struct rlimit old, small;
  getrlimit(RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 40;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  struct error error = {0};
  UNIT_STATUS(event_file_append(file, "12345678", 8, &error), STATUS_IO, &error);
  setrlimit(RLIMIT_FSIZE, &old);
  CU_ASSERT_TRUE(error_says(&error, event_file_path(file)));
  CU_ASSERT_EQUAL(event_file_append(file, "abcdefgh", 8, NULL), STATUS_OK);
  size_t size, at = 0, length;
  const char *data;
  char *bytes = unit_read_file(event_file_path(file), &size);
  CU_ASSERT_EQUAL(size, 48);
  CU_ASSERT_TRUE_FATAL(next_record(bytes, size, &at, &data, &length));
  CU_ASSERT_TRUE(next_record(bytes, size, &at, &data, &length));
  CU_ASSERT(memcmp(data, "abcdefgh", 8) == 0);
  free(bytes);
  event_file_close(file);
  unit_tmpdir_remove(directory);
}

static void test_no_directory(void) {
  struct error error = {0};
  CU_ASSERT_PTR_NULL(event_file_create("/nowhere/at/all", &error));
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_TRUE(error_says(&error, "/nowhere/at/all/events.out.tfevents."));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the checksum is that of the published vectors", test_crc},
      {"records are framed with their length and masked checksums", test_records},
      {"each file's name sorts after those before it", test_names},
      {"a record that does not fit on the disk leaves nothing of itself", test_full},
      {"the error names a missing directory", test_no_directory},
  };
  return unit_run("event_file", cases, sizeof cases / sizeof *cases);
}
