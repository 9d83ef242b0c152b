#include "launch/runs/gnuplot.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_quote(void) {
  char *text = NULL;
  size_t size;
  FILE *stream = open_memstream(&text, &size);
  gnuplot_quote(stream, "it's\n`date` 'x' \xff");
  fclose(stream);
  CU_ASSERT_STRING_EQUAL(text, "'it''s\\n`date` ''x'' \\xff'");
  free(text);
}

static void test_draw(void) {
  char *directory = unit_tmpdir(), *picture = unit_path(directory, "it's.svg");
  const char script[] = "set terminal svg\nplot sin(x)\n";
  struct error error = {0};
  UNIT_STATUS(gnuplot_draw(script, sizeof script - 1, picture, &error), STATUS_OK, &error);
  char *text = unit_read_file(picture, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "<svg"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "</svg>"));
  free(text), free(picture);
  unit_tmpdir_remove(directory);
}

static void test_failure(void) {
  char *directory = unit_tmpdir(), *picture = unit_path(directory, "a.svg"), *tmp = unit_path(directory, "a.svg.tmp");
  const char script[] = "set terminal svg\nplot nonsense\n";
  struct error error = {0};
  UNIT_STATUS(gnuplot_draw(script, sizeof script - 1, picture, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "gnuplot failed"));
  CU_ASSERT_TRUE(error_says(&error, "nonsense"));
  CU_ASSERT_TRUE_FATAL(access(picture, F_OK) != 0);
  CU_ASSERT_TRUE(access(tmp, F_OK) != 0);
  error = (struct error){0};
  UNIT_STATUS(gnuplot_draw(script, sizeof script - 1, "/nowhere/a.svg", &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, "/nowhere/a.svg"));
  free(picture), free(tmp);
  unit_tmpdir_remove(directory);
}

static void test_missing(void) {
  char *directory = unit_tmpdir(), *picture = unit_path(directory, "a.svg");
  char *path = strdup(getenv("PATH"));
  struct error error = {0};
  setenv("PATH", directory, 1);
  UNIT_STATUS(gnuplot_draw("plot x\n", 7, picture, &error), STATUS_FAILED, &error);
  CU_ASSERT_TRUE_FATAL(error_says(&error, "gnuplot is not installed"));
  CU_ASSERT_TRUE(error_says(&error, "apt-get install gnuplot-nox"));
  CU_ASSERT(access(picture, F_OK) != 0);
  setenv("PATH", path, 1);
  free(path), free(picture);
  unit_tmpdir_remove(directory);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"no character of a text ends its quotes", test_quote},
      {"what gnuplot draws becomes the file", test_draw},
      {"the error holds gnuplot's complaint, and no file is left", test_failure},
      {"where gnuplot is missing the error says how to install it", test_missing},
  };
  return unit_run("gnuplot", cases, sizeof cases / sizeof *cases);
}
