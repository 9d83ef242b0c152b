#include "tests/support/env_scene.h"

#include "common/config/options.h"
#include "tests/support/environments.h"
#include <stdio.h>

static void keep_text(char *to, const char *from) {
  if (*from) snprintf(to, CONFIG_TEXT, "%s", from);
}

static void set_defaults(struct config *config) {
  const struct config given = *config;
  options_defaults(config);
  keep_text(config->run_dir, given.run_dir);
  keep_text(config->scratch, given.scratch);
  keep_text(config->scratch_from, given.scratch_from);
  if (*given.scratch_keep) snprintf(config->scratch_keep, sizeof config->scratch_keep, "%s", given.scratch_keep);
  if (given.env_timeout > 0) config->env_timeout = given.env_timeout;
  config->create_timeout = given.create_timeout;
  config->reset_timeout = given.reset_timeout;
  config->step_timeout = given.step_timeout;
  config->isolate = given.isolate;
  config->restart_each_episode = given.restart_each_episode;
  config->child_cores = given.child_cores;
  if (*given.channel) snprintf(config->channel, sizeof config->channel, "%s", given.channel);
  keep_text(config->channel_host, given.channel_host);
}

enum status env_scene_open(struct env_scene *s, const char *env) {
  set_defaults(&s->config);
  enum status status = environment_kind_open(&s->kind, env, &s->config, &s->error);
  s->kind.waiting = s->waiting;
  s->kind.who = s->who;
  if (status == STATUS_OK) status = environment_create(&s->environment, &s->kind, 3, false, &s->error);
  return status;
}

enum status env_scene_open_faulty(struct env_scene *s, const char *what) {
  char env[4096];
  return env_scene_open(s, simulator_env("faulty", what, env, sizeof env));
}

void env_scene_close(struct env_scene *s) {
  environment_destroy(&s->environment);
  environment_kind_close(&s->kind);
}

enum status env_scene_step(struct env_scene *s, float action) {
  return environment_step(&s->environment, &action, s->obs, &s->reward, &s->flags, &s->error);
}
