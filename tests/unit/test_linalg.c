#include "common/nn/linalg.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double EPSILON = sizeof(real) == 8 ? 0x1p-52 : 0x1p-23;

static const struct shape {
  size_t rows, in, out;
} SHAPES[] = {{1, 1, 1},  {1, 3, 2},   {3, 1, 4},     {2, 5, 1},     {17, 9, 1},     {1, 64, 64},
              {8, 3, 64}, {7, 33, 21}, {65, 129, 33}, {100, 64, 64}, {64, 256, 256}, {256, 23, 1}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static real *draw(struct numbers *numbers, size_t count) {
  real *x = malloc(count * sizeof *x);
  CU_ASSERT_PTR_NOT_NULL_FATAL(x);
  for (size_t i = 0; i < count; i++) x[i] = (real)numbers_uniform(numbers);
  return x;
}

// A sum of `terms` products below 1, in whatever order, is off by less than terms^2 eps / 2.
static bool near(real found, double expected, size_t terms) {
  return fabs((double)found - expected) <= 0.5 * (double)((terms + 1) * (terms + 1)) * EPSILON;
}

static void check_forward(struct shape s) {
  struct numbers numbers = {s.rows + s.in};
  real *x = draw(&numbers, s.rows * s.in), *w = draw(&numbers, s.out * s.in), *b = draw(&numbers, s.out);
  real *y = malloc(s.rows * s.out * sizeof *y);
  memset(y, 0xff, s.rows * s.out * sizeof *y); // NaN: none may be left, nor be taken up
  linalg_forward(s.rows, s.in, s.out, x, w, b, y);
  bool right = true;
  for (size_t r = 0; r < s.rows; r++) {
    for (size_t o = 0; o < s.out; o++) {
      double sum = b[o];
      for (size_t i = 0; i < s.in; i++) sum += (double)x[r * s.in + i] * w[o * s.in + i];
      right = right && near(y[r * s.out + o], sum, s.in);
    }
  }
  CU_ASSERT_TRUE(right);
  free(x), free(w), free(b), free(y);
}

// Against linalg_forward; the first row of x is such that it has NaN in it.
static void check_forward_relu(struct shape s) {
  struct numbers numbers = {s.rows + s.in};
  real *x = draw(&numbers, s.rows * s.in), *w = draw(&numbers, s.out * s.in), *b = draw(&numbers, s.out);
  real *y = draw(&numbers, s.rows * s.out), *expected = draw(&numbers, s.rows * s.out);
  x[0] = (real)NAN;
  linalg_forward(s.rows, s.in, s.out, x, w, b, expected);
  linalg_forward_relu(s.rows, s.in, s.out, x, w, b, y);
  bool right = true, is_nan = true;
  for (size_t i = 0; i < s.out; i++) is_nan = is_nan && isnan(y[i]);
  for (size_t i = s.out; i < s.rows * s.out; i++) right = right && y[i] == (expected[i] < 0 ? 0 : expected[i]);
  CU_ASSERT_TRUE(is_nan);
  CU_ASSERT_TRUE(right);
  free(x), free(w), free(b), free(y), free(expected);
}

static void check_input_gradient(struct shape s) {
  struct numbers numbers = {s.rows + s.out};
  real *dy = draw(&numbers, s.rows * s.out), *w = draw(&numbers, s.out * s.in);
  real *dx = malloc(s.rows * s.in * sizeof *dx);
  memset(dx, 0xff, s.rows * s.in * sizeof *dx);
  linalg_input_gradient(s.rows, s.in, s.out, dy, w, dx);
  bool right = true;
  for (size_t r = 0; r < s.rows; r++) {
    for (size_t i = 0; i < s.in; i++) {
      double sum = 0;
      for (size_t o = 0; o < s.out; o++) sum += (double)dy[r * s.out + o] * w[o * s.in + i];
      right = right && near(dx[r * s.in + i], sum, s.out);
    }
  }
  CU_ASSERT_TRUE(right);
  free(dy), free(w), free(dx);
}

// Some columns of the whole, and nothing beside them.
static void check_input_gradient_columns(struct shape s) {
  struct numbers numbers = {s.rows + s.out};
  const size_t first = s.in / 3, count = s.in - first - s.in / 5;
  real *dy = draw(&numbers, s.rows * s.out), *w = draw(&numbers, s.out * s.in);
  real *whole = draw(&numbers, s.rows * s.in), *dx = draw(&numbers, s.rows * count + 1);
  const real beyond = dx[s.rows * count];
  linalg_input_gradient(s.rows, s.in, s.out, dy, w, whole);
  linalg_input_gradient_columns(s.rows, s.in, s.out, first, count, dy, w, dx);
  bool right = dx[s.rows * count] == beyond;
  for (size_t r = 0; r < s.rows; r++)
    for (size_t i = 0; i < count; i++)
      right = right && near(dx[r * count + i], (double)whole[r * s.in + first + i], s.out);
  CU_ASSERT_TRUE(right);
  free(dy), free(w), free(whole), free(dx);
}

static void check_weight_gradient(struct shape s) {
  struct numbers numbers = {s.in + s.out};
  real *dy = draw(&numbers, s.rows * s.out), *x = draw(&numbers, s.rows * s.in);
  real *dw = draw(&numbers, s.out * s.in), *db = draw(&numbers, s.out); // what the gradients are added to
  struct numbers again = {s.in + s.out};
  for (size_t i = 0; i < s.rows * (s.out + s.in); i++) (void)numbers_uniform(&again);
  linalg_weight_gradient(s.rows, s.in, s.out, dy, x, dw, db);
  bool right = true;
  for (size_t o = 0; o < s.out; o++) {
    for (size_t i = 0; i < s.in; i++) {
      double sum = (real)numbers_uniform(&again);
      for (size_t r = 0; r < s.rows; r++) sum += (double)dy[r * s.out + o] * x[r * s.in + i];
      right = right && near(dw[o * s.in + i], sum, s.rows);
    }
  }
  for (size_t o = 0; o < s.out; o++) {
    double sum = (real)numbers_uniform(&again);
    for (size_t r = 0; r < s.rows; r++) sum += dy[r * s.out + o];
    right = right && near(db[o], sum, s.rows);
  }
  CU_ASSERT_TRUE(right);
  free(dy), free(x), free(dw), free(db);
}

static void test_forward(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_forward(SHAPES[i]);
}
static void test_input_gradient(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_input_gradient(SHAPES[i]);
}
static void test_weight_gradient(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_weight_gradient(SHAPES[i]);
}

static void test_no_rows(void) {
  const real w[6] = {1, 2, 3, 4, 5, 6}, b[2] = {1, 2};
  real dw[6] = {6, 5, 4, 3, 2, 1}, db[2] = {8, 9}, none = 7;
  linalg_forward(0, 3, 2, &none, w, b, &none);
  linalg_input_gradient(0, 3, 2, &none, w, &none);
  linalg_weight_gradient(0, 3, 2, &none, &none, dw, db);
  CU_ASSERT_EQUAL(none, 7);
  CU_ASSERT_EQUAL(dw[0], 6);
  CU_ASSERT_EQUAL(dw[5], 1);
  CU_ASSERT_EQUAL(db[1], 9);
}

// Also where a weight of 0 meets it, and for one output, which takes another way.
static void test_nan(void) {
  for (size_t out = 1; out <= 3; out++) {
    real x[8] = {1, 2, 3, 4, 5, (real)NAN, 7, 8}, w[12] = {0}, b[3] = {0}, y[6], dx[8], dw[12] = {0}, db[3] = {0};
    linalg_forward(2, 4, out, x, w, b, y);
    for (size_t o = 0; o < out; o++) {
      CU_ASSERT_EQUAL(y[o], 0);
      CU_ASSERT_TRUE(isnan(y[out + o]));
    }
    linalg_input_gradient(2, 4, out, y, w, dx);
    CU_ASSERT_EQUAL(dx[3], 0);
    CU_ASSERT_TRUE(isnan(dx[4]));
    linalg_weight_gradient(2, 4, out, y, x, dw, db);
    CU_ASSERT_TRUE(isnan(dw[0]) && isnan(dw[4 * out - 1]) && isnan(db[out - 1]));
  }
}

static void test_init(void) {
  linalg_init();
  CU_ASSERT_EQUAL(openblas_get_num_threads(), 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(linalg_core_name());
  CU_ASSERT_TRUE(strlen(linalg_core_name()) > 0);
}

static void test_forward_relu(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_forward_relu(SHAPES[i]);
}

static void test_input_gradient_columns(void) {
  for (int i = 0; i < SHAPE_COUNT; i++) check_input_gradient_columns(SHAPES[i]);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"init leaves one BLAS thread; the core has a name", test_init},
      {"forward: y = x w^T + b, whatever y held", test_forward},
      {"forward with ReLU: the same, cut off at 0, NaN passing", test_forward_relu},
      {"input gradient of some columns: these of the whole", test_input_gradient_columns},
      {"input gradient: dx = dy w, whatever dx held", test_input_gradient},
      {"weight gradient: dw += dy^T x, db += column sums", test_weight_gradient},
      {"no rows: nothing is touched", test_no_rows},
      {"NaN comes through, to its row only", test_nan},
  };
  return unit_run("linalg", cases, sizeof cases / sizeof *cases);
}
