#include "launch/environments/trajectory.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_EVENTS = 400, LEAST_EVENTS = 20 };
static const size_t MOST_VALUES = 4000000;
static const double MOST_SECONDS = 3; // that one trajectory should take

static bool trajectory_init(struct trajectory *trajectory, const struct probe *probe) {
  const size_t dim = probe->obs_dim, agents = probe->agents;
  double events = probe->check->steps_per_s * MOST_SECONDS;
  if (!(events < MOST_EVENTS)) events = MOST_EVENTS;
  if (events > (double)(MOST_VALUES / dim)) events = (double)(MOST_VALUES / dim);
  if (events < LEAST_EVENTS) events = LEAST_EVENTS;
  *trajectory = (struct trajectory){.events = (uint32_t)events, .dim = probe->obs_dim, .agents = probe->agents};
  trajectory->obs = memory_alloc(trajectory->events, dim * sizeof(float), "a trajectory", NULL);
  trajectory->reward = memory_alloc(trajectory->events, agents * sizeof(double), "a trajectory", NULL);
  trajectory->flags = memory_alloc(trajectory->events, sizeof(int), "a trajectory", NULL);
  trajectory->agent = memory_alloc(trajectory->events, agents, "a trajectory", NULL);
  return trajectory->obs && trajectory->reward && trajectory->flags && trajectory->agent;
}

void trajectory_release(struct trajectory *trajectory) {
  memory_free(trajectory->obs);
  memory_free(trajectory->reward);
  memory_free(trajectory->flags);
  memory_free(trajectory->agent);
}

bool trajectory_play(struct player *player, uint32_t event, bool halves) {
  struct probe *probe = player->probe;
  if (player->begins || probe->over) {
    player->begins = false;
    return probe_reset(probe, probe_seed(player->seed, player->episodes++), halves);
  }
  probe_draw(probe, ACTIONS_RANDOM, TRAJECTORY_SEED, event);
  return probe_step(probe, halves);
}

static const double *rewards_of(const struct probe *probe) {
  return probe->agents > 1 ? probe->rewards : &probe->reward;
}

static void record(struct trajectory *trajectory, uint32_t event, const struct probe *probe) {
  const size_t agents = trajectory->agents;
  memcpy(trajectory->obs + (size_t)event * trajectory->dim, probe->obs, trajectory->dim * sizeof(float));
  memcpy(trajectory->reward + event * agents, rewards_of(probe), agents * sizeof(double));
  if (probe->agent) memcpy(trajectory->agent + event * agents, probe->agent, agents);
  trajectory->flags[event] = probe->flags;
}

void trajectory_return(const struct trajectory *trajectory, uint32_t event, uint64_t step, struct probe *probe) {
  const size_t agents = trajectory->agents;
  probe->step = step;
  probe->over = false;
  if (probe->agent) memcpy(probe->agent, trajectory->agent + (event - 1) * agents, agents);
}

static bool has_same_shape(const struct trajectory *trajectory, const struct probe *probe, char *text, size_t size) {
  if (probe->agents == trajectory->agents && probe->obs_dim == trajectory->dim) return true;
  snprintf(text, size, "it has %u agents with %u components of obs in all and had %u with %u", probe->agents,
           probe->obs_dim, trajectory->agents, trajectory->dim);
  return false;
}

// An agent's numbers after an event, bit for bit. where: for the message.
static bool agent_matches(const struct trajectory *trajectory, uint32_t event, const struct probe *probe, uint32_t j,
                          const char *where, char *text, size_t size) {
  const uint32_t dim = trajectory->dim / trajectory->agents;
  const size_t row = (size_t)event * trajectory->agents + j;
  const float *was = trajectory->obs + row * dim, *is = probe->obs + (size_t)j * dim;
  const double reward = rewards_of(probe)[j];
  char of[32] = "";
  if (trajectory->agents > 1) snprintf(of, sizeof of, " of agent %u", j);
  for (uint32_t i = 0; i < dim; i++) {
    if (was[i] == is[i]) continue;
    snprintf(text, size, "%s component %u of obs%s is %.9g and was %.9g", where, i, of, (double)is[i], (double)was[i]);
    return false;
  }
  if (trajectory->reward[row] != reward)
    snprintf(text, size, "%s the reward%s is %.17g and was %.17g", where, of, reward, trajectory->reward[row]);
  else if (probe->agent && trajectory->agent[row] != probe->agent[j])
    snprintf(text, size, "%s the flags%s are %d and were %d", where, of, probe->agent[j], trajectory->agent[row]);
  else
    return true;
  return false;
}

bool trajectory_matches(const struct trajectory *trajectory, uint32_t event, const struct probe *probe, char *text,
                        size_t size) {
  char where[80];
  if (!has_same_shape(trajectory, probe, text, size)) return false;
  if (probe->step)
    snprintf(where, sizeof where, "after step %" PRIu64 " of an episode", probe->step);
  else
    snprintf(where, sizeof where, "after reset");
  for (uint32_t j = 0; j < trajectory->agents; j++)
    if (!agent_matches(trajectory, event, probe, j, where, text, size)) return false;
  if (trajectory->flags[event] == probe->flags) return true;
  snprintf(text, size, "%s the flags are %d and were %d", where, probe->flags, trajectory->flags[event]);
  return false;
}

static bool record_all(struct trajectory *trajectory, struct probe *probe) {
  struct player player = {.probe = probe, .seed = TRAJECTORY_SEED, .begins = true};
  for (uint32_t e = 0; e < trajectory->events; e++) {
    if (!trajectory_play(&player, e, false)) return false;
    record(trajectory, e, probe);
  }
  return true;
}

bool trajectory_begin(struct check *check, const struct environment_kind *kind, struct trajectory *trajectory,
                      struct probe *probe) {
  *trajectory = (struct trajectory){0};
  return probe_create(probe, check, kind, 0) && trajectory_init(trajectory, probe) && record_all(trajectory, probe);
}

bool trajectory_compares(struct check *check, enum rule rule) {
  if (check->findings[RULE_REPEAT].verdict == GOOD && check->findings[RULE_FRESH].verdict == GOOD) return true;
  check_note(check, rule, SKIPPED, "there is nothing to compare with, since it does not repeat itself");
  return false;
}

bool trajectory_repeat(const struct trajectory *trajectory, struct player *player, uint32_t from, bool halves,
                       enum rule rule, const char *how) {
  struct check *check = player->probe->check;
  check->rule = rule;
  char text[300];
  for (uint32_t e = from; e < trajectory->events; e++) {
    if (!trajectory_play(player, e, halves)) {
      check_note(check, rule, BROKEN, "%s: a call failed that did not fail before", how);
      return false;
    }
    if (trajectory_matches(trajectory, e, player->probe, text, sizeof text)) continue;
    if (rule == RULE_REPEAT || rule == RULE_FRESH)
      check_note(check, rule, WARNING, "%s: %s" TRAJECTORY_LOST, how, text);
    else
      check_note(check, rule, BROKEN, "%s: %s", how, text);
    return false;
  }
  check_note(check, rule, GOOD, "%s: the same for %u resets and steps, bit for bit", how, trajectory->events - from);
  return true;
}

uint64_t trajectory_fingerprint(const struct trajectory *trajectory) {
  uint64_t hash = HASH_START;
  const struct {
    const void *data;
    size_t size;
  } parts[] = {{trajectory->obs, (size_t)trajectory->events * trajectory->dim * sizeof(float)},
               {trajectory->reward, (size_t)trajectory->events * trajectory->agents * sizeof(double)},
               {trajectory->flags, trajectory->events * sizeof(int)},
               {trajectory->agent, (size_t)trajectory->events * trajectory->agents}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) hash = hash_bytes(hash, parts[i].data, parts[i].size);
  return hash;
}
