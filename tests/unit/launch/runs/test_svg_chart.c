#include "launch/runs/svg_chart.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static char *drawn(const struct svg_chart *chart) {
  char *text = NULL;
  size_t size;
  FILE *page = open_memstream(&text, &size);
  svg_chart_write(page, chart);
  fclose(page);
  return text;
}

static void test_ticks(void) {
  CU_ASSERT_DOUBLE_EQUAL(svg_chart_step(0, 10, 5), 2, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(svg_chart_step(-1.07, 0.65, 5), 0.2, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(svg_chart_step(0, 2.3e6, 5), 5e5, 1e-6);
  char text[64];
  static const struct {
    double value, step, greatest;
    const char *text;
  } cases[] = {{1500, 500, 2000, "1500"},        {5000, 5000, 20000, "5k"}, {2.5e6, 5e5, 3e6, "2.5M"},
               {-0.2, 0.2, 1, "-0.2"},           {1e-17, 0.2, 1, "0"},      {-20000, 10000, 60000, "-20k"},
               {0.0005, 0.0005, 0.002, "0.0005"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    svg_chart_number(cases[i].value, cases[i].step, cases[i].greatest, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, cases[i].text);
  }
}

static void test_chart(void) {
  double x[] = {0, 50, 100}, mean[] = {0, 10, 20}, deviation[] = {0, 1, 2};
  const struct curve curve = {.points = 3, .runs = 2, .x = x, .mean = mean, .deviation = deviation};
  const struct svg_chart chart = {.name = "a < b",
                                  .x_label = "steps & more",
                                  .width = 400,
                                  .height = 200,
                                  .lines = 1,
                                  .line = {{.curve = &curve, .colour = 1, .points = true, .band = true}}};
  char *text = drawn(&chart);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "aria-label=\"a &lt; b\""));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "steps &amp; more"));
  // Frame 58..386 by 154..10; up to 25, as 22 is the greatest.
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "d=\"M58.0 154.0L222.0 96.4L386.0 38.8\""));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "fill-opacity"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, ">25</text>"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "</svg>"));
  free(text);
}

static void test_flat_and_empty(void) {
  double x[] = {1}, mean[] = {5}, deviation[] = {0};
  struct curve curve = {.points = 1, .runs = 1, .x = x, .mean = mean, .deviation = deviation};
  const struct svg_chart chart = {
      .name = "flat", .width = 300, .height = 200, .lines = 1, .line = {{.curve = &curve}}, .from_zero = true};
  for (int i = 0; i < 3; i++) { // 5, 0, and no point
    char *text = drawn(&chart);
    CU_ASSERT_FALSE_FATAL(strstr(text, "nan"));
    CU_ASSERT_FALSE_FATAL(strstr(text, "inf"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "</svg>"));
    CU_ASSERT((i == 2) == (strstr(text, "no values") != NULL));
    free(text);
    mean[0] = 0;
    curve.points = i < 1;
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"ticks are round and in one unit", test_ticks},
      {"points lie where they should, with their band", test_chart},
      {"a constant, a single point and nothing at all are drawn", test_flat_and_empty},
  };
  return unit_run("svg_chart", cases, sizeof cases / sizeof *cases);
}
