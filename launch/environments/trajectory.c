#include "launch/environments/trajectory.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_EVENTS = 400, LEAST_EVENTS = 20 };
static const size_t MOST_VALUES = 4000000;
static const double MOST_SECONDS = 3; // that one trajectory should take

static bool trajectory_init(struct trajectory *trajectory, const struct check *check) {
  const uint32_t dim = check->obs_dim;
  double events = check->steps_per_s * MOST_SECONDS;
  if (!(events < MOST_EVENTS)) events = MOST_EVENTS;
  if (events > (double)(MOST_VALUES / dim)) events = (double)(MOST_VALUES / dim);
  if (events < LEAST_EVENTS) events = LEAST_EVENTS;
  *trajectory = (struct trajectory){.events = (uint32_t)events, .dim = dim};
  trajectory->obs = memory_alloc(trajectory->events, dim * sizeof(float), "a trajectory", NULL);
  trajectory->reward = memory_alloc(trajectory->events, sizeof(double), "a trajectory", NULL);
  trajectory->flags = memory_alloc(trajectory->events, sizeof(int), "a trajectory", NULL);
  return trajectory->obs && trajectory->reward && trajectory->flags;
}

void trajectory_release(struct trajectory *trajectory) {
  memory_free(trajectory->obs);
  memory_free(trajectory->reward);
  memory_free(trajectory->flags);
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

static void record(struct trajectory *trajectory, uint32_t event, const struct probe *probe) {
  memcpy(trajectory->obs + (size_t)event * trajectory->dim, probe->obs, trajectory->dim * sizeof(float));
  trajectory->reward[event] = probe->reward;
  trajectory->flags[event] = probe->flags;
}

bool trajectory_matches(const struct trajectory *trajectory, uint32_t event, const struct probe *probe, char *text,
                        size_t size) {
  const float *obs = trajectory->obs + (size_t)event * trajectory->dim;
  char where[80];
  if (probe->step)
    snprintf(where, sizeof where, "after step %" PRIu64 " of an episode", probe->step);
  else
    snprintf(where, sizeof where, "after reset");
  for (uint32_t i = 0; i < trajectory->dim; i++) {
    if (obs[i] == probe->obs[i]) continue;
    snprintf(text, size, "%s component %u of obs is %.9g and was %.9g", where, i, (double)probe->obs[i],
             (double)obs[i]);
    return false;
  }
  if (trajectory->reward[event] != probe->reward)
    snprintf(text, size, "%s the reward is %.17g and was %.17g", where, probe->reward, trajectory->reward[event]);
  else if (trajectory->flags[event] != probe->flags)
    snprintf(text, size, "%s the flags are %d and were %d", where, probe->flags, trajectory->flags[event]);
  else
    return true;
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
  *probe = (struct probe){.check = check, .kind = kind};
  return trajectory_init(trajectory, check) && probe_create(probe, check, kind, 0) && record_all(trajectory, probe);
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
               {trajectory->reward, trajectory->events * sizeof(double)},
               {trajectory->flags, trajectory->events * sizeof(int)}};
  for (size_t i = 0; i < 3; i++) hash = hash_bytes(hash, parts[i].data, parts[i].size);
  return hash;
}
