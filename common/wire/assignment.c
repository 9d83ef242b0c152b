#include "common/wire/assignment.h"

#include <stddef.h>

static uint32_t to_u32(uint64_t count) { return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX; }

// most_agents: of one of the environments.
static void size_batches(struct assignment *a, const struct config *config, uint32_t most_agents) {
  const uint32_t rounds = ((uint32_t)config->send_steps + a->agents - 1) / a->agents;
  a->batch_steps = rounds * a->count;
  a->batch_transitions = to_u32((uint64_t)rounds * a->agents);
  a->most_steps = a->batch_steps + a->count - 1;
  // Before a step the batch holds fewer than batch_steps steps and at most agents (n - 1) rows more than they made
  // transitions; a step emits at most agents n.
  a->batch_rows = to_u32((uint64_t)a->batch_steps * most_agents + 2 * (uint64_t)a->agents * config_row_steps(config));
}

struct assignment assignment_of(const struct config *config, uint32_t actors, uint32_t actor) {
  const uint32_t envs = (uint32_t)config->envs, each = envs / actors, more = envs % actors;
  struct assignment a = {.count = each + (actor < more)};
  a.first = actor * each + (actor < more ? actor : more);
  a.agents = a.count;
  if (a.count > 0) size_batches(&a, config, 1);
  return a;
}

void assignment_take_agents(struct assignment *assignment, const struct config *config, const uint32_t *agents) {
  uint64_t sum = 0;
  uint32_t most = 1;
  if (assignment->count == 0 || !agents) return;
  for (uint32_t i = 0; i < assignment->count; i++) {
    sum += agents[i];
    if (agents[i] > most) most = agents[i];
  }
  assignment->agents = to_u32(sum);
  size_batches(assignment, config, most);
}

struct assignment assignment_with_agents(const struct config *config, uint32_t actors, uint32_t actor,
                                         const uint32_t *agents) {
  struct assignment a = assignment_of(config, actors, actor);
  assignment_take_agents(&a, config, agents ? agents + a.first : NULL);
  return a;
}

double heartbeat_seconds(const struct config *config) {
  return config->actor_timeout < 4 ? config->actor_timeout / 4 : 1;
}

uint32_t assignment_active(const struct config *config, uint32_t actors) {
  return config->envs < actors ? (uint32_t)config->envs : actors;
}
