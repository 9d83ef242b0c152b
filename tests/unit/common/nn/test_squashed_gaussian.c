#include "common/nn/squashed_gaussian.h"
#include "common/base/random.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TOLERANCE = sizeof(real) == 8 ? 1e-12 : 1e-6;

// Absolute or relative, whichever is larger.
static void check(const char *what, size_t i, double found, double expected) {
  bool right = fabs(found - expected) <= TOLERANCE * fmax(1, fabs(expected));
  CU_ASSERT_TRUE(right);
  if (!right) printf("\n  %s %zu: %.17g, expected %.17g ", what, i, found, expected);
}

// Relative, down to where a float has no more digits.
static void check_relative(const char *what, size_t i, double found, double expected) {
  bool right = fabs(found - expected) <= TOLERANCE * fabs(expected) + 0x1p-149;
  CU_ASSERT_TRUE(right);
  if (!right) printf("\n  %s %zu: %.17g, expected %.17g ", what, i, found, expected);
}

// The cases of tests/data/squashed_gaussian.py as rows of any dimension that divides their number.
struct data {
  struct reference reference;
  size_t size;
  real *head, *eps; // (size / dim x 2 dim), (size / dim x dim)
};

static const double *column(const struct data *data, const char *name) {
  return reference_get(&data->reference, name, data->size);
}

static struct data data_open(size_t dim) {
  struct data data = {.reference = reference_open("tests/data/squashed_gaussian.bin")};
  data.size = (size_t)*reference_get(&data.reference, "size", 1);
  CU_ASSERT_EQUAL_FATAL(data.size % dim, 0);
  data.head = malloc(2 * data.size * sizeof(real));
  data.eps = malloc(data.size * sizeof(real));
  for (size_t i = 0; i < data.size; i++) {
    size_t at = i / dim * 2 * dim + i % dim;
    data.head[at] = (real)column(&data, "mean")[i];
    data.head[at + dim] = (real)column(&data, "log_std")[i];
    data.eps[i] = (real)column(&data, "eps")[i];
  }
  return data;
}

static void data_release(struct data *data) {
  free(data->head);
  free(data->eps);
  reference_release(&data->reference);
}

static void test_log_sech2(void) {
  enum { COUNT = 90 };
  struct reference reference = reference_open("tests/data/squashed_gaussian.bin");
  const double *u = reference_get(&reference, "u", COUNT), *expected = reference_get(&reference, "log_sech2", COUNT);
  for (size_t i = 0; i < COUNT; i++) check("log_sech2", i, squashed_gaussian_log_sech2((real)u[i]), expected[i]);
  CU_ASSERT_EQUAL(squashed_gaussian_log_sech2(0), 0);
  CU_ASSERT_EQUAL(squashed_gaussian_log_sech2((real)-0.0), 0);
  CU_ASSERT_TRUE(isnan(squashed_gaussian_log_sech2((real)NAN)));
  reference_release(&reference);
}

static void check_sample(size_t dim) {
  struct data data = data_open(dim);
  size_t rows = data.size / dim;
  real *action = malloc(data.size * sizeof(real)), *again = malloc(data.size * sizeof(real));
  real *log_probability = malloc(rows * sizeof(real));
  squashed_gaussian_sample(&log_std_plain, rows, dim, data.head, data.eps, action, log_probability);
  squashed_gaussian_sample(&log_std_plain, rows, dim, data.head, data.eps, again, NULL);
  CU_ASSERT_EQUAL(memcmp(action, again, data.size * sizeof(real)), 0);
  for (size_t r = 0; r < rows; r++) {
    double sum = 0;
    for (size_t i = r * dim; i < (r + 1) * dim; i++) {
      check("action", i, action[i], column(&data, "action")[i]);
      CU_ASSERT_TRUE(action[i] >= -1);
      CU_ASSERT_TRUE(action[i] <= 1);
      sum += column(&data, "log_probability")[i];
    }
    check("log_probability of row", r, log_probability[r], sum);
  }
  free(action), free(again), free(log_probability);
  data_release(&data);
}

static void test_sample(void) {
  check_sample(1);
  check_sample(3);
  check_sample(7);
}

static void check_backward(size_t dim) {
  struct data data = data_open(dim);
  size_t rows = data.size / dim;
  real *d_action = malloc(data.size * sizeof(real)), *d_head = malloc(2 * data.size * sizeof(real));
  for (size_t i = 0; i < data.size; i++) d_action[i] = 1;
  squashed_gaussian_backward(&log_std_plain, rows, dim, data.head, data.eps,
                             &(struct squashed_gaussian_gradient){0, d_action, d_head});
  for (size_t i = 0; i < data.size; i++) {
    size_t at = i / dim * 2 * dim + i % dim;
    // Relative: 1 - a^2 keeps its digits where 1 - tanh(u)^2 would be 0.
    check_relative("da/dmean", i, d_head[at], column(&data, "action_d_mean")[i]);
    check_relative("da/dlog_std", i, d_head[at + dim], column(&data, "action_d_log_std")[i]);
  }
  squashed_gaussian_backward(&log_std_plain, rows, dim, data.head, data.eps,
                             &(struct squashed_gaussian_gradient){(real)-0.75, d_action, d_head});
  for (size_t i = 0; i < data.size; i++) {
    size_t at = i / dim * 2 * dim + i % dim;
    double mean = column(&data, "action_d_mean")[i] - 0.75 * column(&data, "log_probability_d_mean")[i];
    double log_std = column(&data, "action_d_log_std")[i] - 0.75 * column(&data, "log_probability_d_log_std")[i];
    check("dL/dmean", i, d_head[at], mean);
    check("dL/dlog_std", i, d_head[at + dim], log_std);
  }
  free(d_action), free(d_head);
  data_release(&data);
}

static void test_backward(void) {
  check_backward(1);
  check_backward(3);
  check_backward(7);
}

// L = 0.3 sum_r log pi_r + sum w a
enum { SOME_ROWS = 29, SOME_DIM = 5, SOME = SOME_ROWS * SOME_DIM };

static double loss(const real *head, const real *eps, const real *w) {
  real action[SOME], log_probability[SOME_ROWS];
  squashed_gaussian_sample(&log_std_plain, SOME_ROWS, SOME_DIM, head, eps, action, log_probability);
  double sum = 0;
  for (int i = 0; i < SOME; i++) sum += (double)w[i] * action[i];
  for (int r = 0; r < SOME_ROWS; r++) sum += 0.3 * (double)log_probability[r];
  return sum;
}

static void test_central_differences(void) {
  real head[2 * SOME], eps[SOME], w[SOME], d_head[2 * SOME];
  struct numbers numbers = {4};
  for (int i = 0; i < 2 * SOME; i++) head[i] = (real)(1.5 * numbers_uniform(&numbers));
  for (int i = 0; i < SOME; i++) eps[i] = (real)(2 * numbers_uniform(&numbers));
  for (int i = 0; i < SOME; i++) w[i] = (real)numbers_uniform(&numbers);
  squashed_gaussian_backward(&log_std_plain, SOME_ROWS, SOME_DIM, head, eps,
                             &(struct squashed_gaussian_gradient){(real)0.3, w, d_head});
  const real step = sizeof(real) == 8 ? (real)1e-5 : (real)1e-2;
  const double tolerance = sizeof(real) == 8 ? 1e-7 : 5e-3;
  for (int i = 0; i < 2 * SOME; i++) {
    real middle = head[i], high = middle + step, low = middle - step;
    head[i] = high;
    double above = loss(head, eps, w);
    head[i] = low;
    double below = loss(head, eps, w);
    head[i] = middle;
    CU_ASSERT_DOUBLE_EQUAL(d_head[i], (above - below) / (double)(high - low), tolerance);
  }
}

static void test_mode(void) {
  real head[2 * SOME], action[SOME];
  struct numbers numbers = {5};
  for (int i = 0; i < 2 * SOME; i++) head[i] = (real)(12 * numbers_uniform(&numbers));
  head[0] = (real)1e-30;
  head[1] = 40;
  head[2] = -1000;
  head[SOME_DIM] = (real)NAN; // a log_std, which does not matter
  squashed_gaussian_mode(SOME_ROWS, SOME_DIM, head, action);
  for (int i = 0; i < SOME; i++) {
    double mean = head[i / SOME_DIM * 2 * SOME_DIM + i % SOME_DIM];
    check_relative("mode", (size_t)i, action[i], tanh(mean));
  }
}

static void test_rows_alone(void) {
  real head[2 * SOME], eps[SOME], w[SOME], action[SOME], log_probability[SOME_ROWS], d_head[2 * SOME];
  struct numbers numbers = {6};
  for (int i = 0; i < 2 * SOME; i++) head[i] = (real)(3 * numbers_uniform(&numbers));
  for (int i = 0; i < SOME; i++) eps[i] = (real)(2 * numbers_uniform(&numbers));
  for (int i = 0; i < SOME; i++) w[i] = (real)numbers_uniform(&numbers);
  squashed_gaussian_sample(&log_std_plain, SOME_ROWS, SOME_DIM, head, eps, action, log_probability);
  squashed_gaussian_backward(&log_std_plain, SOME_ROWS, SOME_DIM, head, eps,
                             &(struct squashed_gaussian_gradient){(real)0.3, w, d_head});
  for (int r = 0; r < SOME_ROWS; r++) {
    const real *row = head + r * 2 * SOME_DIM;
    real a[SOME_DIM], log_p, d[2 * SOME_DIM];
    squashed_gaussian_sample(&log_std_plain, 1, SOME_DIM, row, eps + r * SOME_DIM, a, &log_p);
    squashed_gaussian_backward(&log_std_plain, 1, SOME_DIM, row, eps + r * SOME_DIM,
                               &(struct squashed_gaussian_gradient){(real)0.3, w + r * SOME_DIM, d});
    CU_ASSERT_EQUAL(memcmp(a, action + r * SOME_DIM, sizeof a), 0);
    CU_ASSERT_EQUAL(memcmp(&log_p, log_probability + r, sizeof log_p), 0);
    CU_ASSERT_EQUAL(memcmp(d, d_head + r * 2 * SOME_DIM, sizeof d), 0);
  }
}

// NaN in `what` (0 mean, 1 log_std, 2 eps) of element 1 of row 1 of 3 comes out there and nowhere else.
static void check_nan(int what) {
  enum { ROWS = 3, DIM = 2 };
  real head[ROWS * 2 * DIM] = {0}, eps[ROWS * DIM] = {0}, action[ROWS * DIM], log_probability[ROWS];
  real d_action[ROWS * DIM] = {0}, d_head[ROWS * 2 * DIM];
  if (what < 2) head[2 * DIM + what * DIM + 1] = (real)NAN;
  if (what == 2) eps[DIM + 1] = (real)NAN;
  squashed_gaussian_sample(&log_std_plain, ROWS, DIM, head, eps, action, log_probability);
  squashed_gaussian_backward(&log_std_plain, ROWS, DIM, head, eps,
                             &(struct squashed_gaussian_gradient){1, d_action, d_head});
  for (int i = 0; i < ROWS * DIM; i++) {
    int at = i / DIM * 2 * DIM + i % DIM;
    // sigma = NaN makes NaN of sigma eps even for eps = 0
    CU_ASSERT_EQUAL(isnan(action[i]) != 0, i == DIM + 1);
    CU_ASSERT_EQUAL(isnan(d_head[at]) != 0, i == DIM + 1);
    CU_ASSERT_EQUAL(isnan(d_head[at + DIM]) != 0, i == DIM + 1);
  }
  for (int r = 0; r < ROWS; r++) CU_ASSERT_EQUAL(isnan(log_probability[r]) != 0, r == 1);
}

static void test_nan(void) {
  for (int what = 0; what < 3; what++) check_nan(what);
  const real head[2] = {(real)NAN, 0}, zero = 0, one = 1, nan = (real)NAN, fine[2] = {0, 0};
  real action, d_head[2];
  squashed_gaussian_mode(1, 1, head, &action);
  CU_ASSERT_TRUE(isnan(action));
  squashed_gaussian_backward(&log_std_plain, 1, 1, fine, &one, &(struct squashed_gaussian_gradient){0, &nan, d_head});
  CU_ASSERT_TRUE_FATAL(isnan(d_head[0]));
  CU_ASSERT_TRUE(isnan(d_head[1]));
  squashed_gaussian_backward(&log_std_plain, 1, 1, fine, &one,
                             &(struct squashed_gaussian_gradient){nan, &zero, d_head});
  CU_ASSERT_TRUE_FATAL(isnan(d_head[0]));
  CU_ASSERT_TRUE(isnan(d_head[1]));
}

// --- Monte-Carlo: the pathwise gradient against the derivative of the expectation ---

static const double ALPHA = 0.4;
static double reward(double a) { return sin(3 * a) + a * a - 0.5 * a; }
static double reward_slope(double a) { return 3 * cos(3 * a) + 2 * a - 0.5; }

// E[reward(a) - alpha log pi(a)] as an integral over u with the density of u: no noise, no path.
static double expectation(double mean, double log_std) {
  enum { POINTS = 8001 };
  double sigma = exp(log_std), width = 24 * sigma / (POINTS - 1), sum = 0;
  for (int i = 0; i < POINTS; i++) {
    double u = mean - 12 * sigma + i * width, z = (u - mean) / sigma;
    double log_density = -0.5 * z * z - log_std - 0.5 * log(2 * M_PI); // of u
    double log_pi = log_density + 2 * log(cosh(u));
    sum += exp(log_density) * (reward(tanh(u)) - ALPHA * log_pi);
  }
  return sum * width;
}

static void check_monte_carlo(double mean, double log_std, uint64_t index) {
  enum { BATCH = 1000, BATCHES = 200 };
  static real head[2 * BATCH], eps[BATCH], action[BATCH], d_action[BATCH], d_head[2 * BATCH];
  struct random random = random_stream(7, RANDOM_NOISE, 0, index);
  double sum[2] = {0}, squares[2] = {0};
  for (int b = 0; b < BATCHES; b++) {
    for (int i = 0; i < BATCH; i++) {
      head[2 * i] = (real)mean;
      head[2 * i + 1] = (real)log_std;
      eps[i] = (real)random_normal(&random);
    }
    squashed_gaussian_sample(&log_std_plain, BATCH, 1, head, eps, action, NULL);
    for (int i = 0; i < BATCH; i++) d_action[i] = (real)reward_slope(action[i]);
    squashed_gaussian_backward(&log_std_plain, BATCH, 1, head, eps,
                               &(struct squashed_gaussian_gradient){(real)-ALPHA, d_action, d_head});
    for (int i = 0; i < 2 * BATCH; i++) {
      sum[i % 2] += d_head[i];
      squares[i % 2] += (double)d_head[i] * d_head[i];
    }
  }
  const double n = (double)BATCH * BATCHES, h = 1e-4;
  const double expected[2] = {(expectation(mean + h, log_std) - expectation(mean - h, log_std)) / (2 * h),
                              (expectation(mean, log_std + h) - expectation(mean, log_std - h)) / (2 * h)};
  for (int k = 0; k < 2; k++) {
    double average = sum[k] / n, error = sqrt((squares[k] / n - average * average) / n);
    CU_ASSERT_TRUE(error > 0);
    CU_ASSERT_TRUE(error < 0.02);
    CU_ASSERT_DOUBLE_EQUAL(average, expected[k], 5 * error);
  }
}

static void test_monte_carlo(void) {
  check_monte_carlo(0.25, -0.5, 0);
  check_monte_carlo(-1.5, 0.75, 1);
  check_monte_carlo(0.5, 1.75, 2); // mostly saturated
  check_monte_carlo(2.5, -2, 3);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"log(1 - tanh^2 u) is mpmath's at 0, tiny, 40 and far beyond", test_log_sech2},
      {"action and log-probability are mpmath's, saturated and clamped too", test_sample},
      {"gradients are mpmath's, saturated, clamped and on the clamp's bounds too", test_backward},
      {"gradients agree with central differences", test_central_differences},
      {"the mode is tanh(mean)", test_mode},
      {"a row's bits do not depend on the other rows", test_rows_alone},
      {"NaN comes out where it went in", test_nan},
      {"the pathwise gradient is unbiased: Monte-Carlo against quadrature", test_monte_carlo},
  };
  return unit_run("squashed_gaussian", cases, sizeof cases / sizeof *cases);
}
