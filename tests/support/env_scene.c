#include "tests/support/env_scene.h"

#include "common/config/options.h"
#include "tests/support/environments.h"
#include <stdio.h>

enum status env_scene_open(struct env_scene *s, const char *env) {
  const char *dir = s->config.run_dir;
  char kept[CONFIG_TEXT];
  const double timeout = s->config.env_timeout;
  const bool isolate = s->config.isolate;
  char channel[sizeof s->config.channel], host[CONFIG_TEXT];
  snprintf(channel, sizeof channel, "%s", s->config.channel);
  snprintf(host, sizeof host, "%s", s->config.channel_host);
  snprintf(kept, sizeof kept, "%s", dir);
  options_defaults(&s->config);
  snprintf(s->config.run_dir, sizeof s->config.run_dir, "%s", kept);
  if (timeout > 0) s->config.env_timeout = timeout;
  s->config.isolate = isolate;
  if (*channel) snprintf(s->config.channel, sizeof s->config.channel, "%s", channel);
  if (*host) snprintf(s->config.channel_host, sizeof s->config.channel_host, "%s", host);
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
