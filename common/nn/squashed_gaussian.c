#include "common/nn/squashed_gaussian.h"
#include "common/base/vectorize.h"
#include "common/nn/exponential.h"
#include <math.h>

// Everything here is computed in double: the terms of log pi (up to 80 each) cancel, and it still has to be right to a
// float's precision. Elements are computed in chunks of a fixed size by functions without branches, so the loops become
// vectors and no element depends on its index. Conditions are written so that NaN passes.
enum { CHUNK = 64, GROUP = 8 }; // a chunk is computed in whole groups

// atanh(z) for 0 <= z <= 1/3, its series up to z^31, in pairs and pairs of pairs of terms
static inline double atanh_third(double z) {
  const double s = z * z, s2 = s * s, s4 = s2 * s2;
  const double a = (1.0 / 3 + 1.0 / 5 * s) + (1.0 / 7 + 1.0 / 9 * s) * s2;
  const double b = (1.0 / 11 + 1.0 / 13 * s) + (1.0 / 15 + 1.0 / 17 * s) * s2;
  const double c = (1.0 / 19 + 1.0 / 21 * s) + (1.0 / 23 + 1.0 / 25 * s) * s2;
  const double d = (1.0 / 27 + 1.0 / 29 * s) + 1.0 / 31 * s2;
  return z + z * s * ((a + b * s4) + (c + d * s4) * (s4 * s4));
}

const struct log_std_form log_std_plain = {-20, 2, false};

static inline double clamped(double log_std, double low, double high) {
  double l = log_std < low ? low : log_std;
  return l > high ? high : l;
}

// With e = exp(-2|u|) and t = 1 - e:
//   |tanh u| = t / (2 - t)
//   log sech^2 u = 2 (log 2 - |u| - log(1 + e)) = -2|u| - 2 log(1 - t/2) = -2|u| + 4 atanh(t / (4 - t)),  0 at 0
//   sech^2 u = 4 e / (1 + e)^2
static inline double tanh_of(double u, double t) { return copysign(t / (2 - t), u); }
static inline double log_sech2_of(double u, double t) { return 4 * atanh_third(t / (4 - t)) - 2 * fabs(u); }
static inline double sech2_of(double e) { return 4 * e / ((1 + e) * (1 + e)); }

struct chunk {
  double mean[CHUNK], log_std[CHUNK], eps[CHUNK], d_action[CHUNK];               // in
  double slope[CHUNK];                                                           // of the smooth form, dl/dx
  double action[CHUNK], log_probability[CHUNK], d_mean[CHUNK], d_log_std[CHUNK]; // out
};

// The smooth form, l in place of x. What follows clamps l to the same bounds, which changes nothing.
VECTORIZE static void chunk_smooth(size_t count, double low, double high, struct chunk *c) {
  const double half = (high - low) / 2;
  for (size_t i = 0; i < count; i++) {
    const double x = c->log_std[i];
    const struct exponential e = exponential(-2 * fabs(x));
    const double l = low + half * (1 + tanh_of(x, -e.minus_one));
    c->log_std[i] = l > high ? high : l; // rounding may leave it above
    c->slope[i] = half * sech2_of(e.value);
  }
}

VECTORIZE static void chunk_mode(size_t count, struct chunk *c) {
  for (size_t i = 0; i < count; i++) {
    double u = c->mean[i];
    c->action[i] = tanh_of(u, -exponential(-2 * fabs(u)).minus_one);
  }
}

VECTORIZE static void chunk_sample(size_t count, double low, double high, struct chunk *c) {
  const double half_log_2pi = 0.91893853320467274178;
  for (size_t i = 0; i < count; i++) {
    double l = clamped(c->log_std[i], low, high), eps = c->eps[i];
    double u = c->mean[i] + exponential(l).value * eps;
    double t = -exponential(-2 * fabs(u)).minus_one;
    c->action[i] = tanh_of(u, t);
    c->log_probability[i] = -0.5 * eps * eps - l - half_log_2pi - log_sech2_of(u, t);
  }
}

// The same action without its probability.
VECTORIZE static void chunk_action(size_t count, double low, double high, struct chunk *c) {
  for (size_t i = 0; i < count; i++) {
    double u = c->mean[i] + exponential(clamped(c->log_std[i], low, high)).value * c->eps[i];
    c->action[i] = tanh_of(u, -exponential(-2 * fabs(u)).minus_one);
  }
}

VECTORIZE static void chunk_backward(size_t count, double low, double high, struct chunk *c, double d_log_probability) {
  for (size_t i = 0; i < count; i++) {
    double log_std = c->log_std[i];
    double spread = exponential(clamped(log_std, low, high)).value * c->eps[i]; // sigma eps
    double u = c->mean[i] + spread;
    struct exponential e = exponential(-2 * fabs(u));
    double a = tanh_of(u, -e.minus_one);
    double through_action = c->d_action[i] * sech2_of(e.value);
    c->d_mean[i] = d_log_probability * 2 * a + through_action;
    double d_l = d_log_probability * (2 * a * spread - 1) + through_action * spread;
    d_l = log_std < low ? 0 : d_l;
    c->d_log_std[i] = log_std > high ? 0 : d_l;
  }
}

// The row and column of an element of a (rows x dim) array, which step on with the element's index.
struct position {
  size_t row, column;
};

// The index of the element's mean in head (rows x 2 dim). Its log_std follows `dim` further on.
static inline size_t position_mean(struct position at, size_t dim) { return at.row * 2 * dim + at.column; }

static inline void position_next(struct position *at, size_t dim) {
  if (++at->column == dim) *at = (struct position){at->row + 1, 0};
}

// Rounds up to whole groups. The elements behind the last one are computed too, and ignored.
static size_t whole_groups(size_t n) { return (n + GROUP - 1) / GROUP * GROUP; }

static void chunk_load(struct chunk *c, size_t n, struct position at, size_t dim, const real *head) {
  for (size_t i = 0; i < n; i++, position_next(&at, dim)) {
    size_t mean = position_mean(at, dim);
    c->mean[i] = head[mean];
    c->log_std[i] = head[mean + dim];
  }
  for (size_t i = n; i < whole_groups(n); i++) c->mean[i] = c->log_std[i] = c->eps[i] = c->d_action[i] = 0;
}

static size_t chunk_size(size_t start, size_t count) { return count - start < CHUNK ? count - start : CHUNK; }

void squashed_gaussian_sample(const struct log_std_form *form, size_t rows, size_t dim, const real *head,
                              const real *eps, real *action, real *log_probability) {
  struct chunk c;
  size_t count = rows * dim;
  double sum = 0;
  for (size_t start = 0; start < count; start += CHUNK) {
    size_t n = chunk_size(start, count);
    struct position at = {start / dim, start % dim};
    chunk_load(&c, n, at, dim, head);
    for (size_t i = 0; i < n; i++) c.eps[i] = eps[start + i];
    if (form->smooth) chunk_smooth(whole_groups(n), form->low, form->high, &c);
    (log_probability ? chunk_sample : chunk_action)(whole_groups(n), form->low, form->high, &c);
    for (size_t i = 0; i < n; i++) action[start + i] = (real)c.action[i];
    if (!log_probability) continue;
    for (size_t i = 0; i < n; i++, position_next(&at, dim)) {
      sum = (at.column == 0 ? 0 : sum) + c.log_probability[i];
      if (at.column == dim - 1) log_probability[at.row] = (real)sum;
    }
  }
}

void squashed_gaussian_mode(size_t rows, size_t dim, const real *head, real *action) {
  struct chunk c;
  size_t count = rows * dim;
  for (size_t start = 0; start < count; start += CHUNK) {
    size_t n = chunk_size(start, count);
    chunk_load(&c, n, (struct position){start / dim, start % dim}, dim, head);
    chunk_mode(whole_groups(n), &c);
    for (size_t i = 0; i < n; i++) action[start + i] = (real)c.action[i];
  }
}

void squashed_gaussian_backward(const struct log_std_form *form, size_t rows, size_t dim, const real *head,
                                const real *eps, const struct squashed_gaussian_gradient *gradient) {
  struct chunk c;
  size_t count = rows * dim;
  for (size_t start = 0; start < count; start += CHUNK) {
    size_t n = chunk_size(start, count);
    struct position at = {start / dim, start % dim};
    chunk_load(&c, n, at, dim, head);
    for (size_t i = 0; i < n; i++) {
      c.eps[i] = eps[start + i];
      c.d_action[i] = gradient->d_action[start + i];
    }
    if (form->smooth) chunk_smooth(whole_groups(n), form->low, form->high, &c);
    chunk_backward(whole_groups(n), form->low, form->high, &c, (double)gradient->d_log_probability);
    for (size_t i = 0; form->smooth && i < n; i++) c.d_log_std[i] *= c.slope[i];
    for (size_t i = 0; i < n; i++, position_next(&at, dim)) {
      size_t mean = position_mean(at, dim);
      gradient->d_head[mean] = (real)c.d_mean[i];
      gradient->d_head[mean + dim] = (real)c.d_log_std[i];
    }
  }
}

real squashed_gaussian_log_sech2(real u) { return (real)log_sech2_of(u, -exponential(-2 * fabs((double)u)).minus_one); }
