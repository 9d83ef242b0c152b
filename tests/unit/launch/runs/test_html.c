#include "launch/runs/html.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static void test_escape(void) {
  char *text = NULL;
  size_t size;
  FILE *page = open_memstream(&text, &size);
  html_text(page, "<a href=\"x\">'&'\x01\n\xc3\xa9</a>");
  html_printf(page, "%s %d", "<", 5);
  html_text(page, "r\xe9n");
  fclose(page);
  CU_ASSERT_STRING_EQUAL(text, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\\x01\n\xc3\xa9&lt;/a&gt;&lt; 5r\\xe9n");
  free(text);
}

static void test_page(void) {
  char *text = NULL;
  size_t size;
  FILE *page = open_memstream(&text, &size);
  html_begin(page, "a < b");
  html_end(page);
  fclose(page);
  CU_ASSERT_TRUE_FATAL(strstr(text, "<!DOCTYPE html>") == text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "<title>a &lt; b</title>"));
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "prefers-color-scheme:dark"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "name=\"viewport\""));
  CU_ASSERT_FALSE_FATAL(strstr(text, "http"));
  CU_ASSERT_FALSE(strstr(text, "url(")); // nothing from elsewhere
  free(text);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"every text is shown as it is, and the page stays UTF-8", test_escape},
      {"a page needs nothing from elsewhere", test_page},
  };
  return unit_run("html", cases, sizeof cases / sizeof *cases);
}
