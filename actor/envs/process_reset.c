// The begin of an episode in a child process, which may need a new child. The phases are in process_impl.h.
#include "actor/envs/process_impl.h"

#include <stdio.h>
#include <string.h>

void process_progress(void *self, uint64_t episode, uint64_t env_steps) {
  struct instance *instance = self;
  instance->episode = episode;
  instance->env_steps = env_steps;
}

int process_set_case(void *self, const char *args) {
  struct instance *instance = self;
  snprintf(instance->case_text, sizeof instance->case_text, "%s", args);
  return 0;
}

static void ask_reset(struct instance *instance) {
  struct channel *channel = instance->child.channel;
  channel->seed = instance->seed;
  channel->episode = instance->episode;
  channel->env_steps = instance->env_steps;
  memcpy(channel->case_text, instance->case_text, sizeof channel->case_text);
  process_child_ask(&instance->child, CHANNEL_RESET);
}

// --- a new child ---

// Starts a child in place of one that has ended. It gets RESET along with OPEN, so it does both without a further word.
static void renew(struct instance *instance) {
  char why[PROCESS_WHY];
  process_end(instance, 0);
  process_limit(instance, CONFIG_CREATE);
  if (!process_spawn(instance, why, sizeof why)) {
    process_fail(instance, "%s", why);
    return;
  }
  instance->phase = PROCESS_STARTING;
  ask_reset(instance);
}

// Whether a new child says what the first one said. If not, the instance is broken.
static bool is_same_spec(struct instance *instance) {
  struct channel_spec *first = &instance->spec, spec;
  const struct channel *channel = instance->child.channel;
  process_copy(&spec, &channel->spec, sizeof spec);
  const struct {
    const char *name;
    uint32_t now, before;
  } numbers[] = {{"obs_dim", spec.obs_dim, first->obs_dim},
                 {"act_dim", spec.act_dim, first->act_dim},
                 {"max_episode_steps", spec.max_episode_steps, first->max_episode_steps},
                 {"info_dim", spec.info_dim, first->info_dim},
                 {"agents", spec.agents, first->agents},
                 {"flags", spec.flags, first->flags}};
  static const char rule[] = "every start of the program has to say the same of itself";
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (numbers[i].now != numbers[i].before) {
      process_fail(instance, "the program was started anew and has %s %u, before it had %u; %s", numbers[i].name,
                   numbers[i].now, numbers[i].before, rule);
      return false;
    }
  for (uint32_t i = 0; i < first->info_dim; i++)
    if (strncmp(spec.info_names[i], first->info_names[i], CHANNEL_INFO_NAME - 1) != 0 ||
        spec.info_rules[i] != first->info_rules[i]) {
      process_fail(instance, "the program was started anew and has another named value %u, or rule, than \"%s\"; %s", i,
                   first->info_names[i], rule);
      return false;
    }
  const size_t size = first->act_dim * sizeof(double);
  if (memcmp(instance->bounds, channel->action_low, size) == 0 &&
      memcmp(instance->bounds + first->act_dim, channel->action_high, size) == 0)
    return true;
  process_fail(instance, "the program was started anew and has other action bounds than before; %s", rule);
  return false;
}

// A new child has answered OPEN, and perhaps RESET too.
static void take_open(struct instance *instance) {
  struct channel_answer answer;
  if (!process_child_has_answered(&instance->child) && process_take_answer(instance, &answer) != 0) return;
  if (!is_same_spec(instance)) return;
  process_limit(instance, CONFIG_RESET);
  instance->phase = PROCESS_RESETTING;
}

// --- the list of resets ---

// A child that ends after an episode, with status 0, has done its work.
static bool has_done_its_work(const struct instance *instance) {
  return instance->has_played && process_child_ended_well(&instance->child);
}

static void advance(struct instance *instance) {
  struct process_child *child = &instance->child;
  while (!instance->broken) {
    switch (instance->phase) {
    case PROCESS_IDLE: return;
    case PROCESS_RESETTING:
      if (process_child_look(child, false) != PROCESS_ENDED || !has_done_its_work(instance)) return;
      renew(instance);
      break;
    case PROCESS_ENDING:
      switch (process_child_look(child, false)) {
      case PROCESS_LATE: return;
      case PROCESS_ANSWERED: process_fail(instance, "the process breaks the protocol: it answers CLOSE"); return;
      case PROCESS_ENDED: break;
      }
      if (process_child_ended_well(child))
        renew(instance);
      else
        process_fail_ended(instance);
      break;
    case PROCESS_STARTING:
      switch (process_child_look(child, true)) {
      case PROCESS_LATE: return;
      case PROCESS_ANSWERED: take_open(instance); break;
      case PROCESS_ENDED: process_fail_ended(instance); break;
      }
      break;
    }
  }
}

void process_advance(struct process *process, const struct instance *except) {
  for (struct instance *instance = process->resets; instance; instance = instance->next)
    if (instance != except) advance(instance);
}

void process_forget_reset(struct instance *instance) {
  struct instance **link = &instance->process->resets;
  while (*link && *link != instance) link = &(*link)->next;
  if (*link) *link = instance->next;
  instance->next = NULL;
}

// --- a reset in halves ---

int process_reset_begin(void *self, uint64_t seed) {
  struct instance *instance = self;
  instance->kept = 0;
  struct process *process = instance->process;
  if (instance->broken) return -1;
  const bool restarts = process->config && process->config->restart_each_episode;
  instance->seed = seed;
  process_limit(instance, CONFIG_RESET);
  if (restarts && (instance->has_played || instance->started_for != instance->episode)) {
    process_child_ask(&instance->child, CHANNEL_CLOSE);
    instance->phase = PROCESS_ENDING;
  } else {
    ask_reset(instance);
    instance->phase = PROCESS_RESETTING;
  }
  instance->next = process->resets;
  process->resets = instance;
  return 0;
}

// Waits until the phase under way is over. true: the reset was answered.
static bool await_phase(struct instance *instance) {
  const bool opens = instance->phase == PROCESS_STARTING;
  switch (process_child_await(&instance->child, opens, instance->until, instance->listener)) {
  case PROCESS_ANSWERED: return instance->phase == PROCESS_RESETTING;
  case PROCESS_LATE: process_fail_late(instance); return false;
  case PROCESS_ENDED:
    if (instance->phase == PROCESS_RESETTING && !has_done_its_work(instance)) process_fail_ended(instance);
    return false;
  }
  return false;
}

int process_reset_end(void *self, float *obs) {
  struct instance *instance = self;
  struct channel_answer answer;
  bool is_answered = false;
  while (!instance->broken && !is_answered) {
    advance(instance);
    if (!instance->broken) is_answered = await_phase(instance);
  }
  process_forget_reset(instance);
  instance->phase = PROCESS_IDLE;
  if (instance->broken || process_take_answer(instance, &answer) != 0) return -1;
  instance->has_played = true;
  process_take_obs(instance, obs);
  return 0;
}
