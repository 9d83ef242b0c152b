#include "learner/sac/categorical.h"
#include "tests/support/reference.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CORSAC_REAL_DOUBLE
static const double ROUNDING = 1e-12;
#else
static const double ROUNDING = 1e-5;
#endif
enum { ATOMS = 21, ROWS = 6 };
static const struct categorical head = {ATOMS, -5, 5};

static double atom(size_t j) { return -5 + 0.5 * (double)j; }

static void draw(real *values, size_t count, double size, uint64_t seed) {
  struct numbers numbers = {seed};
  for (size_t i = 0; i < count; i++) values[i] = (real)(size * numbers_uniform(&numbers));
}

static void probabilities(const real *logits, double *p) {
  double sum = 0;
  for (size_t j = 0; j < ATOMS; j++) sum += p[j] = exp((double)logits[j]);
  for (size_t j = 0; j < ATOMS; j++) p[j] /= sum;
}

static void test_value(void) {
  real logits[ROWS * ATOMS], q[ROWS];
  draw(logits, ROWS * ATOMS, 4, 1);
  for (size_t j = 0; j < ATOMS; j++) logits[j] += 80; // no overflow
  categorical_value(&head, ROWS, logits, q);
  for (size_t r = 0; r < ROWS; r++) {
    double p[ATOMS], mean = 0;
    probabilities(logits + r * ATOMS, p);
    for (size_t j = 0; j < ATOMS; j++) mean += atom(j) * p[j];
    CU_ASSERT_DOUBLE_EQUAL(q[r], mean, 10 * ROUNDING);
  }
}

static double mass_of(const real *m) {
  double sum = 0;
  for (size_t j = 0; j < ATOMS; j++) sum += (double)m[j];
  return sum;
}

static void test_target(void) {
  real logits[ATOMS], m[ATOMS];
  draw(logits, ATOMS, 2, 2);
  categorical_target(&head, logits, 0.3, 0.97, 0.2, m);
  CU_ASSERT_DOUBLE_EQUAL(mass_of(m), 1, ROUNDING);
  // Where nothing is clipped the mean goes where it should; so take a discount that keeps all atoms inside.
  categorical_target(&head, logits, 0.3, 0.5, 0.2, m);
  double p[ATOMS], mean = 0, target = 0;
  probabilities(logits, p);
  for (size_t j = 0; j < ATOMS; j++) target += p[j] * (0.3 + 0.5 * (atom(j) - 0.2));
  for (size_t j = 0; j < ATOMS; j++) mean += (double)m[j] * atom(j);
  CU_ASSERT_DOUBLE_EQUAL(mean, target, 10 * ROUNDING);
}

static void test_atoms(void) {
  real logits[ATOMS] = {0}, m[ATOMS];
  categorical_target(&head, logits, 0, 1, 0, m); // nothing moves
  for (size_t j = 0; j < ATOMS; j++) CU_ASSERT_DOUBLE_EQUAL(m[j], 1.0 / ATOMS, ROUNDING);
  categorical_target(&head, logits, 1.25, 0, 3, m); // terminated: all of it between atoms 12 (1.0) and 13 (1.5)
  CU_ASSERT_DOUBLE_EQUAL(m[12], 0.5, ROUNDING);
  CU_ASSERT_DOUBLE_EQUAL(m[13], 0.5, ROUNDING);
  categorical_target(&head, logits, -1.5, 0, 3, m); // on atom 7
  CU_ASSERT_DOUBLE_EQUAL(m[7], 1, ROUNDING);
}

static void test_ends(void) {
  real logits[ATOMS] = {0}, m[ATOMS];
  categorical_target(&head, logits, 100, 0.99, 0, m);
  CU_ASSERT_DOUBLE_EQUAL(m[ATOMS - 1], 1, ROUNDING);
  categorical_target(&head, logits, -100, 0.99, 0, m);
  CU_ASSERT_DOUBLE_EQUAL(m[0], 1, ROUNDING);
  categorical_target(&head, logits, 5, 0, 0, m);
  CU_ASSERT_DOUBLE_EQUAL(m[ATOMS - 1], 1, ROUNDING);
  CU_ASSERT_DOUBLE_EQUAL(mass_of(m), 1, ROUNDING);
}

static double loss_of(const real *logits, const real *m) {
  real dlogits[ATOMS];
  double loss;
  categorical_loss(&head, 1, logits, m, 1, &loss, dlogits);
  return loss;
}

static void test_loss(void) {
  real logits[ROWS * ATOMS], m[ROWS * ATOMS], dlogits[ROWS * ATOMS], other[ATOMS];
  double loss[ROWS];
  draw(logits, ROWS * ATOMS, 3, 3);
  draw(other, ATOMS, 2, 4);
  for (size_t r = 0; r < ROWS; r++) categorical_target(&head, other, (double)r, 0.9, 0.1, m + r * ATOMS);
  categorical_loss(&head, ROWS, logits, m, (real)0.25, loss, dlogits);
  for (size_t r = 0; r < ROWS; r++) {
    double p[ATOMS], expected = 0;
    probabilities(logits + r * ATOMS, p);
    for (size_t j = 0; j < ATOMS; j++) expected -= (double)m[r * ATOMS + j] * log(p[j]);
    CU_ASSERT_DOUBLE_EQUAL(loss[r], expected, 10 * ROUNDING);
    for (size_t j = 0; j < ATOMS; j++)
      CU_ASSERT_DOUBLE_EQUAL(dlogits[r * ATOMS + j], 0.25 * (p[j] - (double)m[r * ATOMS + j]), ROUNDING);
  }
  (void)loss_of;
}

static void test_differences(void) {
#ifdef CORSAC_REAL_DOUBLE
  double loss;
  real logits[ATOMS], m[ATOMS], dlogits[ATOMS], dq[ATOMS], q[2];
  draw(logits, ATOMS, 3, 5);
  categorical_target(&head, logits, 0.7, 0.95, 0.1, m);
  categorical_loss(&head, 1, logits, m, 1, &loss, dlogits);
  categorical_value_gradient(&head, 1, logits, dq);
  for (size_t j = 0; j < ATOMS; j++) {
    const double kept = logits[j], step = 1e-5;
    logits[j] = kept + step;
    const double above = loss_of(logits, m);
    categorical_value(&head, 1, logits, &q[0]);
    logits[j] = kept - step;
    const double below = loss_of(logits, m);
    categorical_value(&head, 1, logits, &q[1]);
    logits[j] = kept;
    CU_ASSERT_DOUBLE_EQUAL(dlogits[j], (above - below) / (2 * step), 1e-8);
    CU_ASSERT_DOUBLE_EQUAL(dq[j], (q[0] - q[1]) / (2 * step), 1e-8);
  }
#endif
}

static void test_nan(void) {
  real logits[ATOMS] = {0}, m[ATOMS], q, dlogits[ATOMS];
  double loss;
  categorical_target(&head, logits, NAN, 0.99, 0, m);
  CU_ASSERT_TRUE(isnan(mass_of(m)));
  logits[3] = (real)NAN;
  categorical_value(&head, 1, logits, &q);
  CU_ASSERT_TRUE(isnan(q));
  for (size_t j = 0; j < ATOMS; j++) m[j] = 0;
  m[5] = 1;
  categorical_loss(&head, 1, logits, m, 1, &loss, dlogits);
  CU_ASSERT_TRUE(isnan(loss));
}

// --- tests/data/categorical.py ---

enum { HEADS = 4 };

struct digits {
  struct reference reference;
  struct categorical head;
  size_t rows;
  real *logits;
};

static const double *get(const struct digits *digits, const char *name, int k, size_t count) {
  char key[32];
  snprintf(key, sizeof key, "%s%d", name, k);
  return reference_get(&digits->reference, key, count);
}

static struct digits digits_open(int k) {
  struct digits digits = {.reference = reference_open("tests/data/categorical.bin")};
  const double *size = get(&digits, "head", k, 4);
  digits.head = (struct categorical){(size_t)size[0], size[1], size[2]};
  digits.rows = (size_t)size[3];
  const size_t count = digits.rows * digits.head.atoms;
  const double *logits = get(&digits, "logits", k, count);
  digits.logits = malloc(count * sizeof(real));
  CU_ASSERT_PTR_NOT_NULL_FATAL(digits.logits);
  for (size_t i = 0; i < count; i++) digits.logits[i] = (real)logits[i];
  return digits;
}

static void digits_close(struct digits *digits) {
  free(digits->logits);
  reference_release(&digits->reference);
}

static void expect(const real *found, const double *expected, size_t count, double size) {
  for (size_t i = 0; i < count; i++) CU_ASSERT_DOUBLE_EQUAL(found[i], expected[i], size * ROUNDING);
}

static void test_projection(void) {
  for (int k = 0; k < HEADS; k++) {
    struct digits digits = digits_open(k);
    const size_t atoms = digits.head.atoms;
    const double *in = get(&digits, "in", k, 3 * digits.rows), *m = get(&digits, "m", k, digits.rows * atoms);
    for (size_t r = 0; r < digits.rows; r++) {
      real found[CATEGORICAL_MAX_ATOMS];
      double mass = 0;
      categorical_target(&digits.head, digits.logits + r * atoms, in[3 * r], in[3 * r + 1], in[3 * r + 2], found);
      expect(found, m + r * atoms, atoms, 1);
      for (size_t j = 0; j < atoms; j++) mass += (double)found[j];
      for (size_t j = 0; j < atoms; j++) CU_ASSERT_TRUE(found[j] >= 0);
      CU_ASSERT_DOUBLE_EQUAL(mass, 1, ROUNDING);
    }
    digits_close(&digits);
  }
}

static void test_head(void) {
  for (int k = 0; k < HEADS; k++) {
    struct digits digits = digits_open(k);
    const size_t atoms = digits.head.atoms, rows = digits.rows;
    const double *m = get(&digits, "m", k, rows * atoms), *losses = get(&digits, "loss", k, rows);
    real q[64], dq[64 * 128];
    CU_ASSERT_TRUE_FATAL(rows <= 64 && atoms <= 128);
    categorical_value(&digits.head, rows, digits.logits, q);
    expect(q, get(&digits, "q", k, rows), rows, 10);
    categorical_value_gradient(&digits.head, rows, digits.logits, dq);
    expect(dq, get(&digits, "dq", k, rows * atoms), rows * atoms, 10);
    for (size_t r = 0; r < rows; r++) {
      real target[128], dlogits[128];
      double loss;
      for (size_t j = 0; j < atoms; j++) target[j] = (real)m[(r + 1) % rows * atoms + j];
      categorical_loss(&digits.head, 1, digits.logits + r * atoms, target, 1, &loss, dlogits);
      CU_ASSERT_DOUBLE_EQUAL(loss, losses[r], ROUNDING * fmax(10, fabs(losses[r])));
    }
    digits_close(&digits);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"Q is the mean of the distribution, without overflow", test_value},
      {"a target keeps all mass, and the mean where nothing is clipped", test_target},
      {"mass between two atoms is split, mass on an atom stays", test_atoms},
      {"what lies beyond the ends comes to the ends", test_ends},
      {"the loss is the cross entropy, its gradient p - m", test_loss},
      {"gradients are those of central differences", test_differences},
      {"targets are mpmath's, at both ends too, and keep all mass", test_projection},
      {"so are Q, its gradient and the loss", test_head},
      {"NaN passes", test_nan},
  };
  return unit_run("categorical", cases, sizeof cases / sizeof *cases);
}
