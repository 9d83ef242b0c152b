#include "learner/sac/adam.h"
#include "common/base/memory.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <string.h>

enum { SIZE = 1000, STEPS = 50 };
static const double TOLERANCE = sizeof(real) == 8 ? 1e-13 : 1e-5;

// Adam as its authors write it, with the corrected moments made explicit, in long double.
static void test_formula(void) {
  struct adam adam;
  CU_ASSERT_EQUAL_FATAL(adam_init(&adam, 3, 1e-3, NULL), STATUS_OK);
  real parameters[3] = {1, -2, (real)0.5};
  long double p[3] = {1, -2, 0.5L}, m[3] = {0}, v[3] = {0};
  for (int t = 1; t <= STEPS; t++) {
    const real gradient[3] = {(real)sin(t), (real)(1e-6 * t), (real)(t % 3 == 0 ? 1e5 : -1)};
    adam_begin(&adam, 1);
    adam_apply(&adam, 0, 3, gradient, parameters);
    for (int i = 0; i < 3; i++) {
      const long double g = gradient[i];
      m[i] = 0.9L * m[i] + 0.1L * g;
      v[i] = 0.999L * v[i] + 0.001L * g * g;
      const long double m_hat = m[i] / (1 - powl(0.9L, t)), v_hat = v[i] / (1 - powl(0.999L, t));
      p[i] -= 1e-3L * m_hat / (sqrtl(v_hat) + 1e-8L);
      CU_ASSERT_DOUBLE_EQUAL(parameters[i], (double)p[i], TOLERANCE);
    }
  }
  CU_ASSERT_EQUAL(adam.step, STEPS);
  adam_release(&adam);
}

static void test_first_step(void) {
  struct adam adam;
  CU_ASSERT_EQUAL_FATAL(adam_init(&adam, 4, 0.25, NULL), STATUS_OK);
  real parameters[4] = {0};
  const real gradient[4] = {1000, -3, (real)1e-8, 0};
  adam_begin(&adam, 1);
  adam_apply(&adam, 0, 4, gradient, parameters);
  CU_ASSERT_DOUBLE_EQUAL(parameters[0], -0.25, 1e-6);
  CU_ASSERT_DOUBLE_EQUAL(parameters[1], 0.25, 1e-6);
  CU_ASSERT_DOUBLE_EQUAL(parameters[2], -0.125,
                         1e-6); // epsilon stands outside of the root: |g| = epsilon halves the step
  CU_ASSERT_EQUAL(parameters[3], 0);
  adam_release(&adam);
}

static void test_split(void) {
  struct adam whole, split;
  CU_ASSERT_EQUAL_FATAL(adam_init(&whole, SIZE, 1e-2, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(adam_init(&split, SIZE, 1e-2, NULL), STATUS_OK);
  static real one[SIZE], two[SIZE], gradient[SIZE];
  struct numbers numbers = {1};
  for (int t = 0; t < 5; t++) {
    for (int i = 0; i < SIZE; i++) gradient[i] = (real)numbers_uniform(&numbers);
    adam_begin(&whole, 1);
    adam_apply(&whole, 0, SIZE, gradient, one);
    adam_begin(&split, 1);
    adam_apply(&split, 700, SIZE, gradient, two);
    adam_apply(&split, 0, 3, gradient, two);
    adam_apply(&split, 3, 700, gradient, two);
  }
  CU_ASSERT_EQUAL(memcmp(one, two, sizeof one), 0);
  CU_ASSERT_EQUAL(memcmp(whole.m, split.m, sizeof one), 0);
  CU_ASSERT_EQUAL(memcmp(whole.v, split.v, sizeof one), 0);
  adam_release(&whole);
  adam_release(&split);
}

// The scalar form, and the bias correction at any step, against pow.
static void test_scalar(void) {
  struct adam_scalar adam = {.learning_rate = 2e-3};
  double parameter = 0.5, m = 0, v = 0, expected = 0.5;
  for (int t = 1; t <= 20000; t++) {
    const double g = sin(t);
    adam_scalar_apply(&adam, g, &parameter);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    expected -= 2e-3 * m / (1 - pow(0.9, t)) / (sqrt(v / (1 - pow(0.999, t))) + 1e-8);
    CU_ASSERT_DOUBLE_EQUAL(parameter, expected, 1e-10);
  }
  CU_ASSERT_EQUAL(adam.step, 20000);
}

// The bias correction of any step, where the powers matter and long after: 1 - b^t = -expm1(t log b).
static void test_large_steps(void) {
  static const uint64_t steps[] = {1,         2, 7, 100, 9999, 36000, 1000000, UINT64_C(1) << 31, UINT64_C(1) << 53,
                                   UINT64_MAX};
  struct adam adam;
  CU_ASSERT_EQUAL_FATAL(adam_init(&adam, 2, 3e-4, NULL), STATUS_OK);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    const long double t = (long double)steps[i];
    const double rate = (double)(3e-4L / -expm1l(t * logl(0.9L)));
    const double correction = (double)(1 / sqrtl(-expm1l(t * logl(0.999L))));
    adam.step = steps[i] - 1;
    adam_begin(&adam, 1);
    CU_ASSERT_EQUAL(adam.step, steps[i]);
    CU_ASSERT_DOUBLE_EQUAL(adam.factors.rate, rate, 1e-12 * rate);
    CU_ASSERT_DOUBLE_EQUAL(adam.factors.correction, correction, 1e-12 * correction);

    // With moments that are what they tend to with a gradient of 2.
    real parameters[2] = {1, 1};
    const real gradient[2] = {2, -2};
    double parameter = 1;
    const double change = 2 * rate / (2 * correction + 1e-8);
    for (int j = 0; j < 2; j++) adam.m[j] = gradient[j], adam.v[j] = 4;
    CU_ASSERT_TRUE(adam_apply(&adam, 0, 2, gradient, parameters));
    CU_ASSERT_DOUBLE_EQUAL(parameters[0], 1 - change, TOLERANCE);
    CU_ASSERT_DOUBLE_EQUAL(parameters[1], 1 + change, TOLERANCE);
    struct adam_scalar scalar = {.m = 2, .v = 4, .learning_rate = 3e-4, .step = steps[i] - 1};
    adam_scalar_apply(&scalar, 2, &parameter);
    CU_ASSERT_DOUBLE_EQUAL(parameter, 1 - change, 1e-14);
  }
  adam_release(&adam);
}

static void test_finite(void) {
  struct adam adam;
  CU_ASSERT_EQUAL_FATAL(adam_init(&adam, 40, 1e-2, NULL), STATUS_OK);
  real parameters[40] = {0}, gradient[40] = {0};
  adam_begin(&adam, 1);
  CU_ASSERT_TRUE(adam_apply(&adam, 0, 40, gradient, parameters));
  gradient[37] = (real)INFINITY;
  CU_ASSERT_FALSE(adam_apply(&adam, 0, 40, gradient, parameters));
  CU_ASSERT_TRUE(adam_apply(&adam, 0, 37, gradient, parameters));
  gradient[37] = (real)NAN;
  CU_ASSERT_FALSE(adam_apply(&adam, 30, 40, gradient, parameters));
  gradient[3] = (real)(sizeof(real) == sizeof(float) ? 1e25 : 1e170); // its square is not finite
  CU_ASSERT_FALSE(adam_apply(&adam, 0, 10, gradient, parameters));
  gradient[3] = 0; // and the moment stays so
  CU_ASSERT_FALSE(adam_apply(&adam, 0, 10, gradient, parameters));
  CU_ASSERT_TRUE(adam_apply(&adam, 4, 10, gradient, parameters));
  adam_release(&adam);
}

static void test_too_much(void) {
  struct adam adam;
  struct error error = {0};
  UNIT_STATUS(adam_init(&adam, SIZE_MAX / 2, 1e-3, &error), STATUS_MEMORY, &error);
  CU_ASSERT_TRUE(error_says(&error, "Adam"));
}

int main(void) {
  static const struct unit_case cases[] = {
      {"steps follow the published formula", test_formula},
      {"the first step is the learning rate against the gradient's sign, epsilon outside of the root", test_first_step},
      {"the result does not depend on how the parameters are split", test_split},
      {"the scalar form follows the formula over 20,000 steps", test_scalar},
      {"the bias correction is right for any number of steps", test_large_steps},
      {"a gradient or a second moment that is not finite is reported", test_finite},
      {"a size beyond memory is refused", test_too_much},
  };
  return unit_run("adam", cases, sizeof cases / sizeof *cases);
}
