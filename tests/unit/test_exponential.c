#include "common/nn/exponential.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>

static double largest_error(double low, double high, int points) {
  struct numbers numbers = {12};
  double largest = 0;
  for (int i = 0; i < points; i++) {
    const double x = low + (high - low) * (0.5 + 0.5 * numbers_uniform(&numbers));
    const struct exponential e = exponential(x);
    const long double value = expl(x), minus_one = expm1l(x);
    largest = fmax(largest, (double)fabsl((e.value - value) / value));
    largest = fmax(largest, (double)fabsl((e.minus_one - minus_one) / minus_one));
  }
  return largest;
}

// The long double functions of the C library carry some three digits more.
static void test_accuracy(void) {
  CU_ASSERT_TRUE(largest_error(-700, 700, 100000) < 1e-15);
  CU_ASSERT_TRUE(largest_error(-20, 2, 100000) < 1e-15);
  CU_ASSERT_TRUE(largest_error(-1e-3, 1e-3, 100000) < 1e-15);
  CU_ASSERT_TRUE(largest_error(-1e-12, 1e-12, 100000) < 1e-15);
}

static void test_corners(void) {
  CU_ASSERT_EQUAL(exponential(0).value, 1);
  CU_ASSERT_EQUAL(exponential(0).minus_one, 0);
  CU_ASSERT_EQUAL(exponential(-1e300).value, exponential(-708).value);
  CU_ASSERT_EQUAL(exponential((double)-INFINITY).minus_one, -1);
  CU_ASSERT_TRUE(isfinite(exponential(708).value));
  CU_ASSERT_TRUE(isnan(exponential((double)NAN).value) && isnan(exponential((double)NAN).minus_one));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"exp and exp - 1 are right to a relative 1e-15, near 0 as well", test_accuracy},
      {"0, very negative numbers and NaN", test_corners},
  };
  return unit_run("exponential", cases, sizeof cases / sizeof *cases);
}
