#include "launch/policy/explain_math.h"

#include "common/nn/squashed_gaussian.h"
#include "tests/support/unit.h"
#include <math.h>

static bool near(double a, double b, double tolerance) {
  return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

// References: Python's decimal with 60 digits.
static void test_correction(void) {
  static const double reference[][2] = {{0, 0},
                                        {0.5, -0.240229013916555049},
                                        {2, -2.650005494715728862},
                                        {10, -18.613705643002416622},
                                        {40, -78.613705638880109381}};
  for (size_t i = 0; i < sizeof reference / sizeof *reference; i++) {
    CU_ASSERT_TRUE(near(explain_correction(reference[i][0]), reference[i][1], 1e-14));
    CU_ASSERT_TRUE(near(explain_correction(-reference[i][0]), reference[i][1], 1e-14));
  }
  CU_ASSERT_TRUE(near(explain_textbook(0.5), explain_correction(0.5), 2e-6));
  CU_ASSERT_TRUE(near(explain_textbook(40), log(1e-6), 1e-12)); // the least it can be
}

static void test_slopes(void) {
  for (double u = -9; u <= 9; u += 0.37) {
    const double h = 1e-6;
    CU_ASSERT_TRUE(
        near(explain_correction_slope(u), (explain_correction(u + h) - explain_correction(u - h)) / (2 * h), 1e-8));
    if (fabs(u) < 7)
      CU_ASSERT_TRUE(
          near(explain_textbook_slope(u), (explain_textbook(u + h) - explain_textbook(u - h)) / (2 * h), 1e-4));
  }
  CU_ASSERT_EQUAL(explain_textbook_slope(30), 0); // it no longer pulls the action back
}

static void test_divergence(void) {
  for (double d = 1e-3; d < 4; d *= 3) {
    const double u = explain_divergence(d);
    CU_ASSERT_TRUE(near(explain_textbook(u) - explain_correction(u), d, 1e-6));
  }
}

// The float code that trains gives the same numbers.
static void test_sample(void) {
  const double head[] = {0.3, -2.5, 7, -0.7, 1.5, 2.5}, eps[] = {0.4, -1.1, 0.2};
  real head_f[6], eps_f[3], action[3], log_probability;
  struct explain_path path[3];
  for (int i = 0; i < 6; i++) head_f[i] = (real)head[i];
  for (int i = 0; i < 3; i++) eps_f[i] = (real)eps[i];
  squashed_gaussian_sample(&log_std_plain, 1, 3, head_f, eps_f, action, &log_probability);
  CU_ASSERT_TRUE(near(explain_sample(3, head, eps, path), (double)log_probability, 1e-5));
  for (int i = 0; i < 3; i++) CU_ASSERT_TRUE(near(path[i].action, (double)action[i], 1e-6));
  CU_ASSERT_EQUAL(path[2].log_std, 2); // clamped
  CU_ASSERT_TRUE(near(path[0].gaussian, -0.4 * 0.4 / 2 + 0.7 - 0.5 * log(2 * acos(-1)), 1e-14));
}

// q(a) = sum_i -(a_i - 0.3)^2 + a_0 a_1
static double bowl(void *who, const double *action, double *gradient) {
  (void)who;
  const double a = action[0], b = action[1];
  if (gradient) {
    gradient[0] = -2 * (a - 0.3) + b;
    gradient[1] = -2 * (b - 0.3) + a;
  }
  return -(a - 0.3) * (a - 0.3) - (b - 0.3) * (b - 0.3) + a * b;
}

static void test_gradients(void) {
  struct explain_objective objective;
  CU_ASSERT_EQUAL_FATAL(explain_objective_init(&objective, 2, NULL), STATUS_OK);
  const double heads[][4] = {{0.3, -0.5, -0.7, 0.4}, {3, -4, 1.9, -6}, {0.1, 0.2, 3, -25}}, eps[] = {0.4, -1.1};
  double exact[4], differences[4];
  for (int with_q = 0; with_q < 2; with_q++) {
    objective.alpha = with_q ? 0.2 : 1;
    objective.q = with_q ? bowl : NULL;
    for (int h = 0; h < 3; h++) {
      explain_value(&objective, heads[h], eps, exact);
      explain_differences(&objective, heads[h], eps, differences);
      for (int i = 0; i < 4; i++) CU_ASSERT_TRUE(near(exact[i], differences[i], 1e-8));
    }
    CU_ASSERT_EQUAL(exact[2], 0); // clamped
  }
  explain_objective_release(&objective);
}

// All three estimate the same gradient, the score function with a larger variance.
static void test_estimators(void) {
  enum { SAMPLES = 40000 };
  struct explain_objective objective;
  CU_ASSERT_EQUAL_FATAL(explain_objective_init(&objective, 2, NULL), STATUS_OK);
  objective.alpha = 0.2;
  objective.q = bowl;
  const double head[] = {0.3, -0.5, -0.7, -1.4};
  double eps[2], d_head[4], memory[EXPLAIN_ESTIMATORS][2][4];
  struct explain_moments moments[EXPLAIN_ESTIMATORS];
  for (int e = 0; e < EXPLAIN_ESTIMATORS; e++) moments[e] = (struct explain_moments){memory[e][0], memory[e][1]};
  struct random random = random_stream(5, RANDOM_NOISE, 0, 0);
  explain_estimate(&objective, head, SAMPLES, &random, eps, d_head, moments);
  double sum[EXPLAIN_ESTIMATORS] = {0};
  for (int i = 0; i < 4; i++) {
    for (int e = 0; e < EXPLAIN_ESTIMATORS; e++) {
      const double error = sqrt((moments[e].variance[i] + moments[0].variance[i]) / SAMPLES);
      CU_ASSERT_TRUE(fabs(moments[e].mean[i] - moments[0].mean[i]) <= 4 * error);
      CU_ASSERT_TRUE(moments[e].variance[i] > 0);
      sum[e] += moments[e].variance[i];
    }
  }
  CU_ASSERT_TRUE(sum[EXPLAIN_PATHWISE] < sum[EXPLAIN_BASELINE]);
  CU_ASSERT_TRUE(sum[EXPLAIN_BASELINE] < sum[EXPLAIN_SCORE]);
  explain_objective_release(&objective);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"log(1 - tanh^2 u) is exact for any u", test_correction},
      {"the slopes are the derivatives of both forms", test_slopes},
      {"at the |u| that explain_divergence gives the textbook's form is wrong by d", test_divergence},
      {"a sample has the numbers that training computes", test_sample},
      {"gradients agree with central differences", test_gradients},
      {"the estimators agree, and pathwise has the smallest variance", test_estimators}};
  return unit_run("explain_math", cases, sizeof cases / sizeof *cases);
}
