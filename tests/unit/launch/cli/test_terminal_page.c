#include "launch/cli/terminal_page.h"

#include "tests/support/unit.h"
#include <stdlib.h>

static void check_page(const char *markdown, bool bold, size_t columns, const char *wanted) {
  struct error error = {0};
  char *page = NULL;
  size_t size;
  FILE *out = open_memstream(&page, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  UNIT_STATUS(terminal_page_print(out, markdown, bold, columns, &error), STATUS_OK, &error);
  fclose(out);
  CU_ASSERT_STRING_EQUAL(page, wanted);
  free(page);
}

static void test_plain(void) {
  check_page("# A\n\nb `c` [sync](sync.md),\nd\n\n```sh\ne\n\n  f\n```\n", false, 0,
             "A\n\nb `c` `corsac help sync`,\nd\n\n    e\n\n      f\n");
}

static void test_bold(void) {
  check_page("# A\n\n`b` **c** d\n", true, 0, "\033[1mA\033[0m\n\n\033[1mb\033[0m \033[1mc\033[0m d\n");
}

static void test_fill(void) {
  check_page("aa bb\ncc dd\n", false, 6, "aa bb\ncc dd\n");
  check_page("aa bb cc\ndd\n", false, 6, "aa bb\ncc dd\n");
  check_page("- aa bb cc\n  dd\n", false, 7, "- aa bb\n  cc dd\n");
  check_page("**aa** bb cc\n", true, 5, "\033[1maa\033[0m bb\ncc\n");
  check_page("\xc3\xa4\xc3\xa4 bb cc\n", false, 5, "\xc3\xa4\xc3\xa4 bb\ncc\n");
  check_page("a longest b\n", false, 4, "a\nlongest\nb\n");
}

static void test_table(void) {
  check_page("| a | bb |\n|---|---|\n| `cc` | d |\n", false, 0, "a     bb\n----  --\n`cc`  d\n");
}

int main(void) {
  static const struct unit_case cases[] = {{"plain text keeps its lines, and indents code", test_plain},
                                           {"a terminal gets headings and code in bold", test_bold},
                                           {"lines that are too long for the terminal are filled anew", test_fill},
                                           {"the columns of a table stand under each other", test_table}};
  return unit_run("terminal_page", cases, sizeof cases / sizeof *cases);
}
