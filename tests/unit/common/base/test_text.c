#include "common/base/text.h"
#include "tests/support/unit.h"
#include <string.h>

static void test_append(void) {
  char text[16] = "";
  size_t used = text_append(text, sizeof text, 0, "%d", 12);
  CU_ASSERT_EQUAL(used, 2);
  used = text_append(text, sizeof text, used, ", %s", "abc");
  CU_ASSERT_EQUAL(used, 7);
  CU_ASSERT_STRING_EQUAL(text, "12, abc");
}

static void test_too_long(void) {
  char text[8] = "";
  memset(text, '#', sizeof text);
  size_t used = text_append(text, 6, 0, "abc");
  used = text_append(text, 6, used, "defg");
  CU_ASSERT_EQUAL(used, 7);
  used = text_append(text, 6, used, "h");
  CU_ASSERT_EQUAL(used, 8);
  CU_ASSERT_STRING_EQUAL(text, "abcde");
  CU_ASSERT_EQUAL(text[6], '#');
}

static void test_length_only(void) { CU_ASSERT_EQUAL(text_append(NULL, 0, 5, "%s", "abc"), 8); }

int main(void) {
  static const struct unit_case cases[] = {
      {"texts are appended one after another", test_append},
      {"a text that does not fit is cut, and its whole length is counted", test_too_long},
      {"without a buffer the length is counted", test_length_only},
  };
  return unit_run("text", cases, sizeof cases / sizeof *cases);
}
