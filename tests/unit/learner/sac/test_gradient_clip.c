#include "learner/sac/gradient_clip.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 3 * GRADIENT_CLIP_CHUNK + 77 };

struct gradient {
  real *values;
  double length;
};

static struct gradient draw(void) {
  struct gradient gradient = {malloc(SIZE * sizeof(real)), 0};
  struct numbers numbers = {8};
  double square = 0;
  CU_ASSERT_PTR_NOT_NULL_FATAL(gradient.values);
  for (size_t i = 0; i < SIZE; i++) {
    gradient.values[i] = (real)numbers_uniform(&numbers);
    square += (double)gradient.values[i] * (double)gradient.values[i];
  }
  gradient.length = sqrt(square);
  return gradient;
}

static double factor_of(const struct gradient *gradient, unsigned members, double most) {
  double square[4];
  CU_ASSERT_EQUAL_FATAL(gradient_clip_chunks(SIZE), 4);
  for (unsigned m = 0; m < members; m++) gradient_clip_measure(SIZE, gradient->values, m, members, square);
  return gradient_clip_factor(SIZE, square, most);
}

static void test_factor(void) {
  const struct gradient gradient = draw();
  CU_ASSERT_EQUAL(factor_of(&gradient, 1, 2 * gradient.length), 1);
  CU_ASSERT_DOUBLE_EQUAL(factor_of(&gradient, 1, 0.25 * gradient.length), 0.25, 1e-12);
  for (unsigned members = 2; members <= 5; members++)
    CU_ASSERT_EQUAL(factor_of(&gradient, members, 0.5), factor_of(&gradient, 1, 0.5));
  gradient.values[SIZE - 1] = (real)NAN;
  CU_ASSERT_TRUE(isnan(factor_of(&gradient, 1, 0.5)));
  free(gradient.values);
}

static void test_apply(void) {
  const struct gradient gradient = draw();
  real *kept = malloc(SIZE * sizeof *kept);
  CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
  memcpy(kept, gradient.values, SIZE * sizeof *kept);
  gradient_clip_apply(0.5, 10, 20, gradient.values);
  for (size_t i = 0; i < SIZE; i++) {
    const real expected = i >= 10 && i < 20 ? kept[i] / 2 : kept[i];
    CU_ASSERT_EQUAL(gradient.values[i], expected);
  }
  free(kept), free(gradient.values);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a long gradient gets the length, a short one stays, whoever measures it", test_factor},
      {"a range is scaled", test_apply},
  };
  return unit_run("gradient_clip", cases, sizeof cases / sizeof *cases);
}
