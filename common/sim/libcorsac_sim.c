// The functions of sim.h: they talk to corsac through the channel, or to sim_alone where the simulator was started by
// hand.
#include "common/sim/sim.h"

#include "common/base/action_bounds.h"
#include "common/base/c_locale.h"
#include "common/env/channel_child.h"
#include "common/sim/sim_alone.h"
#include "common/sim/sim_state.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the simulator may call next. STAGE_SAVE and STAGE_LOAD: it is inside of its save or load, which it has to leave.
enum stage { STAGE_BEGIN, STAGE_STEP, STAGE_SAVE, STAGE_LOAD, STAGE_OVER };

struct corsac_sim {
  uint32_t agents, obs_dim, act_dim, info_dim; // dimensions are of all agents together
  double *rewards;                             // (agents) of the next step, where has_rewards
  uint8_t *flags;                              // (agents) of the next begin or step
  bool has_rewards;
  enum stage stage;
  uint64_t seed, episode, env_steps;               // of the episode that begins next
  char case_text[CHANNEL_CASE];                    // likewise; without corsac CORSAC_CASE
  struct channel_child child;                      // to corsac
  struct sim_alone *alone;                         // instead of corsac, or NULL
  int (*save)(struct corsac_sim *sim, void *user); // NULL: it has none, nor load
  int (*load)(struct corsac_sim *sim, void *user);
  void *user;
  struct sim_state state;
  bool runs;    // an episode is under way, so there is a state to save
  bool resumes; // a LOAD waits for the next begin
  bool kept;    // the state is saved, and waits for a SAVE with room for it
};

static int say(const char *what) {
  fprintf(stderr, "corsac_sim: %s\n", what);
  return -1;
}

// A program that was built with an older sim.h has a shorter spec.
enum {
  OLDEST_SPEC = offsetof(struct corsac_sim_spec, info_rules),
  SPEC_WITH_RULES = offsetof(struct corsac_sim_spec, save),
  SPEC_WITH_STATE = offsetof(struct corsac_sim_spec, agents),
  SPEC_WITH_AGENTS = offsetof(struct corsac_sim_spec, agents) + sizeof(uint32_t)
};

static const uint8_t *rules_of(const struct corsac_sim_spec *spec) {
  return spec->size >= SPEC_WITH_RULES ? spec->info_rules : NULL;
}

static bool has_state(const struct corsac_sim_spec *spec) { return spec->size >= SPEC_WITH_STATE && spec->save; }

static uint32_t agents_of(const struct corsac_sim_spec *spec) {
  return spec->size >= SPEC_WITH_AGENTS && spec->agents > 1 ? spec->agents : 1;
}

static int check_agents(const struct corsac_sim_spec *spec) {
  const struct channel_spec shape = {.obs_dim = spec->obs_dim, .act_dim = spec->act_dim, .agents = agents_of(spec)};
  char text[256];
  if (channel_has_room(&shape)) return 0;
  snprintf(text, sizeof text,
           "open: %u agents with obs_dim %u and act_dim %u: at most %d, and %d numbers of all of them", shape.agents,
           shape.obs_dim, shape.act_dim, CHANNEL_MAX_AGENTS, CHANNEL_MAX_DIM);
  return say(text);
}

static int check_info(const struct corsac_sim_spec *spec) {
  char text[256];
  for (uint32_t i = 0; i < spec->info_dim; i++) {
    if (!spec->info_names || !spec->info_names[i]) return say("open: with info_dim come as many info_names");
    if (strlen(spec->info_names[i]) < CHANNEL_INFO_NAME) continue;
    snprintf(text, sizeof text, "open: the name of value %u, %.60s, has more than %d characters", i,
             spec->info_names[i], CHANNEL_INFO_NAME - 1);
    return say(text);
  }
  for (uint32_t i = 0; rules_of(spec) && i < spec->info_dim; i++)
    if (rules_of(spec)[i] > CORSAC_INFO_MAX)
      return say("open: info_rules has to be of CORSAC_INFO_MEAN, CORSAC_INFO_LAST, CORSAC_INFO_MAX");
  return 0;
}

// Whether others may have bounds of their own for an action without an end: corsac, or the policy that acts.
static bool has_other_bounds(void) {
  const char *policy = getenv("CORSAC_POLICY");
  return channel_child_wanted() || (policy && *policy);
}

static int check_spec(const struct corsac_sim_spec *spec) {
  char text[256];
  if (!spec || spec->size < OLDEST_SPEC) return say("open: spec->size has to be sizeof(struct corsac_sim_spec)");
  if (spec->obs_dim == 0 || spec->act_dim == 0 || !spec->action_low || !spec->action_high)
    return say("open: the spec needs obs_dim, act_dim, action_low and action_high");
  if (spec->obs_dim > CHANNEL_MAX_DIM || spec->act_dim > CHANNEL_MAX_DIM || spec->info_dim > CHANNEL_MAX_INFO) {
    snprintf(text, sizeof text, "open: obs_dim %u, act_dim %u and info_dim %u; they may be %d, %d and %d",
             spec->obs_dim, spec->act_dim, spec->info_dim, CHANNEL_MAX_DIM, CHANNEL_MAX_DIM, CHANNEL_MAX_INFO);
    return say(text);
  }
  for (uint32_t i = 0; i < spec->act_dim; i++) {
    if (action_bounds_are_good(spec->action_low[i], spec->action_high[i])) continue;
    if (has_other_bounds() && spec->action_low[i] < spec->action_high[i]) continue;
    snprintf(text, sizeof text, "open: the bounds of action component %u are [%g, %g]; " ACTION_BOUNDS_RULE, i,
             spec->action_low[i], spec->action_high[i]);
    return say(text);
  }
  if (check_info(spec) != 0) return -1;
  if (spec->size >= SPEC_WITH_STATE && !spec->save != !spec->load)
    return say("open: the spec has to have both save and load, or neither");
  return check_agents(spec);
}

static int publish(struct corsac_sim *sim, const struct corsac_sim_spec *given) {
  struct channel_spec *spec = calloc(1, sizeof *spec);
  if (!spec) return say("open: not enough memory");
  spec->obs_dim = given->obs_dim;
  spec->act_dim = given->act_dim;
  spec->max_episode_steps = given->max_episode_steps;
  spec->info_dim = given->info_dim;
  spec->agents = agents_of(given);
  spec->flags = (has_state(given) ? CHANNEL_CAN_SAVE : 0u) | CHANNEL_TAKES_CASE;
  snprintf(spec->name, sizeof spec->name, "%s", given->name ? given->name : "");
  for (uint32_t i = 0; i < given->info_dim; i++)
    snprintf(spec->info_names[i], sizeof spec->info_names[i], "%s", given->info_names[i]);
  if (rules_of(given) && given->info_dim > 0) memcpy(spec->info_rules, rules_of(given), given->info_dim);
  const int result = channel_child_publish(&sim->child, spec, given->action_low, given->action_high);
  free(spec);
  return result;
}

// --- state ---

// Calls the simulator's save. Returns what it returned; a negative number where anything went wrong, with a reason in
// state.why or none.
static int call_save(struct corsac_sim *sim) {
  if (sim_state_begin(&sim->state, sim->seed, sim->case_text) != 0) return -1;
  sim->stage = STAGE_SAVE;
  const int result = sim->save(sim, sim->user);
  sim->stage = STAGE_STEP;
  return *sim->state.why && result >= 0 ? -1 : result;
}

// Answers with the state, or with its size where corsac has to make room first. That state is kept, so that a simulator
// which writes files for a save does so once.
static void answer_save(struct corsac_sim *sim) {
  struct channel_answer answer = {.status = CHANNEL_OK}; // of 0 bytes: there is no state now
  struct channel_child *child = &sim->child;
  const int result = !sim->save || !sim->runs ? 1 : sim->kept ? 0 : call_save(sim);
  if (result < 0) {
    if (*sim->state.why) say(sim->state.why);
    snprintf(answer.text, sizeof answer.text, "%s", sim->state.why);
    answer.state_size = (uint64_t)(int64_t)result;
  } else if (result == 0) {
    answer.state_size = sim->state.size;
    const bool fits = child->channel->state_capacity >= answer.state_size;
    void *room = fits ? channel_child_state(child) : NULL;
    if (room) memcpy(room, sim->state.bytes, sim->state.size);
    sim->kept = !room;
    if (fits && !room) {
      say(child->why);
      memcpy(answer.text, child->why, sizeof answer.text);
      answer.state_size = (uint64_t)-1;
    }
  }
  channel_child_answer(child, &answer);
}

static void take_case(struct corsac_sim *sim, const char *text) {
  snprintf(sim->case_text, sizeof sim->case_text, "%.*s", CHANNEL_CASE - 1, text ? text : "");
}

_Static_assert((int)CHANNEL_CASE == (int)SIM_STATE_TEXT, "a state holds the longest case");

// Takes over a state that corsac has put into the channel. It waits there for begin, which loads it: the simulator's
// loop then is where it is for any episode.
static int take_state(struct corsac_sim *sim) {
  struct channel_child *child = &sim->child;
  if (!sim->load) return corsac_sim_fail(sim, "there is a state to load, but the simulator has no save and load");
  const void *state = channel_child_state(child);
  if (!state) return corsac_sim_fail(sim, child->why);
  if (sim_state_open(&sim->state, state, (size_t)child->channel->state_size, &sim->seed, sim->case_text) != 0)
    return corsac_sim_fail(sim, sim->state.why);
  sim->stage = STAGE_BEGIN;
  sim->resumes = true;
  return CORSAC_SIM_BEGIN;
}

static int load_state(struct corsac_sim *sim) {
  char why[CHANNEL_TEXT];
  sim->resumes = false;
  sim->stage = STAGE_LOAD;
  const int result = sim->load(sim, sim->user);
  sim->stage = STAGE_STEP;
  if (*sim->state.why)
    snprintf(why, sizeof why, "%s", sim->state.why);
  else if (result != 0)
    snprintf(why, sizeof why, "the simulator's load returned %d", result);
  else if (sim_state_close(&sim->state) != 0)
    snprintf(why, sizeof why, "%s", sim->state.why);
  else
    return 0;
  return corsac_sim_fail(sim, why);
}

// --- the loop ---

// Waits until corsac wants something that the simulation has to do. Answers corsac's other requests here.
static int await(struct corsac_sim *sim, float *action) {
  for (;;) {
    const int request = channel_child_wait(&sim->child);
    if (request == CHANNEL_SAVE) {
      answer_save(sim);
      continue;
    }
    sim->kept = false;
    if (request == CHANNEL_STEP && sim->stage == STAGE_STEP && action) {
      memcpy(action, sim->child.channel->action, sim->act_dim * sizeof *action);
      return CORSAC_SIM_ACT;
    }
    sim->runs = false;
    if (request == CHANNEL_RESET) {
      sim->stage = STAGE_BEGIN;
      sim->seed = sim->child.channel->seed;
      sim->episode = sim->child.channel->episode;
      sim->env_steps = sim->child.channel->env_steps;
      take_case(sim, sim->child.channel->case_text);
      return CORSAC_SIM_BEGIN;
    }
    if (request == CHANNEL_LOAD) return take_state(sim);
    sim->stage = STAGE_OVER;
    if (request == CHANNEL_CLOSE) return CORSAC_SIM_STOP;
    if (request < 0) return say(sim->child.why);
    return corsac_sim_fail(sim, "corsac wants a step before an episode has begun");
  }
}

static struct corsac_sim *open_sim(const struct corsac_sim_spec *spec) {
  if (check_spec(spec) != 0) return NULL;
  struct corsac_sim *sim = calloc(1, sizeof *sim);
  if (!sim) {
    say("open: not enough memory");
    return NULL;
  }
  sim->agents = agents_of(spec);
  sim->obs_dim = sim->agents * spec->obs_dim;
  sim->act_dim = sim->agents * spec->act_dim;
  sim->rewards = calloc(sim->agents, sizeof *sim->rewards);
  sim->flags = calloc(sim->agents, sizeof *sim->flags);
  sim->child.file = -1;
  if (!sim->rewards || !sim->flags) {
    say("open: not enough memory");
    goto failed;
  }
  memset(sim->flags, CORSAC_PRESENT, sim->agents);
  sim->info_dim = spec->info_dim;
  if (has_state(spec)) {
    sim->save = spec->save;
    sim->load = spec->load;
    sim->user = spec->user;
  }
  if (!channel_child_wanted()) {
    sim->alone = sim_alone_create(spec, sim->agents);
    take_case(sim, getenv("CORSAC_CASE"));
    if (sim->alone) return sim;
    goto failed;
  }
  const bool is_open = channel_child_open(&sim->child) == 0;
  if (!is_open || publish(sim, spec) != 0) {
    char why[CHANNEL_TEXT];
    memcpy(why, sim->child.why, sizeof why);
    say(why);
    if (is_open) channel_child_fail(&sim->child, why);
    goto failed;
  }
  if (await(sim, NULL) < 0) goto failed;
  return sim;
failed:
  corsac_sim_close(sim);
  return NULL;
}

struct corsac_sim *corsac_sim_open(const struct corsac_sim_spec *spec) {
  const locale_t host = locale_enter_c();
  struct corsac_sim *sim = open_sim(spec);
  locale_restore(host);
  return sim;
}

// A call out of order fails. Otherwise both sides would wait for each other.
static int refuse_call(struct corsac_sim *sim, const char *why) {
  if (sim->stage == STAGE_OVER) return CORSAC_SIM_STOP;
  if (sim->stage == STAGE_SAVE || sim->stage == STAGE_LOAD)
    why = "the simulator calls corsac_sim_begin or corsac_sim_step inside of its save or load";
  return corsac_sim_fail(sim, why);
}

// --- several agents ---

void corsac_sim_agents(struct corsac_sim *sim, const double *rewards, const uint8_t *flags) {
  sim->has_rewards = rewards != NULL;
  if (rewards) memcpy(sim->rewards, rewards, sim->agents * sizeof *rewards);
  if (flags)
    memcpy(sim->flags, flags, sim->agents);
  else
    memset(sim->flags, CORSAC_PRESENT, sim->agents);
}

static void forget_agents(struct corsac_sim *sim) {
  sim->has_rewards = false;
  memset(sim->flags, CORSAC_PRESENT, sim->agents);
}

// The rewards (agents) of a step. reward: of each agent where corsac_sim_agents gave none.
static const double *find_rewards(struct corsac_sim *sim, double reward) {
  for (uint32_t j = 0; j < sim->agents && !sim->has_rewards; j++) sim->rewards[j] = reward;
  return sim->rewards;
}

// Returns the flags of the episode. The end of a simulator's only agent ends it, and such an agent is always there.
static int take_flags(struct corsac_sim *sim, int flags) {
  if (sim->agents > 1) return flags;
  flags |= sim->flags[0] & (CORSAC_TERMINATED | CORSAC_TRUNCATED);
  sim->flags[0] = CORSAC_PRESENT;
  return flags;
}

// Puts what corsac_sim_agents gave into the channel.
static void give_agents(struct corsac_sim *sim, double reward) {
  struct channel *channel = sim->child.channel;
  if (sim->agents > 1) {
    memcpy(channel->agent_reward, find_rewards(sim, reward), sim->agents * sizeof *sim->rewards);
    memcpy(channel->agent_flags, sim->flags, sim->agents);
  }
  forget_agents(sim);
}

int corsac_sim_begin(struct corsac_sim *sim, const float *obs, float *action) {
  if (sim->stage != STAGE_BEGIN)
    return refuse_call(sim, "the simulator calls corsac_sim_begin in the middle of an episode: a step ends it, with "
                            "CORSAC_TERMINATED or CORSAC_TRUNCATED");
  sim->stage = STAGE_STEP;
  (void)take_flags(sim, 0); // no step has ended yet
  if (sim->alone) {
    const locale_t host = locale_enter_c();
    const int next = sim_alone_begin(sim->alone, obs, sim->flags, action);
    locale_restore(host);
    forget_agents(sim);
    return next;
  }
  if (!sim->resumes)
    memcpy(sim->child.channel->obs, obs, sim->obs_dim * sizeof *obs);
  else if (load_state(sim) != 0)
    return -1;
  sim->runs = true;
  give_agents(sim, 0);
  channel_child_answer(&sim->child, &(struct channel_answer){.status = CHANNEL_OK});
  return await(sim, action);
}

int corsac_sim_step(struct corsac_sim *sim, const float *obs, double reward, int flags, float *action) {
  if (sim->stage != STAGE_STEP) return refuse_call(sim, "the simulator calls corsac_sim_step before corsac_sim_begin");
  if (sim->agents == 1) reward = find_rewards(sim, reward)[0];
  flags = take_flags(sim, flags);
  if (sim->alone) {
    const locale_t host = locale_enter_c();
    const int next = sim_alone_step(sim->alone, obs, find_rewards(sim, reward), flags, sim->flags, action);
    locale_restore(host);
    forget_agents(sim);
    sim->stage = next == CORSAC_SIM_ACT ? STAGE_STEP : next == CORSAC_SIM_BEGIN ? STAGE_BEGIN : STAGE_OVER;
    return next;
  }
  memcpy(sim->child.channel->obs, obs, sim->obs_dim * sizeof *obs);
  sim->runs = flags == 0;
  give_agents(sim, reward);
  channel_child_answer(&sim->child, &(struct channel_answer){.status = CHANNEL_OK, .flags = flags, .reward = reward});
  return await(sim, action);
}

uint64_t corsac_sim_seed(const struct corsac_sim *sim) { return sim->alone ? sim_alone_seed(sim->alone) : sim->seed; }

uint64_t corsac_sim_episode(const struct corsac_sim *sim) {
  return sim->alone ? sim_alone_episode(sim->alone) : sim->episode;
}

uint64_t corsac_sim_env_steps(const struct corsac_sim *sim) {
  return sim->alone ? sim_alone_steps(sim->alone) : sim->env_steps;
}

const char *corsac_sim_case(const struct corsac_sim *sim) { return sim->case_text; }

void corsac_sim_info(struct corsac_sim *sim, const double *values) {
  if (!sim->alone && sim->info_dim > 0) memcpy(sim->child.channel->info, values, sim->info_dim * sizeof *values);
}

// --- put and get ---

static int not_inside(const char *function) {
  fprintf(stderr, "corsac_sim: put is for save, get is for load; the simulator calls one of them outside of its %s\n",
          function);
  return -1;
}

int corsac_sim_put(struct corsac_sim *sim, const void *bytes, size_t size) {
  return sim->stage == STAGE_SAVE ? sim_state_put(&sim->state, bytes, size) : not_inside("save");
}

int corsac_sim_put_file(struct corsac_sim *sim, const char *path) {
  return sim->stage == STAGE_SAVE ? sim_state_put_file(&sim->state, path) : not_inside("save");
}

int corsac_sim_get(struct corsac_sim *sim, void *bytes, size_t size) {
  return sim->stage == STAGE_LOAD ? sim_state_get(&sim->state, bytes, size) : not_inside("load");
}

int corsac_sim_get_file(struct corsac_sim *sim, const char *path) {
  return sim->stage == STAGE_LOAD ? sim_state_get_file(&sim->state, path) : not_inside("load");
}

size_t corsac_sim_left(const struct corsac_sim *sim) {
  return sim->stage == STAGE_LOAD ? sim_state_left(&sim->state) : 0;
}

int corsac_sim_resumes(const struct corsac_sim *sim) { return sim->resumes; }

// --- the end ---

// Opens the channel only to send the reason.
static int fail_unopened(const char *why) {
  struct channel_child child;
  say(why);
  if (!channel_child_wanted() || channel_child_open(&child) != 0) return -1;
  channel_child_fail(&child, why);
  channel_child_close(&child);
  return -1;
}

int corsac_sim_fail(struct corsac_sim *sim, const char *why) {
  if (!sim) return fail_unopened(why);
  if (sim->stage == STAGE_SAVE || sim->stage == STAGE_LOAD) return sim_state_refuse(&sim->state, why);
  sim->stage = STAGE_OVER;
  say(why);
  if (!sim->alone) channel_child_fail(&sim->child, why);
  return -1;
}

void corsac_sim_close(struct corsac_sim *sim) {
  if (!sim) return;
  sim_alone_destroy(sim->alone);
  channel_child_close(&sim->child);
  sim_state_release(&sim->state);
  free(sim->rewards);
  free(sim->flags);
  free(sim);
}
