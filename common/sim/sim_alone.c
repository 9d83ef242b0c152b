#include "common/sim/sim_alone.h"
#include "common/base/plural.h"

#include "common/env/channel.h"
#include "common/sim/sim_policy.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_alone {
  // Chooses the action (act_dim) of an agent, within the bounds.
  void (*act)(struct sim_alone *alone, uint32_t agent, const float *obs, float *action);
  struct sim_policy *policy; // NULL: actions are random
  uint32_t agents, obs_dim, act_dim, max_episode_steps;
  uint32_t frame_skip, frames_left; // steps for which an action is held, as in training; of the one held now
  float *held;                      // (agents x act_dim)
  double *low, *high;               // (act_dim) each
  bool *acts;                       // (agents) in the step under way
  bool *took_part;                  // (agents) in the episode
  uint64_t seed, random, episode, episodes;
  uint32_t steps;
  uint64_t all_steps;
  double episode_return; // the sum of all agents'
};

// SplitMix64 (Steele, Lea, Flood 2014): a counter, hashed.
static uint64_t split_mix(uint64_t *counter) {
  uint64_t z = *counter += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void act_at_random(struct sim_alone *alone, uint32_t agent, const float *obs, float *action) {
  (void)agent;
  (void)obs;
  for (uint32_t i = 0; i < alone->act_dim; i++) {
    const double low = alone->low[i], high = alone->high[i];
    float value = (float)(low + (double)(split_mix(&alone->random) >> 11) * 0x1p-53 * (high - low));
    const float ulps =
        (value < 0 ? -value : value) * FLT_EPSILON + FLT_MIN; // pulls back inside what was rounded over a bound
    if ((double)value > high) value -= ulps;
    if ((double)value < low) value += ulps;
    action[i] = value;
  }
}

static void act_by_policy(struct sim_alone *alone, uint32_t agent, const float *obs, float *action) {
  sim_policy_act(alone->policy, agent, obs, action);
}

// Reads a number from an environment variable, if it is set. Returns false if it is no number; the reason is on stderr.
static bool number_from(const char *variable, uint64_t *number) {
  const char *text = getenv(variable);
  char *end;
  if (!text || !*text) return true;
  errno = 0;
  *number = strtoull(text, &end, 10);
  if (errno == 0 && *end == 0 && text[strspn(text, " +0123456789")] == 0) return true;
  fprintf(stderr, "corsac_sim: %s is '%.40s', which is no number from 0 on\n", variable, text);
  return false;
}

// Makes one that acts at random. NULL: not enough memory, as stderr says.
static struct sim_alone *make(const struct corsac_sim_spec *spec, uint32_t agents) {
  struct sim_alone *alone = calloc(1, sizeof *alone);
  if (!alone) goto failed;
  *alone = (struct sim_alone){.act = act_at_random,
                              .agents = agents,
                              .obs_dim = spec->obs_dim,
                              .act_dim = spec->act_dim,
                              .max_episode_steps = spec->max_episode_steps,
                              .frame_skip = 1,
                              .held = calloc((size_t)agents * spec->act_dim, sizeof(float)),
                              .low = calloc(2 * (size_t)spec->act_dim, sizeof(double)),
                              .acts = calloc(2 * (size_t)agents, sizeof(bool)),
                              .episodes = 10};
  if (!alone->held || !alone->low || !alone->acts) goto failed;
  alone->high = alone->low + spec->act_dim;
  alone->took_part = alone->acts + agents;
  for (uint32_t i = 0; i < spec->act_dim; i++) {
    alone->low[i] = spec->action_low[i];
    alone->high[i] = spec->action_high[i];
  }
  return alone;
failed:
  fprintf(stderr, "corsac_sim: open: not enough memory\n");
  sim_alone_destroy(alone);
  return NULL;
}

struct sim_alone *sim_alone_create(const struct corsac_sim_spec *spec, uint32_t agents) {
  const char *file = getenv("CORSAC_POLICY");
  struct sim_alone *alone = make(spec, agents);
  if (!alone) return NULL;
  if (!number_from("CORSAC_SEED", &alone->seed) || !number_from("CORSAC_EPISODES", &alone->episodes)) {
    sim_alone_destroy(alone);
    return NULL;
  }
  alone->random = ~alone->seed;
  if (file && *file) {
    alone->act = act_by_policy;
    if (!(alone->policy = sim_policy_open(file, spec, alone->agents))) {
      sim_alone_destroy(alone);
      return NULL;
    }
    alone->frame_skip = sim_policy_frame_skip(alone->policy);
  }
  fprintf(stderr, CHANNEL_ALONE ": %llu episode%s with %s%s (CORSAC_EPISODES, CORSAC_SEED)\n",
          (unsigned long long)alone->episodes, plural(alone->episodes),
          alone->policy ? "the policy of " : "random actions", alone->policy ? sim_policy_file(alone->policy) : "");
  return alone;
}

void sim_alone_destroy(struct sim_alone *alone) {
  if (!alone) return;
  sim_policy_close(alone->policy);
  free(alone->low);
  free(alone->acts);
  free(alone->held);
  free(alone);
}

uint64_t sim_alone_seed(const struct sim_alone *alone) {
  uint64_t counter = alone->seed ^ alone->episode << 32;
  return split_mix(&counter);
}

uint64_t sim_alone_episode(const struct sim_alone *alone) { return alone->episode; }
uint64_t sim_alone_steps(const struct sim_alone *alone) { return alone->all_steps; }

static int check_obs(const struct sim_alone *alone, const float *obs, const uint8_t *agents) {
  for (uint32_t i = 0; i < alone->agents * alone->obs_dim; i++) {
    if (agents[i / alone->obs_dim] == CORSAC_ABSENT || isfinite(obs[i])) continue;
    fprintf(stderr, "corsac_sim: episode %llu, step %u: component %u of the observation is %g\n",
            (unsigned long long)alone->episode, alone->steps, i % alone->obs_dim, (double)obs[i]);
    return -1;
  }
  return 0;
}

// Adds up the rewards of the agents that acted. The others' are ignored, as in training.
static int take_rewards(struct sim_alone *alone, const double *rewards, int flags) {
  double sum = 0;
  for (uint32_t j = 0; j < alone->agents; j++)
    if (alone->acts[j]) sum += rewards[j];
  alone->episode_return += sum;
  if (isfinite(sum) && !(flags & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED))) return 0;
  fprintf(stderr, "corsac_sim: episode %llu, step %u: the reward is %g, flags are %d\n",
          (unsigned long long)alone->episode, alone->steps, sum, flags);
  return -1;
}

// The mean over the agents that took part.
static double mean_return(const struct sim_alone *alone) {
  uint32_t count = 0;
  for (uint32_t j = 0; j < alone->agents; j++) count += alone->took_part[j];
  return count > 0 ? alone->episode_return / count : 0;
}

static void reset(struct sim_alone *alone, uint32_t agent) {
  if (alone->policy) sim_policy_reset(alone->policy, agent);
}

// Chooses the actions of the agents that act next. An agent that has ended, or is not there, begins anew when it comes.
static void choose(struct sim_alone *alone, const float *obs, const uint8_t *agents) {
  for (uint32_t j = 0; j < alone->agents; j++) {
    alone->acts[j] = agents[j] == CORSAC_PRESENT;
    alone->took_part[j] |= alone->acts[j];
    if (alone->acts[j])
      alone->act(alone, j, obs + (size_t)j * alone->obs_dim, alone->held + (size_t)j * alone->act_dim);
    else
      reset(alone, j);
  }
  alone->frames_left = alone->frame_skip;
}

// Writes the actions of the agents that act next; those of the others are left alone. As in training, agents that come
// or leave end the time for which actions are held.
static int act(struct sim_alone *alone, const float *obs, const uint8_t *agents, float *action) {
  bool changed = false;
  for (uint32_t j = 0; j < alone->agents; j++) changed |= alone->acts[j] != (agents[j] == CORSAC_PRESENT);
  if (changed || alone->frames_left == 0) choose(alone, obs, agents);
  alone->frames_left--;
  const size_t dim = alone->act_dim;
  for (uint32_t j = 0; j < alone->agents; j++)
    if (alone->acts[j]) memcpy(action + j * dim, alone->held + j * dim, dim * sizeof *action);
  return CORSAC_SIM_ACT;
}

int sim_alone_begin(struct sim_alone *alone, const float *obs, const uint8_t *agents, float *action) {
  if (alone->episode >= alone->episodes) return CORSAC_SIM_STOP;
  alone->steps = 0;
  alone->frames_left = 0;
  alone->episode_return = 0;
  memset(alone->took_part, 0, alone->agents * sizeof *alone->took_part);
  for (uint32_t j = 0; j < alone->agents; j++) reset(alone, j);
  return check_obs(alone, obs, agents) == 0 ? act(alone, obs, agents, action) : -1;
}

int sim_alone_step(struct sim_alone *alone, const float *obs, const double *rewards, int flags, const uint8_t *agents,
                   float *action) {
  alone->steps++;
  alone->all_steps++;
  if (check_obs(alone, obs, agents) != 0 || take_rewards(alone, rewards, flags) != 0) return -1;
  if (!flags && (alone->max_episode_steps == 0 || alone->steps < alone->max_episode_steps))
    return act(alone, obs, agents, action);
  const char *end = flags & CORSAC_TERMINATED ? "terminated" : "truncated";
  fprintf(stderr, "corsac_sim: episode %llu: %u step%s, return %g, %s\n", (unsigned long long)alone->episode,
          alone->steps, plural(alone->steps), mean_return(alone), end);
  return ++alone->episode < alone->episodes ? CORSAC_SIM_BEGIN : CORSAC_SIM_STOP;
}
