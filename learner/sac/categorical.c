#include "learner/sac/categorical.h"
#include "common/base/logarithm.h"
#include "common/base/vectorize.h"
#include "common/nn/exponential.h"
#include <assert.h>

static double spacing(const struct categorical *head) { return (head->high - head->low) / (double)(head->atoms - 1); }

VECTORIZE static void exponentials(size_t atoms, const real *restrict logits, double highest, double *restrict p) {
  for (size_t j = 0; j < atoms; j++) p[j] = exponential((double)logits[j] - highest).value;
}

// p (atoms) = softmax(logits). Returns log sum exp(logits). NaN passes.
static double softmax(size_t atoms, const real *logits, double *p) {
  double highest = (double)logits[0], sum = 0;
  for (size_t j = 1; j < atoms; j++) highest = (double)logits[j] > highest ? (double)logits[j] : highest;
  exponentials(atoms, logits, highest, p);
  for (size_t j = 0; j < atoms; j++) sum += p[j];
  for (size_t j = 0; j < atoms; j++) p[j] /= sum;
  return highest + (sum > 0 ? logarithm(sum) : sum); // sum is NaN where a logit is
}

static double mean_of(const struct categorical *head, const double *p) {
  const double step = spacing(head);
  double along = 0;
  for (size_t j = 0; j < head->atoms; j++) along += (double)j * p[j];
  return head->low + step * along;
}

void categorical_value(const struct categorical *head, size_t rows, const real *logits, real *q) {
  double p[CATEGORICAL_MAX_ATOMS];
  for (size_t r = 0; r < rows; r++) {
    softmax(head->atoms, logits + r * head->atoms, p);
    q[r] = (real)mean_of(head, p);
  }
}

void categorical_value_gradient(const struct categorical *head, size_t rows, const real *logits, real *dlogits) {
  const double step = spacing(head);
  double p[CATEGORICAL_MAX_ATOMS];
  for (size_t r = 0; r < rows; r++) {
    softmax(head->atoms, logits + r * head->atoms, p);
    const double q = mean_of(head, p);
    for (size_t j = 0; j < head->atoms; j++)
      dlogits[r * head->atoms + j] = (real)(p[j] * (head->low + step * (double)j - q));
  }
}

void categorical_target(const struct categorical *head, const real *logits, double reward, double discount,
                        double bonus, real *m) {
  const double step = spacing(head);
  double p[CATEGORICAL_MAX_ATOMS], mass[CATEGORICAL_MAX_ATOMS];
  assert(head->atoms >= 2 && head->atoms <= CATEGORICAL_MAX_ATOMS);
  softmax(head->atoms, logits, p);
  for (size_t j = 0; j < head->atoms; j++) mass[j] = 0;

  for (size_t j = 0; j < head->atoms; j++) {
    double z = reward + discount * (head->low + step * (double)j - bonus);
    z = z < head->low ? head->low : z > head->high ? head->high : z;
    const double at = (z - head->low) / step; // 0 to atoms - 1
    // NaN stays NaN in the mass; its index must be one there is.
    size_t lower = at >= 0 ? (size_t)at : 0;
    if (lower > head->atoms - 2) lower = head->atoms - 2;
    const double above = at - (double)lower;
    mass[lower] += p[j] * (1 - above);
    mass[lower + 1] += p[j] * above;
  }
  for (size_t j = 0; j < head->atoms; j++) m[j] = (real)mass[j];
}

void categorical_loss(const struct categorical *head, size_t rows, const real *logits, const real *m, real scale,
                      double *loss, real *dlogits) {
  double p[CATEGORICAL_MAX_ATOMS];
  for (size_t r = 0; r < rows; r++) {
    const real *row = logits + r * head->atoms, *mass = m + r * head->atoms;
    const double log_sum = softmax(head->atoms, row, p);
    double sum = 0;
    for (size_t j = 0; j < head->atoms; j++) sum += (double)mass[j] * (log_sum - (double)row[j]);
    loss[r] = sum;
    for (size_t j = 0; j < head->atoms; j++)
      dlogits[r * head->atoms + j] = (real)((double)scale * (p[j] - (double)mass[j]));
  }
}
