#include "common/base/digits.h"
#include "tests/support/unit.h"

static void test_group(void) {
  static const char *const pairs[][2] = {
      {"0", "0"}, {"999", "999"}, {"1000", "1,000"}, {"1234567", "1,234,567"}, {"-123", "-123"}, {"-1234", "-1,234"}};
  char text[32];
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    digits_group(pairs[i][0], text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, pairs[i][1]);
  }
}

static void test_room(void) {
  char text[6] = "xxxxx";
  digits_group("1234567", text, 5);
  CU_ASSERT_STRING_EQUAL(text, "1,2");
  CU_ASSERT_EQUAL(text[5], '\0');
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a comma stands before every third digit from the end", test_group},
      {"what does not fit is left out", test_room},
  };
  return unit_run("digits", cases, sizeof cases / sizeof *cases);
}
