#include "launch/bench/blas_baseline.h"
#include "tests/support/unit.h"

static double operations(struct blas_baseline_shape shape) {
  struct error error = {0};
  struct blas_baseline *baseline = blas_baseline_create(&shape, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(baseline);
  blas_baseline_run(baseline);
  const double once = blas_baseline_operations(baseline);
  blas_baseline_run(baseline);
  CU_ASSERT_EQUAL(blas_baseline_operations(baseline), once);
  blas_baseline_destroy(baseline);
  return once;
}

// Counted by hand, in multiplications and additions of one row, for two hidden layers of H and twin critics:
//   policy forward, two rows      2 (O H + H H + 2 A H)
//   critics forward, three times  6 ((O + A) H + H H + H)
//   critics backward              2 (2 H H + (O + A) H)
//   dQ/da, one critic             H H + A H
//   policy backward               2 (2 A H) + 2 H H + O H
static double expected(double o, double a, double h, double batch) {
  const double row = 2 * (o * h + h * h + 2 * a * h) + 6 * ((o + a) * h + h * h + h) + 2 * (2 * h * h + (o + a) * h) +
                     h * h + a * h + 4 * a * h + 2 * h * h + o * h;
  return 2 * batch * row;
}

static void test_twin(void) {
  const struct blas_baseline_shape shape = {17, 6, 256, 2, 2, {2, {256, 256}}},
                                   small = {3, 1, 100, 2, 2, {2, {64, 64}}};
  CU_ASSERT_DOUBLE_EQUAL(operations(shape), expected(17, 6, 256, 256), 1);
  CU_ASSERT_DOUBLE_EQUAL(operations(small), expected(3, 1, 64, 100), 1);
}

// More of anything is more work; odd shapes stay within the matrices (for the sanitizers).
static void test_shapes(void) {
  const double least = operations((struct blas_baseline_shape){1, 1, 1, 1, 1, {1, {1}}});
  const double one = operations((struct blas_baseline_shape){5, 3, 7, 1, 1, {1, {9}}});
  const double deep = operations((struct blas_baseline_shape){5, 3, 7, 1, 1, {3, {9, 4, 21}}});
  const double many = operations((struct blas_baseline_shape){5, 3, 7, 10, 2, {3, {9, 4, 21}}});
  const double wide = operations((struct blas_baseline_shape){5, 30, 7, 10, 10, {3, {9, 4, 21}}});
  CU_ASSERT_TRUE(0 < least);
  CU_ASSERT_TRUE(least < one);
  CU_ASSERT_TRUE(one < deep);
  CU_ASSERT_TRUE(deep < many);
  CU_ASSERT_TRUE(many < wide);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"the products of twin critics are the fewest that an update needs", test_twin},
      {"any number of critics and layers is measured, and more of them is more work", test_shapes},
  };
  return unit_run("blas_baseline", cases, sizeof cases / sizeof *cases);
}
