// Agents that come and go on a line, with save and load. args: their number, then one word:
//   (none)    they leave at |x| > 0.6 (terminated) or by chance (truncated), and come back by chance
//   vary      the same; environment i has i % 3 agents more, but where it evaluates
//   fixed     they are always there
//   nan       agent 1 observes NaN in step 5
//   rewarded  an agent that is not there is rewarded
//   unpaid    the reward of an agent that is not there is NaN
//   absent    agent 0 leaves in step 5 without an episode's end
//   flag      agent 0 has an unknown flag in step 5
//   counts    the last agent observes a count of the instance's steps, which no reset and no load sets back
//   paid      its reward has that count
// Sums and products of doubles alone: the same bits on every processor.
//   x += 0.1 (a + (left - x)),  reward = -x^2,  obs = [x, steps since it came / 16, j / agents]
#include <corsac/env.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBS = 3, LENGTH = 25 };

struct agent {
  double x;
  int64_t age; // steps since it came; -1: it is not there
};

struct line {
  uint32_t agents;
  int64_t step;
  uint64_t chance;
  uint8_t flags[CORSAC_MAX_AGENTS];
  struct agent agent[]; // (agents)
};

struct self {
  char word[16];
  uint64_t steps; // of all episodes
  size_t size;
  struct line *line;
};

static uint64_t draw(struct line *line, uint64_t below) {
  line->chance = line->chance * 6364136223846793005u + 1442695040888963407u;
  return (line->chance >> 33) % below;
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low[] = {-2}, high[] = {1};
  char *word;
  uint32_t agents = (uint32_t)strtoul(config->args, &word, 10);
  struct self *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  snprintf(self->word, sizeof self->word, "%.*s", (int)strcspn(word, " "), word); // a case may follow
  if (strcmp(self->word, "vary") == 0 && !config->evaluation) agents += (uint32_t)(config->index % 3);
  self->size = sizeof *self->line + agents * sizeof(struct agent);
  self->line = calloc(1, self->size);
  spec->obs_dim = OBS;
  spec->act_dim = 1;
  spec->action_low = low;
  spec->action_high = high;
  if (!self->line || corsac_set_agents(spec, agents, error, error_size) != 0) {
    free(self->line);
    free(self);
    return NULL;
  }
  self->line->agents = agents;
  return self;
}

static void observe(struct line *line, float *obs) {
  for (uint32_t j = 0; j < line->agents; j++, obs += OBS) {
    if (line->flags[j] == CORSAC_ABSENT) continue;
    obs[0] = (float)line->agent[j].x;
    obs[1] = (float)line->agent[j].age / 16;
    obs[2] = (float)j / (float)line->agents;
  }
}

static void come(struct line *line, uint32_t j) {
  line->agent[j] = (struct agent){.x = (double)draw(line, 256) / 256 - 0.5};
  line->flags[j] = CORSAC_PRESENT;
}

static int reset(void *me, uint64_t seed, float *obs) {
  const struct self *self = me;
  struct line *line = self->line;
  const int fixed = strcmp(self->word, "fixed") == 0;
  line->chance = seed;
  line->step = 0;
  for (uint32_t j = 0; j < line->agents; j++) {
    line->flags[j] = CORSAC_ABSENT;
    line->agent[j] = (struct agent){.age = -1};
    if (fixed || j == 0 || draw(line, 4) > 0) come(line, j);
  }
  observe(line, obs);
  return 0;
}

static void move(struct line *line, uint32_t j, double left, double action, int fixed) {
  struct agent *agent = &line->agent[j];
  agent->age++;
  agent->x += 0.1 * (action + (left - agent->x));
  if (fixed) return;
  if (agent->x * agent->x > 0.36)
    line->flags[j] = CORSAC_TERMINATED;
  else if (draw(line, 16) == 0)
    line->flags[j] = CORSAC_TRUNCATED;
}

// What one word makes wrong.
static void spoil(const char *word, struct line *line, float *obs, double *reward) {
  const int now = line->step == 5;
  if (now && strcmp(word, "nan") == 0 && line->agents > 1) {
    if (line->flags[1] == CORSAC_ABSENT) line->flags[1] = CORSAC_PRESENT, obs[OBS] = obs[OBS + 2] = 0;
    obs[OBS + 1] = NAN;
  }
  if (now && strcmp(word, "absent") == 0) line->flags[0] = CORSAC_ABSENT;
  if (now && strcmp(word, "flag") == 0) line->flags[0] = 9;
  const int rewarded = strcmp(word, "rewarded") == 0, unpaid = strcmp(word, "unpaid") == 0;
  for (uint32_t j = 0; j < line->agents && (rewarded || unpaid); j++)
    if (line->flags[j] == CORSAC_ABSENT) reward[j] = rewarded ? 1 : (double)NAN;
}

static int step(void *me, const float *action, float *obs, double *reward) {
  struct self *self = me;
  struct line *line = self->line;
  const int fixed = strcmp(self->word, "fixed") == 0;
  double left = line->agent[line->agents - 1].x;
  const int acted = line->flags[line->agents - 1] == CORSAC_PRESENT; // the last one
  line->step++;
  for (uint32_t j = 0; j < line->agents; j++) {
    const double x = line->agent[j].x;
    if (line->flags[j] == CORSAC_PRESENT) {
      move(line, j, left, (double)action[j], fixed);
      reward[j] = -line->agent[j].x * line->agent[j].x;
    } else {
      line->flags[j] = CORSAC_ABSENT;
      line->agent[j] = (struct agent){.age = -1};
      if (draw(line, 4) == 0) come(line, j);
    }
    left = x;
  }
  observe(line, obs);
  spoil(self->word, line, obs, reward);
  const uint32_t last = line->agents - 1;
  self->steps++;
  if (strcmp(self->word, "counts") == 0 && line->flags[last]) obs[last * OBS + 1] += (float)self->steps;
  if (strcmp(self->word, "paid") == 0 && acted) reward[last] -= (double)self->steps;
  return line->step >= LENGTH ? CORSAC_TRUNCATED : 0;
}

static void agent_flags(void *me, uint8_t *flags) {
  const struct self *self = me;
  memcpy(flags, self->line->flags, self->line->agents);
}

static int64_t save(void *me, void *buffer, size_t size) {
  const struct self *self = me;
  if (size >= self->size) memcpy(buffer, self->line, self->size);
  return (int64_t)self->size;
}

static int load(void *me, const void *buffer, size_t size) {
  const struct self *self = me;
  if (size != self->size) return -1;
  memcpy(self->line, buffer, size);
  return 0;
}

static void destroy(void *me) {
  struct self *self = me;
  free(self->line);
  free(self);
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof(struct corsac_env),
                                        .name = "agents",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load,
                                        .agent_flags = agent_flags};
  return &env;
}
