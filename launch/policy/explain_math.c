#include "launch/policy/explain_math.h"

#include "common/base/memory.h"
#include <math.h>
#include <string.h>

static const double LOG_2 = 0.69314718055994530942, HALF_LOG_2PI = 0.91893853320467274178, TEXTBOOK_EPS = 1e-6;

// 1 - tanh^2 u without cancellation.
static double sech2(double u) {
  const double cosh_u = cosh(u);
  return 1 / (cosh_u * cosh_u);
}

double explain_correction(double u) { return 2 * (LOG_2 - fabs(u) - log1p(exp(-2 * fabs(u)))); }
double explain_correction_slope(double u) { return -2 * tanh(u); }

// 1 - a^2 from a, as the textbook computes it.
static double one_minus_square(double u) { return 1 - tanh(u) * tanh(u); }

double explain_textbook(double u) { return log(one_minus_square(u) + TEXTBOOK_EPS); }
double explain_textbook_slope(double u) {
  return -2 * tanh(u) * one_minus_square(u) / (one_minus_square(u) + TEXTBOOK_EPS);
}

double explain_divergence(double d) { return acosh(sqrt(expm1(d) / TEXTBOOK_EPS)); }

// log_std in its bounds, and its slope.
static void bound(const struct log_std_form *form, double x, struct explain_path *p) {
  const double half = (form->high - form->low) / 2;
  const bool inside = x >= form->low && x <= form->high;
  p->log_std = form->smooth ? form->low + half * (1 + tanh(x)) : fmin(fmax(x, form->low), form->high);
  p->slope = form->smooth ? half * sech2(x) : inside;
}

double explain_sample(const struct log_std_form *form, size_t dim, const double *head, const double *eps,
                      struct explain_path *path) {
  double sum = 0;
  for (size_t i = 0; i < dim; i++) {
    struct explain_path *p = &path[i];
    p->mean = head[i];
    bound(form, head[dim + i], p);
    p->sigma = exp(p->log_std);
    p->eps = eps[i];
    p->u = p->mean + p->sigma * p->eps;
    p->action = tanh(p->u);
    p->gaussian = -p->eps * p->eps / 2 - p->log_std - HALF_LOG_2PI;
    p->correction = explain_correction(p->u);
    p->textbook = explain_textbook(p->u);
    p->log_probability = p->gaussian - p->correction;
    sum += p->log_probability;
  }
  return sum;
}

enum status explain_objective_init(struct explain_objective *objective, size_t dim, struct error *error) {
  const char *what = "the objective";
  *objective = (struct explain_objective){.dim = dim, .form = log_std_plain};
  objective->path = memory_alloc(dim, sizeof *objective->path, what, error);
  objective->gradient = memory_alloc(dim, sizeof(double), what, error);
  objective->moved = memory_alloc(2 * dim, sizeof(double), what, error);
  if (objective->path && objective->gradient && objective->moved) return STATUS_OK;
  explain_objective_release(objective);
  return STATUS_MEMORY;
}

void explain_objective_release(struct explain_objective *objective) {
  memory_free(objective->path);
  memory_free(objective->gradient);
  memory_free(objective->moved);
  *objective = (struct explain_objective){0};
}

double explain_value(const struct explain_objective *objective, const double *head, const double *eps, double *d_head) {
  const size_t dim = objective->dim;
  const double alpha = objective->alpha;
  double *action = objective->gradient, *q_action = objective->gradient; // q has read the one when it fills the other
  double f = alpha * explain_sample(&objective->form, dim, head, eps, objective->path);
  for (size_t i = 0; i < dim; i++) action[i] = objective->path[i].action;
  if (objective->q) f -= objective->q(objective->who, action, d_head ? q_action : NULL);
  for (size_t i = 0; i < dim && d_head; i++) {
    const struct explain_path *p = &objective->path[i];
    const double through = objective->q ? q_action[i] * sech2(p->u) : 0, spread = p->sigma * p->eps;
    d_head[i] = alpha * 2 * p->action - through;
    d_head[dim + i] = p->slope * (alpha * (-1 + 2 * p->action * spread) - through * spread);
  }
  return f;
}

void explain_differences(const struct explain_objective *objective, const double *head, const double *eps,
                         double *d_head) {
  double *moved = objective->moved;
  memcpy(moved, head, 2 * objective->dim * sizeof *moved);
  for (size_t i = 0; i < 2 * objective->dim; i++) {
    const double h = 1e-5 * fmax(1, fabs(head[i]));
    moved[i] = head[i] + h;
    const double above = explain_value(objective, moved, eps, NULL);
    moved[i] = head[i] - h;
    const double below = explain_value(objective, moved, eps, NULL);
    moved[i] = head[i];
    d_head[i] = (above - below) / (2 * h);
  }
}

// Adds x to Welford's running mean and to the sum of squares around it, which stands in variance.
static void add(const struct explain_moments *moments, size_t i, size_t count, double x) {
  const double before = x - moments->mean[i];
  moments->mean[i] += before / (double)count;
  moments->variance[i] += before * (x - moments->mean[i]);
}

// Draws eps and returns f there.
static double draw(const struct explain_objective *objective, const double *head, struct random *random, double *eps,
                   double *d_head) {
  random_normals(random, objective->dim, eps);
  return explain_value(objective, head, eps, d_head);
}

void explain_estimate(const struct explain_objective *objective, const double *head, size_t samples,
                      struct random *random, double *eps, double *d_head,
                      const struct explain_moments moments[EXPLAIN_ESTIMATORS]) {
  const size_t dim = objective->dim, others = samples < 1000 ? samples : 1000;
  double baseline = 0;
  for (size_t n = 0; n < others; n++) baseline += draw(objective, head, random, eps, NULL) / (double)others;
  for (int e = 0; e < EXPLAIN_ESTIMATORS; e++) {
    memset(moments[e].mean, 0, 2 * dim * sizeof(double));
    memset(moments[e].variance, 0, 2 * dim * sizeof(double));
  }
  for (size_t n = 1; n <= samples; n++) {
    const double f = draw(objective, head, random, eps, d_head);
    for (size_t i = 0; i < dim; i++) {
      const struct explain_path *p = &objective->path[i];
      const double score[2] = {eps[i] / p->sigma, p->slope * (eps[i] * eps[i] - 1)};
      for (size_t k = 0; k < 2; k++) {
        add(&moments[EXPLAIN_PATHWISE], k * dim + i, n, d_head[k * dim + i]);
        add(&moments[EXPLAIN_SCORE], k * dim + i, n, f * score[k]);
        add(&moments[EXPLAIN_BASELINE], k * dim + i, n, (f - baseline) * score[k]);
      }
    }
  }
  for (int e = 0; e < EXPLAIN_ESTIMATORS; e++)
    for (size_t i = 0; i < 2 * dim; i++) moments[e].variance[i] /= (double)(samples > 1 ? samples - 1 : 1);
}
