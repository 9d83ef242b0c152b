#include "launch/runs/report_charts.h"
#include "launch/runs/run_set.h"
#include "tests/support/runs.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static size_t count_of(const char *text, const char *what) {
  size_t count = 0;
  for (const char *at = text; (at = strstr(at, what)); at++) count++;
  return count;
}

static void test_charts(void) {
  char *directory = unit_tmpdir(), *a = runs_make(directory, "a", "seed: 1", 20, -300),
       *b = runs_make(directory, "b", "seed: 2", 20, -200), *c = runs_make(directory, "c", "utd: 2", 20, -100);
  const char *paths[] = {a, b, c};
  struct run_set runs = {0};
  CU_ASSERT_EQUAL_FATAL(run_set_read("report", paths, 3, true, &runs, NULL), STATUS_OK);
  for (int panels = 0; panels < 2; panels++) {
    char *text = NULL;
    size_t size;
    FILE *page = open_memstream(&text, &size);
    CU_ASSERT_EQUAL((panels ? report_charts_panels : report_charts_returns)(&runs, page, NULL), STATUS_OK);
    fclose(page);
    CU_ASSERT_EQUAL(count_of(text, "<svg"), panels ? 9 : 2); // returns: wide and narrow
    CU_ASSERT_EQUAL(count_of(text, "</svg>"), panels ? 9 : 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "var(--c0)"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "var(--c1)"));
    CU_ASSERT_FALSE(strstr(text, "var(--c2)"));
    CU_ASSERT_EQUAL(count_of(text, "fill-opacity"), panels ? 9 : 2); // a band for the group of two seeds alone
    CU_ASSERT_EQUAL(strstr(text, "utd 2") != NULL, !panels);         // the key
    free(text);
  }
  run_set_release(&runs);
  free(a), free(b), free(c);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {{"every group has its colour, and a band where it has seeds", test_charts}};
  return unit_run("report_charts", cases, sizeof cases / sizeof *cases);
}
