// The squashed Gaussian head of SAC's policy (Haarnoja et al. 2018, appendix C), its exact log-probability and its
// gradients.
//
//   head = [mean | x], l = clamp(x, low, high), or l = low + (high - low)/2 (1 + tanh x); sigma = exp(l)
//   eps ~ N(0,1),  u = mean + sigma eps,  a = tanh(u)
//   log pi(a|s) = sum_i [ -eps_i^2/2 - l_i - log(2 pi)/2 - 2 (log 2 - |u_i| - log1p(exp(-2|u_i|))) ]
//
// The last term is log(1 - tanh^2 u) without overflow or saturation: right for any |u|, where the textbook form
// log(1 - a^2 + 1e-6) stops at -13.8. Gradients through the sample, eps constant:
//
//   d logpi/d mean = 2 a             d logpi/d l = -1 + 2 a sigma eps
//   d f/d mean = f_a (1 - a^2)       d f/d l = f_a (1 - a^2) sigma eps        1 - a^2 = sech^2 u, computed from u
//
// and d/d x is d/d l inside and on the clamp's bounds, 0 outside; or d/d l (high - low)/2 sech^2 x.
#ifndef CORSAC_COMMON_NN_SQUASHED_GAUSSIAN_H
#define CORSAC_COMMON_NN_SQUASHED_GAUSSIAN_H

#include "common/nn/real.h"
#include <stdbool.h>
#include <stddef.h>

// How the second half of the head gives the logarithm of the standard deviation.
struct log_std_form {
  double low, high;
  bool smooth; // by tanh; else by a clamp
};
extern const struct log_std_form log_std_plain; // a clamp to [-20, 2]

// a = tanh(u): head (rows x 2 dim), eps (rows x dim) -> action (rows x dim) in [-1,1], and log_probability (rows)
// unless it is NULL.
void squashed_gaussian_sample(const struct log_std_form *form, size_t rows, size_t dim, const real *head,
                              const real *eps, real *action, real *log_probability);

// a = tanh(mean): head (rows x 2 dim) -> action (rows x dim)
void squashed_gaussian_mode(size_t rows, size_t dim, const real *head, real *action);

// The gradient of a loss L that depends on the sample through log pi and through a.
struct squashed_gaussian_gradient {
  real d_log_probability; // dL/dlogpi, the same for all rows
  const real *d_action;   // (rows x dim) dL/da with log pi held
  real *d_head;           // (rows x 2 dim) gets dL/dhead
};
void squashed_gaussian_backward(const struct log_std_form *form, size_t rows, size_t dim, const real *head,
                                const real *eps, const struct squashed_gaussian_gradient *gradient);

// log(1 - tanh^2 u), the log-derivative term of one dimension. For tests.
real squashed_gaussian_log_sech2(real u);
#endif
