// The mathematics of SAC's policy (common/nn/squashed_gaussian.h has the formulae), in double and a sample at a time,
// so that every step of it can be shown.
#ifndef CORSAC_LAUNCH_POLICY_EXPLAIN_MATH_H
#define CORSAC_LAUNCH_POLICY_EXPLAIN_MATH_H

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/nn/squashed_gaussian.h"
#include <stdbool.h>
#include <stddef.h>

// log(1 - tanh^2 u) = 2 (log 2 - |u| - log1p(exp(-2|u|))), exact for any u, and its derivative -2 tanh u.
double explain_correction(double u);
double explain_correction_slope(double u);

// The textbook's log(1 - a^2 + 1e-6) with a = tanh u, and its derivative by u, -2 a (1 - a^2)/(1 - a^2 + 1e-6).
double explain_textbook(double u);
double explain_textbook_slope(double u);

// Returns the |u| beyond which the textbook's form is too large by more than d: 1e-6/(1 - tanh^2 u) = exp(d) - 1.
double explain_divergence(double d);

// One dimension of a sample's path from the policy's head to the action and its log-probability.
struct explain_path {
  double mean, log_std; // log_std within its bounds
  double slope;         // of log_std by the head's number: 0 where it is clamped
  double sigma, eps, u, action;
  double gaussian;             // log N(u; mean, sigma)
  double correction, textbook; // the two forms of log(1 - a^2)
  double log_probability;      // gaussian - correction
};

// Fills path (dim) from head (2 dim): [mean | log_std] as the network gives it, and eps (dim). Returns the sample's
// log-probability, the sum over the dimensions.
double explain_sample(const struct log_std_form *form, size_t dim, const double *head, const double *eps,
                      struct explain_path *path);

// The objective of the policy, J = E[f], f = alpha log pi(a|s) - q(a), with a from mean, log_std and eps.
struct explain_objective {
  size_t dim;
  struct log_std_form form; // log_std_plain at first
  double alpha;
  // Returns q(action) and fills gradient (dim) unless it is NULL. A NULL function: q is 0.
  double (*q)(void *who, const double *action, double *gradient);
  void *who;
  struct explain_path *path; // (dim) scratch
  double *gradient, *moved;  // (dim), (2 dim) scratch
};
enum status explain_objective_init(struct explain_objective *objective, size_t dim, struct error *error);
void explain_objective_release(struct explain_objective *objective);

// Returns f at one sample. Fills d_head (2 dim), unless it is NULL, with df/dhead, eps held:
//   df/dmean = alpha 2a - q_a (1 - a^2),   df/dlog_std = alpha (-1 + 2 a sigma eps) - q_a (1 - a^2) sigma eps,
// the latter times the slope of log_std, which is 0 where it is clamped.
double explain_value(const struct explain_objective *objective, const double *head, const double *eps, double *d_head);

// Fills d_head (2 dim) with central differences of explain_value.
void explain_differences(const struct explain_objective *objective, const double *head, const double *eps,
                         double *d_head);

// Estimators of dJ/dhead from one sample, each unbiased.
enum explain_estimator {
  EXPLAIN_PATHWISE, // df/dhead through the sample
  EXPLAIN_SCORE,    // f dlog N(u)/dhead: f eps/sigma, f (eps^2 - 1)
  EXPLAIN_BASELINE, // (f - b) dlog N(u)/dhead, b the mean of f over other samples
  EXPLAIN_ESTIMATORS
};

struct explain_moments {
  double *mean, *variance; // (2 dim) of the estimate from one sample
};

// Fills the moments over `samples` draws of eps from the stream. The baseline comes from as many other draws, at most
// 1000. eps (dim), d_head (2 dim): scratch.
void explain_estimate(const struct explain_objective *objective, const double *head, size_t samples,
                      struct random *random, double *eps, double *d_head,
                      const struct explain_moments moments[EXPLAIN_ESTIMATORS]);
#endif
