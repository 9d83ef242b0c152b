// tests logarithm.h, which has no source file of its own
#include "common/base/logarithm.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <float.h>
#include <math.h>

static double off(double x) {
  const long double right = logl((long double)x);
  return (double)(fabsl((long double)logarithm(x) - right) / fmaxl(1, fabsl(right)));
}

static void test_accuracy(void) {
  struct numbers numbers = {7};
  double worst = 0;
  for (int i = 0; i < 200000; i++) {
    worst = fmax(worst, off(ldexp(1.5 + numbers_uniform(&numbers) / 2, (int)(numbers_word(&numbers) % 2000) - 1000)));
    worst = fmax(worst, off(1 + numbers_uniform(&numbers) / 4));
  }
  CU_ASSERT(worst < 2.5e-16);
  CU_ASSERT(off(DBL_MIN) < 2.5e-16);
  CU_ASSERT(off(DBL_MAX) < 2.5e-16);
}

static void test_exact(void) {
  CU_ASSERT_EQUAL(logarithm(1), 0);
  for (double x = 1; x < 1.001; x += 0x1p-20) CU_ASSERT_FATAL(logarithm(x) <= logarithm(x + 0x1p-20));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"logarithms are right to the last digits over the whole range", test_accuracy},
      {"the logarithm of 1 is 0, and it grows from there", test_exact},
  };
  return unit_run("logarithm", cases, sizeof cases / sizeof *cases);
}
