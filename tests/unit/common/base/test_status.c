#include "common/base/status.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_first_to_know(void) {
  struct error error = {0};
  CU_ASSERT_EQUAL(error_set(&error, STATUS_IO, "%s: %d", "a.h5", 7), STATUS_IO);
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_STRING_EQUAL(error.text, "a.h5: 7");
  CU_ASSERT_EQUAL(error_set(&error, STATUS_MEMORY, "later"), STATUS_MEMORY);
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT_STRING_EQUAL(error.text, "a.h5: 7");
  error_clear(&error);
  CU_ASSERT_EQUAL(error.status, STATUS_OK);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  CU_ASSERT_EQUAL(error_set(&error, STATUS_USAGE, "again"), STATUS_USAGE);
  CU_ASSERT_STRING_EQUAL(error.text, "again");
}

static void test_no_error_wanted(void) {
  CU_ASSERT_EQUAL(error_set(NULL, STATUS_PEER, "nobody reads this"), STATUS_PEER);
  CU_ASSERT_EQUAL(error_prefix(NULL, "file"), STATUS_OK);
  error_clear(NULL);
}

static void test_prefix(void) {
  struct error error = {0};
  CU_ASSERT_EQUAL(error_prefix(&error, "file %d", 1), STATUS_OK);
  CU_ASSERT_STRING_EQUAL(error.text, "");
  error_set(&error, STATUS_FORMAT, "wrong magic");
  CU_ASSERT_EQUAL(error_prefix(&error, "file %d", 1), STATUS_FORMAT);
  CU_ASSERT_STRING_EQUAL(error.text, "file 1: wrong magic");
  CU_ASSERT_EQUAL(error_prefix(&error, "%s", error.text), STATUS_FORMAT); // its own text as the context
  CU_ASSERT_STRING_EQUAL(error.text, "file 1: wrong magic: file 1: wrong magic");
}

static void test_long_text_is_cut(void) {
  char text[3000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  struct error error = {0};
  error_set(&error, STATUS_FAILED, "%s", text);
  CU_ASSERT_EQUAL(strlen(error.text), sizeof error.text - 1);
  error_prefix(&error, "ab");
  CU_ASSERT_EQUAL(strlen(error.text), sizeof error.text - 1);
  CU_ASSERT_NSTRING_EQUAL(error.text, "ab: xxx", 7);
  error_prefix(&error, "%s", text + 1000);
  CU_ASSERT_EQUAL(strlen(error.text), sizeof error.text - 1);
}

static void test_hostile_text(void) {
  struct error error = {0};
  error_set(&error, STATUS_FAILED, "%s", "a\nb\033[2J\xff");
  CU_ASSERT_STRING_EQUAL(error.text, "a\\nb\\x1b[2J\\xff");
  error_prefix(&error, "file %s", "r\xe9\n");
  CU_ASSERT_STRING_EQUAL(error.text, "file r\\xe9\\n: a\\nb\\x1b[2J\\xff");
}

static void test_names_and_exit_codes(void) {
  for (int a = STATUS_OK; a <= STATUS_DONE; a++) {
    CU_ASSERT_STRING_NOT_EQUAL(status_name((enum status)a), "unknown");
    for (int b = STATUS_OK; b < a; b++) {
      CU_ASSERT_STRING_NOT_EQUAL(status_name((enum status)a), status_name((enum status)b));
    }
    int expected = a == STATUS_OK || a == STATUS_DONE ? 0 : a == STATUS_USAGE ? 2 : a == STATUS_STOPPED ? 75 : 1;
    CU_ASSERT_EQUAL(status_exit_code((enum status)a), expected);
  }
  CU_ASSERT_STRING_EQUAL(status_name((enum status)99), "unknown");
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the first message stands until it is cleared", test_first_to_know},
      {"error may be NULL", test_no_error_wanted},
      {"a prefix goes in front of a message that stands", test_prefix},
      {"a message that does not fit is cut and terminated", test_long_text_is_cut},
      {"a message is one printable line, whatever it quotes", test_hostile_text},
      {"every status has its name and its exit code", test_names_and_exit_codes},
  };
  return unit_run("status", cases, sizeof cases / sizeof *cases);
}
