#include "common/nn/exponential.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

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

// mpmath's values, rounded to double: where x sits on a multiple of log 2 and between two, tiny and large.
static void test_mpmath(void) {
  struct reference reference = reference_open("tests/data/exponential.bin");
  const size_t size = (size_t)*reference_get(&reference, "size", 1);
  const double *x = reference_get(&reference, "x", size), *value = reference_get(&reference, "exp", size);
  const double *minus_one = reference_get(&reference, "expm1", size);
  for (size_t i = 0; i < size; i++) {
    const struct exponential e = exponential(x[i]);
    const bool right =
        fabs(e.value - value[i]) <= 1e-15 * value[i] && fabs(e.minus_one - minus_one[i]) <= 1e-15 * fabs(minus_one[i]);
    CU_ASSERT_TRUE(right);
    if (!right) printf("\n  %a: %a and %a, expected %a and %a ", x[i], e.value, e.minus_one, value[i], minus_one[i]);
  }
  reference_release(&reference);
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
  CU_ASSERT_EQUAL(exponential((double)-INFINITY).value, exponential(-708).value);
  for (double tiny = 1e-300; tiny > 0; tiny /= 1e4) { // exp(x) - 1 by a subtraction would be 0
    CU_ASSERT_EQUAL(exponential(tiny).minus_one, tiny);
    CU_ASSERT_EQUAL(exponential(-tiny).minus_one, -tiny);
    CU_ASSERT_EQUAL(exponential(tiny).value, 1);
  }
  CU_ASSERT_TRUE(isfinite(exponential(708).value));
  CU_ASSERT_TRUE_FATAL(isnan(exponential((double)NAN).value));
  CU_ASSERT_TRUE(isnan(exponential((double)NAN).minus_one));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"exp and exp - 1 are mpmath's to a relative 1e-15", test_mpmath},
      {"exp and exp - 1 are right to a relative 1e-15, near 0 as well", test_accuracy},
      {"0, very negative numbers and NaN", test_corners},
  };
  return unit_run("exponential", cases, sizeof cases / sizeof *cases);
}
