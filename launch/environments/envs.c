// corsac envs: lists the built-in environments; one of each is created to see whether it can be used here.
#include "actor/environment.h"
#include "actor/envs/fmi.h"
#include "actor/envs/gym.h"
#include "actor/envs/registry.h"
#include "common/config/options.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "common/base/json.h"

#include <stdio.h>

struct entry {
  const char *name;
  uint32_t obs_dim, act_dim, max_episode_steps; // 0 where not available
  struct error why;                             // why it is not available
};

static struct entry try_environment(const char *name, const struct config *config) {
  struct entry entry = {.name = name};
  struct environment_kind kind;
  struct environment environment;
  if (environment_kind_open(&kind, name, config, &entry.why) != STATUS_OK) return entry;
  if (environment_create(&environment, &kind, 0, true, &entry.why) == STATUS_OK) {
    entry.obs_dim = environment.obs_dim;
    entry.act_dim = environment.act_dim;
    entry.max_episode_steps = environment.max_episode_steps;
    environment_destroy(&environment);
  }
  environment_kind_close(&kind);
  return entry;
}

// Writes Gymnasium's version and the Python that has it, or why there is none.
static void try_gym(const struct config *config, struct error *why, char *text, size_t size) {
  struct gym gym;
  char version[32];
  *text = 0;
  if (gym_find(&gym, config->python, why) == STATUS_OK && gym_version(&gym, version, sizeof version, why) == STATUS_OK)
    snprintf(text, size, "Gymnasium %s of %s", version, gym.python);
}

// Adds a line that stands for many environments.
static void append_others(json_t *list, const char *name, const struct error *why) {
  json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:b, s:s}", "name", name, "obs_dim", (json_int_t)0,
                                        "act_dim", (json_int_t)0, "max_episode_steps", (json_int_t)0, "available",
                                        why->status == STATUS_OK, "why", why->text));
}

static enum status print_json(const struct config *config, struct error *error) {
  json_t *list = json_array();
  for (size_t i = 0; i < registry_count(); i++) {
    const struct entry entry = try_environment(registry_at(i)->name, config);
    json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:b, s:s}", "name", entry.name, "obs_dim",
                                          (json_int_t)entry.obs_dim, "act_dim", (json_int_t)entry.act_dim,
                                          "max_episode_steps", (json_int_t)entry.max_episode_steps, "available",
                                          entry.why.status == STATUS_OK, "why", entry.why.text));
  }
  struct error why = {0};
  char gym[GYM_PATH + 64];
  try_gym(config, &why, gym, sizeof gym);
  append_others(list, "gym:ID", &why);
  error_clear(&why);
  fmi_check_libraries(&why);
  append_others(list, "fmi:MODEL.fmu", &why);
  return json_print(list, error);
}

static void print_table(const struct config *config) {
  printf("%-32s %8s %8s %14s\n", "environment", "obs_dim", "act_dim", "episode steps");
  for (size_t i = 0; i < registry_count(); i++) {
    const struct entry entry = try_environment(registry_at(i)->name, config);
    if (entry.why.status == STATUS_OK)
      printf("%-32s %8u %8u %14u\n", entry.name, entry.obs_dim, entry.act_dim, entry.max_episode_steps);
    else
      printf("%-32s not available: %s\n", entry.name, entry.why.text);
  }
  struct error why = {0};
  char gym[GYM_PATH + 64];
  try_gym(config, &why, gym, sizeof gym);
  printf("%-32s %s%s\n", "gym:ID",
         why.status == STATUS_OK ? gym : "not available: ", why.status == STATUS_OK ? "" : why.text);
  error_clear(&why);
  if (fmi_check_libraries(&why) == STATUS_OK)
    printf("%-32s FMUs of FMI 2 and 3\n", "fmi:MODEL.fmu[:TASK.yaml]");
  else
    printf("%-32s not available: %s\n", "fmi:MODEL.fmu[:TASK.yaml]", why.text);
  printf("\nOthers: --env path/to/plugin.so[:args], a shared object made with <corsac/env.h>; exec:COMMAND, a program "
         "with its own main loop made with <corsac/sim.h>; pettingzoo:MODULE, PettingZoo's parallel environments\n");
}

int command_envs(int argc, char **argv) {
  struct error error = {0};
  bool json = false;
  const char *mujoco_dir = NULL, *python = NULL;
  struct config config;
  const struct argument known[] = {{"json", &json, NULL}, {"mujoco-dir", NULL, &mujoco_dir}, {"python", NULL, &python}};
  if (arguments_parse(argc, argv, "envs", known, sizeof known / sizeof *known, NULL, &error) != STATUS_OK)
    return command_fail(&error);
  options_defaults(&config);
  if (mujoco_dir && option_set(options_find("mujoco_dir"), &config, mujoco_dir, "--mujoco-dir", &error) != STATUS_OK)
    return command_fail(&error);
  if (python && option_set(options_find("python"), &config, python, "--python", &error) != STATUS_OK)
    return command_fail(&error);
  if (!json) print_table(&config);
  if (json && print_json(&config, &error) != STATUS_OK) return command_fail(&error);
  return EXIT_DONE;
}
