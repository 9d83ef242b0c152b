#include "launch/runs/measure.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct measure measures[] = {
    {"return_mean", "training return", NULL, false},
    {"eval_return_mean", "evaluation return", NULL, false},
    {"critic_loss", "critic loss", NULL, true},
    {"policy_loss", "policy loss", NULL, false},
    {"q_mean", "mean Q of a batch", NULL, false},
    {"entropy", "policy entropy, nats", NULL, false},
    {"alpha", "temperature alpha", NULL, true},
    {"policy_lag_mean", "policy lag when acting, versions", NULL, true},
    {"env_steps_per_s", "environment steps per second", NULL, true},
    {"updates_per_s", "updates per second", NULL, true},
    {"learner_wait", "learner waits, share of its time", "learner waits, % of its time", true},
    {"actor_wait", "actors wait, share of their time", "actors wait, % of their time", true}};

const struct measure *measure_of(const char *column) {
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
    if (strcmp(measures[i].column, column) == 0) return &measures[i];
  assert(false && "a measure of the table");
  return &measures[0];
}
