#include "common/base/printable.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static const char *shown(const char *text) {
  static char out[256];
  CU_ASSERT_EQUAL(printable_copy(out, sizeof out, text), strlen(out));
  return out;
}

static void test_kept(void) {
  static const char *const texts[] = {"", "plain ~ text", "C:\\new\\x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa6\x8a"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    CU_ASSERT_STRING_EQUAL(shown(texts[i]), texts[i]);
    CU_ASSERT_EQUAL(printable_length(texts[i]), i == 0 ? 0 : i < 3 ? 1 : strlen(texts[i]));
  }
}

static void test_spelt(void) {
  static const struct {
    const char *text, *shown;
  } cases[] = {
      {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
      {"\033[31mred\033]0;t\a", "\\x1b[31mred\\x1b]0;t\\x07"},
      {"\x7f", "\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"},                            // a control of one byte's worth: CSI
      {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},          // a line separator
      {"a\xe2\x80\xaez", "a\\xe2\\x80\\xaez"},      // right to left from here
      {"\xff\xfe", "\\xff\\xfe"},                   // no UTF-8
      {"\xc0\xaf", "\\xc0\\xaf"},                   // overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          // a surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, // beyond Unicode
      {"caf\xe9", "caf\\xe9"},                      // Latin-1
      {"\xe2\x82", "\\xe2\\x82"},                   // cut off
      {"\xe2\x82z", "\\xe2\\x82z"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_STRING_EQUAL(shown(cases[i].text), cases[i].shown);
    CU_ASSERT_STRING_EQUAL(shown(cases[i].shown), cases[i].shown); // a second time changes nothing
  }
  for (int byte = 1; byte < 256; byte++) { // none gets through alone but ASCII
    const char text[] = {(char)byte, 0};
    const char *out = shown(text);
    CU_ASSERT_EQUAL(strlen(out) == 1, byte >= 0x20 && byte < 0x7f);
    for (; *out; out++) {
      CU_ASSERT_TRUE(*out >= 0x20);
      CU_ASSERT_TRUE(*out < 0x7f);
    }
  }
}

static void test_cut(void) {
  char out[8];
  memset(out, 'x', sizeof out);
  CU_ASSERT_EQUAL(printable_copy(out, 1, "abc"), 0);
  CU_ASSERT_EQUAL(out[0], 0);
  CU_ASSERT_EQUAL(out[1], 'x');
  CU_ASSERT_EQUAL(printable_copy(out, 4, "ab\xc3\xa9"), 2); // no half of a character
  CU_ASSERT_STRING_EQUAL(out, "ab");
  CU_ASSERT_EQUAL(printable_copy(out, 5, "ab\xc3\xa9"), 4);
  CU_ASSERT_EQUAL(printable_copy(out, 5, "a\x1b"), 1); // nor of a spelling
  CU_ASSERT_STRING_EQUAL(out, "a");
  CU_ASSERT_EQUAL(printable_copy(out, 6, "a\x1b"), 5);
}

static void test_print(void) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  printable_print(out, "%s: %d", "a\nb\xff", 5);
  fclose(out);
  CU_ASSERT_STRING_EQUAL(text, "a\\nb\\xff: 5\n");
  free(text);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"printable UTF-8 stays as it is, a backslash too", test_kept},
      {"controls, line breaks, changes of direction and invalid UTF-8 are spelt out", test_spelt},
      {"what does not fit is left out from a whole character on", test_cut},
      {"a line that is printed ends with the only newline", test_print},
  };
  return unit_run("printable", cases, sizeof cases / sizeof *cases);
}
