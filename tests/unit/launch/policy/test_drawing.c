#include "launch/policy/drawing.h"

#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static struct canvas make(uint32_t width, uint32_t height) {
  struct canvas canvas = {width, height, calloc((size_t)width * height, 3)};
  CU_ASSERT_PTR_NOT_NULL_FATAL(canvas.rgb);
  return canvas;
}

static const uint8_t *at(const struct canvas *canvas, uint32_t x, uint32_t y) {
  return canvas->rgb + 3 * ((size_t)y * canvas->width + x);
}

static void test_line(void) {
  struct canvas canvas = make(40, 30);
  canvas_fill(&canvas, (struct color){0, 0, 100});
  CU_ASSERT_EQUAL_FATAL(at(&canvas, 39, 29)[2], 100);
  CU_ASSERT_EQUAL(at(&canvas, 0, 0)[0], 0);
  canvas_line(&canvas, 10, 15, 30, 15, 5, (struct color){200, 0, 0});
  double area = 0;
  for (uint32_t y = 0; y < 30; y++)
    for (uint32_t x = 0; x < 40; x++) area += at(&canvas, x, y)[0] / 200.0;
  CU_ASSERT_DOUBLE_EQUAL(area, 20 * 10 + 3.14159265 * 25, 2); // a bar with round ends, its edges in part
  CU_ASSERT_EQUAL_FATAL(at(&canvas, 20, 15)[0], 200);
  CU_ASSERT_EQUAL(at(&canvas, 20, 15)[2], 0);
  CU_ASSERT_EQUAL_FATAL(at(&canvas, 20, 21)[0], 0);
  CU_ASSERT_EQUAL(at(&canvas, 2, 15)[0], 0);
  canvas_line(&canvas, -50, -50, 90, 80, 3, (struct color){1, 2, 3}); // points outside are not painted
  canvas_line(&canvas, 500, 500, 600, 600, 3, (struct color){1, 2, 3});
  free(canvas.rgb);
}

static void test_drawings(void) {
  const float obs[3] = {1, 0, 0}, moved[3] = {-1, 0, 0};
  CU_ASSERT_PTR_NULL(drawing_find("HalfCheetah-v5"));
  static const char *const names[] = {"Pendulum-v1", "MountainCarContinuous-v0"};
  for (int i = 0; i < 2; i++) {
    const struct drawing *drawing = drawing_find(names[i]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(drawing);
    CU_ASSERT_EQUAL(drawing->width % 2, 0);
    CU_ASSERT_EQUAL(drawing->height % 2, 0);
    CU_ASSERT_TRUE(drawing->frames_per_second > 0);
    struct canvas one = make(drawing->width, drawing->height), two = make(drawing->width, drawing->height);
    const size_t size = (size_t)one.width * one.height * 3;
    drawing->draw(&one, obs, 0.5f);
    drawing->draw(&two, obs, 0.5f);
    CU_ASSERT_EQUAL(memcmp(one.rgb, two.rgb, size), 0);
    drawing->draw(&two, obs, -0.5f);
    CU_ASSERT_NOT_EQUAL(memcmp(one.rgb, two.rgb, size), 0); // the action is seen
    drawing->draw(&two, moved, 0.5f);
    CU_ASSERT_NOT_EQUAL(memcmp(one.rgb, two.rgb, size), 0);
    free(one.rgb), free(two.rgb);
  }
}

int main(void) {
  static const struct unit_case cases[] = {{"a line has the area it should have", test_line},
                                           {"each task shows its state and its action", test_drawings}};
  return unit_run("drawing", cases, sizeof cases / sizeof *cases);
}
