#include "learner/sac/learning_rate.h"
#include <string.h>

struct learning_rate_schedule learning_rate_schedule_of(const struct config *config) {
  struct learning_rate_schedule schedule = {LEARNING_RATE_CONSTANT, config->lr_final};
  if (strcmp(config->lr_schedule, "linear") == 0) schedule.form = LEARNING_RATE_LINEAR;
  if (strcmp(config->lr_schedule, "cosine") == 0) schedule.form = LEARNING_RATE_COSINE;
  return schedule;
}

// sin(x) for |x| <= pi/2: its series, to 1e-16. No library function, whose last bits differ.
static double sine(double x) {
  const double square = x * x;
  double sum = 0;
  for (int n = 21; n >= 3; n -= 2) sum = (1 + sum) * -square / (n * (n - 1));
  return x * (1 + sum);
}

// (1 + cos(pi p)) / 2 = (1 + sin(pi/2 - pi p)) / 2
static double half_cosine(double p) { return 0.5 + 0.5 * sine(3.14159265358979323846 * (0.5 - p)); }

double learning_rate_share(const struct learning_rate_schedule *schedule, double progress) {
  const double p = progress < 0 ? 0 : progress > 1 ? 1 : progress, last = schedule->final;
  switch (schedule->form) {
  case LEARNING_RATE_LINEAR: return 1 - (1 - last) * p;
  case LEARNING_RATE_COSINE: return last + (1 - last) * half_cosine(p);
  default: return 1;
  }
}
