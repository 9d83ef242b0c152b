#include "actor/envs/environment_kind.h"

#include "actor/envs/fmi.h"
#include "actor/envs/gym.h"
#include "actor/envs/mujoco.h"
#include "actor/envs/plugin.h"
#include "actor/envs/process.h"
#include "actor/envs/registry.h"
#include "actor/guest/guest.h"
#include "common/base/file.h"
#include "common/config/cases.h"
#include "common/config/environment_form.h"
#include <stdio.h>
#include <string.h>

// --- built-in environments and MuJoCo tasks ---

static void *create_mujoco(const struct environment_kind *kind, const struct corsac_env_config *config,
                           struct corsac_env_spec *spec, char *error, size_t error_size) {
  return mujoco_create(kind->mujoco, config, spec, error, error_size);
}

static enum status open_mujoco(struct environment_kind *kind, const struct mujoco_task *task, struct error *error) {
  const struct guest guest = {.name = kind->id};
  struct error own = {0};
  guest_watch();
  guest_enter(&guest, GUEST_OPEN);
  kind->mujoco = mujoco_open(task, kind->config ? kind->config->mujoco_dir : NULL, &own);
  guest_leave(GUEST_OPEN);
  if (!kind->mujoco) return error_set(error, own.status, "%s needs MuJoCo: %s", kind->id, own.text);

  kind->create = create_mujoco;
  kind->is_guest = true;
  return STATUS_OK;
}

static bool has_cases(const struct environment_kind *kind) { return kind->config && cases_are_given(kind->config); }

// For an environment that would be the same in every case.
static enum status refuse_cases(const struct environment_kind *kind, const char *why, struct error *error) {
  return error_set(error, STATUS_USAGE,
                   "cases: %s %s; --cases goes with a plugin, exec:, gym: and pettingzoo:", kind->id, why);
}

static enum status open_built_in(struct environment_kind *kind, struct error *error) {
  kind->abi = registry_find(kind->id);
  const struct mujoco_task *task = mujoco_task_find(kind->id);
  if (kind->abi && has_cases(kind)) return refuse_cases(kind, "is built in and has no cases", error);
  if (task) return open_mujoco(kind, task, error);
  if (kind->abi) return STATUS_OK;

  const char *suggestion = registry_suggest(kind->id);
  return error_set(
      error, STATUS_USAGE,
      "no environment is called \"%s\"%s%s%s; `corsac envs` lists the built-in ones; others "
      "are path/to/plugin.so[:args], exec:COMMAND, gym:ID, pettingzoo:MODULE and fmi:MODEL.fmu[:TASK.yaml]",
      kind->id, suggestion ? ": did you mean " : "", suggestion ? suggestion : "", suggestion ? "?" : "");
}

// --- plugins ---

static enum status open_plugin(struct environment_kind *kind, struct error *error) {
  struct error own = {0}; // the status is needed even where the caller wants no message
  guest_watch();
  kind->plugin = plugin_open(kind->id, &own);
  if (!kind->plugin) return error_set(error, own.status, "%s", own.text);

  kind->abi = &kind->plugin->abi;
  kind->is_guest = true;
  if (kind->config && cases_per_episode(kind->config) && !kind->abi->set_case)
    return error_set(
        error, STATUS_USAGE,
        "cases_per: %s has no function set_case, by which it would get the case of each episode; add it, or "
        "give each environment a case: --cases-per environment",
        kind->id);
  return STATUS_OK;
}

// --- child processes ---

static void *create_process(const struct environment_kind *kind, const struct corsac_env_config *config,
                            struct corsac_env_spec *spec, char *error, size_t error_size) {
  const struct process_listener listener = {kind->waiting, kind->who};
  return process_create(kind->process, listener, config, spec, error, error_size);
}

static void begin_process(const struct environment_kind *kind, const struct corsac_env_config *config) {
  const struct process_listener listener = {kind->waiting, kind->who};
  process_create_begin(kind->process, listener, config);
}

static void abandon_process(const struct environment_kind *kind) { process_create_abandon(kind->process); }

static enum status open_process(struct environment_kind *kind, const char *const *argv, struct error *error) {
  struct error own = {0};
  guest_watch();
  kind->process = process_open(argv, kind->config, &own);
  if (!kind->process) return error_set(error, own.status, "%s", own.text);

  kind->abi = &env_process;
  kind->create = create_process;
  kind->create_begin = begin_process;
  kind->create_abandon = abandon_process;
  kind->destroy_begin = process_destroy_begin;
  kind->refused = process_refuse;
  kind->heartbeats_in_step = true;
  kind->is_guest = true;
  return STATUS_OK;
}

static enum status open_exec(struct environment_kind *kind, struct error *error) {
  const enum status status = open_process(kind, (const char *[]){"exec", kind->args, NULL}, error);
  if (status == STATUS_OK) process_command_name(kind->args, kind->id, sizeof kind->id);
  return status;
}

static enum status open_gym(struct environment_kind *kind, const char *env, struct error *error) {
  struct gym gym;
  struct error own = {0};
  if (!*kind->args)
    return error_set(error, STATUS_USAGE, "--env %s names no environment: gym:ID, such as gym:Pendulum-v1", env);
  if (gym_find(&gym, kind->config ? kind->config->python : NULL, &own) != STATUS_OK)
    return error_set(error, own.status, "%s: %s", env, own.text);

  struct gym_argv argv;
  gym_argv_make(&argv, &gym, kind->args, kind->config);
  const enum status status = open_process(kind, argv.words, error);
  snprintf(kind->id, sizeof kind->id, "%.*s", (int)strcspn(env, "?"), env); // "gym" alone names no environment
  return status;
}

static enum status open_pettingzoo(struct environment_kind *kind, const char *env, struct error *error) {
  struct gym gym;
  struct error own = {0};
  const struct config *config = kind->config;
  if (!*kind->args)
    return error_set(error, STATUS_USAGE,
                     "--env %s names no environment: pettingzoo:MODULE[?key=value&...], such as "
                     "pettingzoo:pettingzoo.sisl.multiwalker_v9",
                     env);
  if (config && (*config->gym_wrap || strcmp(config->gym_info, "auto") != 0))
    return error_set(error, STATUS_USAGE, "--gym-info and --gym-wrap are for gym:, not for pettingzoo:");
  if (gym_find_pettingzoo(&gym, config ? config->python : NULL, &own) != STATUS_OK)
    return error_set(error, own.status, "%s: %s", env, own.text);
  const enum status status =
      open_process(kind, (const char *[]){"argv", gym.python, gym.script, kind->args, NULL}, error);
  snprintf(kind->id, sizeof kind->id, "%.*s", (int)strcspn(env, "?"), env);
  return status;
}

// --- FMUs ---

static void *create_fmi(const struct environment_kind *kind, const struct corsac_env_config *config,
                        struct corsac_env_spec *spec, char *error, size_t error_size) {
  struct corsac_env_config unpacked = *config;
  unpacked.id = kind->fmi->fmu.directory;
  unpacked.args = kind->fmi->fmu.task_path;
  return kind->fmi->abi.create(&unpacked, spec, error, error_size);
}

// kind->args is MODEL.fmu[:TASK.yaml]; then id becomes the former, args the latter.
static enum status open_fmi(struct environment_kind *kind, const char *env, struct error *error) {
  char *colon = strchr(kind->args, ':');
  const char *task = colon ? colon + 1 : "";
  struct error own = {0};
  if (colon) *colon = 0;
  if (!*kind->args) return error_set(error, STATUS_USAGE, "--env %s names no FMU: fmi:MODEL.fmu[:TASK.yaml]", env);
  if (has_cases(kind)) return refuse_cases(kind, "runs an FMU, whose task is one file", error);
  kind->fmi = fmi_open(kind->args, task, &own);
  if (!kind->fmi) return error_set(error, own.status, "%s", own.text);

  memcpy(kind->id, kind->args, strlen(kind->args) + 1);
  memmove(kind->args, task, strlen(task) + 1);
  char absolute[FILE_PATH];
  const struct fmu *fmu = &kind->fmi->fmu;
  if (fmu->task.isolate)
    return open_process(kind, (const char *[]){"fmi", fmu->directory, file_path(fmu->task_path, absolute), NULL},
                        error);
  guest_watch();
  kind->abi = &kind->fmi->abi;
  kind->create = create_fmi;
  kind->is_guest = true;
  return STATUS_OK;
}

// --- all of them ---

enum status environment_kind_open(struct environment_kind *kind, const char *env, const struct config *config,
                                  struct error *error) {
  *kind = (struct environment_kind){.config = config};
  const char *colon = strchr(env, ':');
  const size_t length = colon ? (size_t)(colon - env) : strlen(env);
  const char *args = colon ? colon + 1 : "";
  if (length == 0)
    return error_set(error, STATUS_USAGE,
                     "no environment is given: --env takes a built-in name, path/to/plugin.so[:args], exec:COMMAND, "
                     "gym:ID, pettingzoo:MODULE or fmi:MODEL.fmu[:TASK.yaml]");
  if (length >= sizeof kind->id || strlen(args) >= sizeof kind->args)
    return error_set(error, STATUS_USAGE, "--env is too long: name and arguments may have %zu characters each",
                     sizeof kind->id - 1);
  memcpy(kind->id, env, length);
  memcpy(kind->args, args, strlen(args) + 1);

  switch (environment_form_of(env)) {
  case ENVIRONMENT_EXEC: return open_exec(kind, error);
  case ENVIRONMENT_GYM: return open_gym(kind, env, error);
  case ENVIRONMENT_PETTINGZOO: return open_pettingzoo(kind, env, error);
  case ENVIRONMENT_FMI: return open_fmi(kind, env, error);
  case ENVIRONMENT_BUILT_IN: return open_built_in(kind, error);
  case ENVIRONMENT_PLUGIN: break;
  }
  if (config && config->isolate)
    return open_process(kind, (const char *[]){"plugin", kind->id, kind->args, NULL}, error);
  return open_plugin(kind, error);
}

void environment_kind_close(struct environment_kind *kind) {
  plugin_close(kind->plugin);
  mujoco_close(kind->mujoco);
  process_close(kind->process);
  fmi_close(kind->fmi);
  kind->plugin = NULL;
  kind->mujoco = NULL;
  kind->process = NULL;
  kind->fmi = NULL;
  kind->abi = NULL;
}

const char *environment_kind_name(const struct environment_kind *kind) {
  const char *slash = environment_form_is_python(environment_form_of(kind->id)) ? NULL : strrchr(kind->id, '/');
  return slash ? slash + 1 : kind->id;
}
