#include "common/wire/assignment.h"

struct assignment assignment_of(const struct config *config, uint32_t actors, uint32_t actor) {
  const uint32_t envs = (uint32_t)config->envs, each = envs / actors, more = envs % actors;
  struct assignment a = {.count = each + (actor < more)};
  a.first = actor * each + (actor < more ? actor : more);
  if (a.count == 0) return a;
  const uint32_t rounds = ((uint32_t)config->send_steps + a.count - 1) / a.count;
  a.batch_steps = rounds * a.count;
  a.most_steps = a.batch_steps + a.count - 1;
  // Before a step the batch holds fewer than batch_steps steps and at most count (n - 1) rows more than steps; a step
  // emits at most count n.
  a.batch_rows = a.batch_steps + 2 * a.count * (uint32_t)config->n_step;
  return a;
}

double heartbeat_seconds(const struct config *config) {
  return config->actor_timeout < 4 ? config->actor_timeout / 4 : 1;
}

uint32_t assignment_active(const struct config *config, uint32_t actors) {
  return config->envs < actors ? (uint32_t)config->envs : actors;
}
