#include "actor/envs/serve.h"

#include "actor/envs/plugin.h"
#include "actor/fmi/fmi_env.h"
#include "common/base/c_locale.h"
#include "common/env/channel_child.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct serve {
  struct channel_child child;
  const struct corsac_env *abi;
  void *self;
  uint32_t obs_dim, act_dim, info_dim; // of all agents together
  uint32_t agents;
  double *reward;           // (agents)
  uint8_t *flags;           // (agents)
  float *action, *obs;      // copies, since the plugin may read and write them at any time of a call
  struct channel_spec spec; // as it was published
};

static bool create(struct serve *serve, const struct corsac_env_config *config) {
  struct corsac_env_spec given = {.size = sizeof given};
  char reason[CHANNEL_TEXT - 32] = "", why[CHANNEL_TEXT];
  serve->self = serve->abi->create(config, &given, reason, sizeof reason);
  reason[sizeof reason - 1] = 0;
  if (!serve->self) {
    snprintf(why, sizeof why, "%s", *reason ? reason : "it returned NULL and gave no reason");
    channel_child_fail(&serve->child, why);
    return false;
  }
  // The actor checks the spec and reports what is wrong. Here it only has to fit into the channel.
  struct channel_spec *spec = &serve->spec;
  *spec = (struct channel_spec){.obs_dim = given.obs_dim,
                                .act_dim = given.act_dim,
                                .max_episode_steps = given.max_episode_steps,
                                .agents = given.agents,
                                .flags = (serve->abi->save && serve->abi->load ? CHANNEL_CAN_SAVE : 0u) |
                                         (serve->abi->set_case ? CHANNEL_TAKES_CASE : 0u)};
  for (uint32_t i = 0; i < given.info_dim && i < CHANNEL_MAX_INFO; i++)
    snprintf(spec->info_names[i], sizeof spec->info_names[i], "%s",
             given.info_names && given.info_names[i] ? given.info_names[i] : "");
  if (given.info_rules && given.info_dim <= CHANNEL_MAX_INFO)
    memcpy(spec->info_rules, given.info_rules, given.info_dim);
  spec->info_dim = given.info_dim;
  serve->info_dim = serve->abi->info ? given.info_dim : 0;
  if (given.act_dim > 0 && (!given.action_low || !given.action_high)) {
    channel_child_fail(&serve->child, "create set no bounds of the actions");
    return false;
  }
  if (!channel_has_room(spec)) { // before anything is made for so many
    channel_child_publish(&serve->child, spec, given.action_low, given.action_high);
    channel_child_fail(&serve->child, serve->child.why);
    return false;
  }
  serve->agents = given.agents > 1 ? given.agents : 1;
  serve->obs_dim = serve->agents * given.obs_dim;
  serve->act_dim = serve->agents * given.act_dim;
  serve->action = calloc((size_t)serve->act_dim + 1, sizeof *serve->action);
  serve->obs = calloc((size_t)serve->obs_dim + 1, sizeof *serve->obs);
  serve->reward = calloc(serve->agents, sizeof *serve->reward);
  serve->flags = calloc(serve->agents, sizeof *serve->flags);
  if (!serve->action || !serve->obs || !serve->reward || !serve->flags ||
      channel_child_publish(&serve->child, spec, given.action_low, given.action_high) != 0) {
    channel_child_fail(&serve->child, *serve->child.why ? serve->child.why : "not enough memory");
    return false;
  }
  return true;
}

// Who of several agents is there, and their rewards.
static void give_agents(struct serve *serve) {
  memset(serve->flags, CORSAC_PRESENT, serve->agents);
  if (serve->abi->agent_flags) serve->abi->agent_flags(serve->self, serve->flags);
  memcpy(serve->child.channel->agent_flags, serve->flags, serve->agents);
  memcpy(serve->child.channel->agent_reward, serve->reward, serve->agents * sizeof *serve->reward);
}

// Tells the plugin the case of its episode, if there is one. Negative: it refused it.
static int set_case(struct serve *serve) {
  const char *given = serve->child.channel->case_text;
  char line[CHANNEL_CASE]; // a copy: the channel's may change
  snprintf(line, sizeof line, "%.*s", CHANNEL_CASE - 1, given);
  return *line && serve->abi->set_case ? serve->abi->set_case(serve->self, line) : 0;
}

// Why the plugin's last function failed; "": it gives no reason.
static void take_reason(struct serve *serve, char text[CHANNEL_TEXT]) {
  const char *reason = serve->abi->error ? serve->abi->error(serve->self) : NULL;
  snprintf(text, CHANNEL_TEXT, "%s", reason ? reason : "");
}

// result: what the plugin's function returned.
static void answer_result(struct serve *serve, int result, double reward) {
  struct channel_answer answer = {.status = CHANNEL_OK, .flags = result, .reward = reward};
  if (result < 0) {
    answer.status = CHANNEL_FAILED;
    take_reason(serve, answer.text);
    if (!*answer.text) snprintf(answer.text, sizeof answer.text, "it returned %d and gave no reason", result);
  } else {
    memcpy(serve->child.channel->obs, serve->obs, serve->obs_dim * sizeof *serve->obs);
    if (serve->agents > 1) give_agents(serve);
  }
  channel_child_answer(&serve->child, &answer);
}

static void answer_info(struct serve *serve) {
  double values[CHANNEL_MAX_INFO];
  for (uint32_t i = 0; i < serve->info_dim; i++) values[i] = NAN; // a value that is not written is left out
  serve->abi->info(serve->self, values);
  memcpy(serve->child.channel->info, values, serve->info_dim * sizeof *values);
}

static void answer_save(struct serve *serve) {
  const uint64_t capacity = serve->child.channel->state_capacity;
  void *state = capacity ? channel_child_state(&serve->child) : NULL;
  struct channel_answer answer = {.status = CHANNEL_OK};
  int64_t need = serve->abi->save ? serve->abi->save(serve->self, state, state ? capacity : 0) : 0;
  if (need < 0) {
    take_reason(serve, answer.text);
  } else if (!state && need > 0 && (uint64_t)need <= capacity) { // there is room, which this process cannot get at
    memcpy(answer.text, serve->child.why, sizeof answer.text);
    need = -1;
  }
  answer.state_size = (uint64_t)need; // the actor checks it
  channel_child_answer(&serve->child, &answer);
}

static void answer_load(struct serve *serve) {
  const uint64_t size = serve->child.channel->state_size;
  const void *state = channel_child_state(&serve->child);
  if (!state || !serve->abi->load) {
    channel_child_fail(&serve->child, state ? "it has no load" : serve->child.why);
    return;
  }
  const int result = set_case(serve);
  answer_result(serve, result < 0 ? result : serve->abi->load(serve->self, state, (size_t)size), 0);
}

static bool serve_one(struct serve *serve) {
  int result;
  switch (channel_child_wait(&serve->child)) {
  case CHANNEL_RESET:
    if (serve->abi->progress)
      serve->abi->progress(serve->self, serve->child.channel->episode, serve->child.channel->env_steps);
    result = set_case(serve);
    if (result >= 0) result = serve->abi->reset(serve->self, serve->child.channel->seed, serve->obs);
    answer_result(serve, result < 0 ? result : 0, 0);
    return true;
  case CHANNEL_STEP:
    memcpy(serve->action, serve->child.channel->action, serve->act_dim * sizeof *serve->action);
    memset(serve->reward, 0, serve->agents * sizeof *serve->reward);
    result = serve->abi->step(serve->self, serve->action, serve->obs, serve->reward);
    if (result >= 0 && serve->info_dim > 0) answer_info(serve);
    answer_result(serve, result, *serve->reward);
    return true;
  case CHANNEL_SAVE: answer_save(serve); return true;
  case CHANNEL_LOAD: answer_load(serve); return true;
  case CHANNEL_CLOSE: return false;
  default: fprintf(stderr, "corsac: %s\n", serve->child.why); return false;
  }
}

bool serve_wanted(const char *what) { return strcmp(what, "plugin") == 0 || strcmp(what, "fmi") == 0; }

int serve(char **argv) {
  struct serve serve = {0};
  struct plugin *plugin = NULL;
  struct error error = {0};
  const char *path = argv[1];
  int code = EXIT_FAILURE;
  locale_restore(LC_GLOBAL_LOCALE); // from here on the process is the plugin's
  if (channel_child_open(&serve.child) != 0) {
    fprintf(stderr, "corsac: %s\n", serve.child.why);
    return code;
  }
  serve.abi = &env_fmi;
  if (strcmp(argv[0], "plugin") == 0) {
    plugin = plugin_open(path, &error);
    if (!plugin) {
      channel_child_fail(&serve.child, error.text);
      goto done;
    }
    serve.abi = &plugin->abi;
  }
  const struct corsac_env_config config = {.size = sizeof config,
                                           .id = path,
                                           .args = argv[2],
                                           .index = strtoull(argv[3], NULL, 10),
                                           .evaluation = *argv[4] == '1',
                                           .comm = -1};
  if (!create(&serve, &config)) goto done;
  while (serve_one(&serve)) continue;
  code = EXIT_SUCCESS;
done:
  if (serve.self) serve.abi->destroy(serve.self);
  plugin_close(plugin);
  channel_child_close(&serve.child);
  free(serve.action);
  free(serve.obs);
  free(serve.reward);
  free(serve.flags);
  return code;
}
