#include "launch/cli/shell_word.h"
#include "tests/support/unit.h"

#include <string.h>

static void is(const char *text, const char *expected) {
  char word[128];
  shell_word(text, word, sizeof word);
  CU_ASSERT_STRING_EQUAL(word, expected);
}

static void test_words(void) {
  is("runs/p-1_a.b", "runs/p-1_a.b");
  is("", "''");
  is("os c", "'os c'");
  is("a;$(rm x)", "'a;$(rm x)'");
  is("it's", "'it'\\''s'");
}

static void test_short(void) {
  char word[12];
  memset(word, 'x', sizeof word);
  shell_word("a long text with blanks", word, sizeof word);
  CU_ASSERT_TRUE_FATAL(strlen(word) < sizeof word);
  CU_ASSERT_EQUAL(word[0], '\'');
  CU_ASSERT_EQUAL(word[strlen(word) - 1], '\'');
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a word is quoted where it has to be", test_words},
      {"one that does not fit is cut, and ends", test_short},
  };
  return unit_run("shell_word", cases, sizeof cases / sizeof *cases);
}
