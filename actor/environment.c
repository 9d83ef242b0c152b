#include "actor/environment.h"

#include "actor/envs/gym.h"
#include "actor/envs/mujoco.h"
#include "actor/envs/plugin.h"
#include "actor/envs/process.h"
#include "actor/envs/registry.h"
#include "common/base/action_bounds.h"
#include "common/nn/action_range.h"
#include "common/wire/message.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- kinds ----

static bool is_path(const char *id) {
  size_t length = strlen(id);
  return strchr(id, '/') || (length > 3 && strcmp(id + length - 3, ".so") == 0);
}

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

static enum status find_built_in(struct environment_kind *kind, struct error *error) {
  kind->abi = registry_find(kind->id);
  const struct mujoco_task *task = mujoco_task_find(kind->id);
  if (task) return open_mujoco(kind, task, error);
  if (kind->abi) return STATUS_OK;
  const char *suggestion = registry_suggest(kind->id);
  return error_set(error, STATUS_USAGE,
                   "no environment is called \"%s\"%s%s%s; `corsac envs` lists the built-in ones; others "
                   "are path/to/plugin.so[:args], exec:COMMAND and gym:ID",
                   kind->id, suggestion ? ": did you mean " : "", suggestion ? suggestion : "", suggestion ? "?" : "");
}

static enum status open_process(struct environment_kind *kind, const char *const *argv, struct error *error) {
  struct error own = {0};
  guest_watch();
  kind->process = process_open(argv, kind->config, &own);
  if (!kind->process) return error_set(error, own.status, "%s", own.text);
  kind->abi = &env_process;
  kind->create = process_create;
  kind->heartbeats_in_step = true;
  kind->is_guest = true;
  return STATUS_OK;
}

static enum status open_gym(struct environment_kind *kind, const char *env, struct error *error) {
  struct gym gym;
  struct error own = {0};
  if (!*kind->args)
    return error_set(error, STATUS_USAGE, "--env %s names no environment: gym:ID, such as gym:Pendulum-v1", env);
  if (gym_find(&gym, kind->config ? kind->config->python : NULL, &own) != STATUS_OK)
    return error_set(error, own.status, "%s: %s", env, own.text);
  const enum status status =
      open_process(kind, (const char *[]){"argv", gym.python, gym.script, kind->args, NULL}, error);
  snprintf(kind->id, sizeof kind->id, "%s", env); // gym: is no name
  return status;
}

// What starts another program, and so is not the simulator itself; with the version's digits behind it.
static bool is_launcher(const char *word, size_t length) {
  static const char *const launchers[] = {"python", "bash", "sh",   "env",    "exec", "nice",
                                          "julia",  "perl", "ruby", "octave", "time", "Rscript"};
  while (length > 0 && strchr("0123456789.", word[length - 1])) length--;
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
    if (strlen(launchers[i]) == length && strncmp(word, launchers[i], length) == 0) return true;
  return false;
}

void environment_name_command(const char *command, char *name, size_t size) {
  const char *last = command, *found = NULL;
  size_t found_length = 0;
  for (const char *c = command; *c; c++)
    if (*c == ';' || (*c == '&' && c[1] == '&')) last = c + (*c == ';' ? 1 : 2); // of `cd case && ./solver` the last
  for (bool launched = false; *(last += strspn(last, " \t\n\"'"));) {
    const char *word = last, *end = word + strcspn(word, " \t\n\"'");
    const bool is_aside = memchr(word, '=', (size_t)(end - word)) || (launched && *word == '-'); // VARIABLE=value, -m
    last = end;
    for (const char *c = word; c < end; c++)
      if (*c == '/') word = c + 1;
    if (is_aside || word == end) continue;
    found = word;
    found_length = (size_t)(end - word);
    if (!is_launcher(word, found_length)) break;
    launched = true;
  }
  snprintf(name, size, "%.*s", (int)found_length, found ? found : "");
  for (char *c = name; *c; c++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-", *c)) *c = '_';
  if (!*name) snprintf(name, size, "exec");
}

enum status environment_kind_open(struct environment_kind *kind, const char *env, const struct config *config,
                                  struct error *error) {
  *kind = (struct environment_kind){.config = config};
  const char *colon = strchr(env, ':');
  size_t length = colon ? (size_t)(colon - env) : strlen(env);
  const char *args = colon ? colon + 1 : "";
  if (length == 0)
    return error_set(error, STATUS_USAGE,
                     "no environment is given: --env takes a built-in name, path/to/plugin.so[:args], gym:ID or "
                     "exec:COMMAND");
  if (length >= sizeof kind->id || strlen(args) >= sizeof kind->args)
    return error_set(error, STATUS_USAGE, "--env is too long: name and arguments may have %zu characters each",
                     sizeof kind->id - 1);
  memcpy(kind->id, env, length);
  memcpy(kind->args, args, strlen(args) + 1);
  if (colon && strcmp(kind->id, "exec") == 0) {
    const enum status status = open_process(kind, (const char *[]){"exec", kind->args, NULL}, error);
    if (status == STATUS_OK) environment_name_command(args, kind->id, sizeof kind->id);
    return status;
  }
  if (colon && strcmp(kind->id, "gym") == 0) return open_gym(kind, env, error);
  if (!is_path(kind->id)) return find_built_in(kind, error);
  if (config && config->isolate)
    return open_process(kind, (const char *[]){"plugin", kind->id, kind->args, NULL}, error);
  struct error own = {0}; // the status is needed even where the caller wants no message
  guest_watch();
  kind->plugin = plugin_open(kind->id, &own);
  if (!kind->plugin) return error_set(error, own.status, "%s", own.text);
  kind->abi = &kind->plugin->abi;
  kind->is_guest = true;
  return STATUS_OK;
}

void environment_kind_close(struct environment_kind *kind) {
  plugin_close(kind->plugin);
  mujoco_close(kind->mujoco);
  process_close(kind->process);
  kind->plugin = NULL;
  kind->mujoco = NULL;
  kind->process = NULL;
  kind->abi = NULL;
}

const char *environment_kind_name(const struct environment_kind *kind) {
  const char *slash = strncmp(kind->id, "gym:", 4) == 0 ? NULL : strrchr(kind->id, '/');
  return slash ? slash + 1 : kind->id;
}

// ---- one instance ----

// "NAME: environment 3 (training): ..."
__attribute__((format(printf, 4, 5))) static enum status fail(const struct environment *environment, enum status status,
                                                              struct error *error, const char *format, ...) {
  char text[768];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_set(error, status, "%s: environment %llu (%s): %s", environment_kind_name(environment->kind),
                   (unsigned long long)environment->guest.index,
                   environment->guest.evaluation ? "evaluation" : "training", text);
}

static void enter(const struct environment *environment, enum guest_function function) {
  if (environment->kind->is_guest) guest_enter(&environment->guest, function);
}

static void leave(const struct environment *environment, enum guest_function function) {
  if (environment->kind->is_guest) guest_leave(function);
}

// The call returned a negative number: with the environment's own reason where it has one.
static enum status call_failed(const struct environment *environment, const char *call, int result,
                               struct error *error) {
  const struct corsac_env *abi = environment->kind->abi;
  enter(environment, GUEST_ERROR);
  const char *reason = abi->error ? abi->error(environment->self) : NULL;
  leave(environment, GUEST_ERROR);
  if (reason && *reason) return fail(environment, STATUS_FAILED, error, "%s failed: %s", call, reason);
  return fail(environment, STATUS_FAILED, error, "%s failed: it returned %d and gave no reason", call, result);
}

static enum status check_spec(const struct environment *environment, const struct corsac_env_spec *spec,
                              struct error *error) {
  if (spec->obs_dim == 0 || spec->obs_dim > WIRE_MAX_DIM)
    return fail(environment, STATUS_FAILED, error, "create set obs_dim to %u; it has to be 1 to %d", spec->obs_dim,
                WIRE_MAX_DIM);
  if (spec->act_dim == 0 || spec->act_dim > WIRE_MAX_DIM)
    return fail(environment, STATUS_FAILED, error, "create set act_dim to %u; it has to be 1 to %d", spec->act_dim,
                WIRE_MAX_DIM);
  if (!spec->action_low || !spec->action_high)
    return fail(environment, STATUS_FAILED, error, "create set no %s", spec->action_low ? "action_high" : "action_low");
  for (uint32_t i = 0; i < spec->act_dim; i++) {
    double low = spec->action_low[i], high = spec->action_high[i];
    if (!action_bounds_are_good(low, high))
      return fail(environment, STATUS_FAILED, error,
                  "create set the bounds of action component %u to [%g, %g]; " ACTION_BOUNDS_RULE, i, low, high);
  }
  return STATUS_OK;
}

static bool is_word(const char *name) {
  const size_t length = name ? strlen(name) : 0;
  return length > 0 && length < WIRE_INFO_NAME && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static enum status check_info(const struct environment *environment, const struct corsac_env_spec *spec,
                              struct error *error) {
  if (spec->info_dim == 0) return STATUS_OK;
  if (spec->info_dim > WIRE_INFO || !spec->info_names || !environment->kind->abi->info)
    return fail(environment, STATUS_FAILED, error,
                "create set info_dim to %u: it may be up to %d, and needs info_names and the function info",
                spec->info_dim, WIRE_INFO);
  for (uint32_t i = 0; i < spec->info_dim; i++) {
    if (!is_word(spec->info_names[i]))
      return fail(environment, STATUS_FAILED, error,
                  "create named value %u of info \"%.40s\": a name has 1 to %d of a-z, 0-9 and _", i,
                  spec->info_names[i] ? spec->info_names[i] : "", WIRE_INFO_NAME - 1);
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(spec->info_names[i], spec->info_names[k]) == 0)
        return fail(environment, STATUS_FAILED, error, "create named two values of info \"%s\"", spec->info_names[i]);
  }
  return STATUS_OK;
}

enum status environment_create(struct environment *environment, const struct environment_kind *kind, uint64_t index,
                               bool evaluation, struct error *error) {
  *environment = (struct environment){
      .kind = kind, .guest = {.name = environment_kind_name(kind), .index = index, .evaluation = evaluation}};
  struct corsac_env_config config = {
      .size = sizeof config, .id = kind->id, .args = kind->args, .index = index, .evaluation = evaluation, .comm = -1};
  struct corsac_env_spec spec = {.size = sizeof spec};
  char reason[512] = "";
  enter(environment, GUEST_CREATE);
  void *self = kind->create ? kind->create(kind, &config, &spec, reason, sizeof reason)
                            : kind->abi->create(&config, &spec, reason, sizeof reason);
  leave(environment, GUEST_CREATE);
  reason[sizeof reason - 1] = '\0';
  if (!self)
    return fail(environment, STATUS_FAILED, error, "create failed: %s",
                *reason ? reason : "it returned NULL and gave no reason");
  environment->self = self;
  enum status status = check_spec(environment, &spec, error);
  if (status == STATUS_OK) status = check_info(environment, &spec, error);
  if (status == STATUS_OK) {
    environment->scaled = memory_alloc(spec.act_dim, sizeof(float), "an environment's action", error);
    if (!environment->scaled) status = STATUS_MEMORY;
  }
  if (status != STATUS_OK) {
    environment_destroy(environment);
    return status;
  }
  environment->obs_dim = spec.obs_dim;
  environment->act_dim = spec.act_dim;
  environment->max_episode_steps = spec.max_episode_steps;
  environment->info_dim = spec.info_dim;
  environment->info_names = spec.info_names;
  environment->action_low = spec.action_low;
  environment->action_high = spec.action_high;
  return STATUS_OK;
}

void environment_destroy(struct environment *environment) {
  if (environment->self) {
    enter(environment, GUEST_DESTROY);
    environment->kind->abi->destroy(environment->self);
    leave(environment, GUEST_DESTROY);
  }
  memory_free(environment->scaled);
  *environment = (struct environment){0};
}

static enum status check_obs(const struct environment *environment, const char *call, const float *obs,
                             struct error *error) {
  for (uint32_t i = 0; i < environment->obs_dim; i++)
    if (!isfinite(obs[i]))
      return fail(environment, STATUS_FAILED, error,
                  "%s returned an observation that is not finite: component %u is %g", call, i, (double)obs[i]);
  return STATUS_OK;
}

static bool is_good(const struct environment *environment, int result, const float *obs, double reward) {
  float zero = 0 * (float)reward; // NaN as soon as anything is not finite
  for (uint32_t i = 0; i < environment->obs_dim; i++) zero += 0 * obs[i];
  return zero == 0 && !(result & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED));
}

// Words cost more than a cheap environment's step, so they are found for what is wrong only.
enum status environment_reset(struct environment *environment, uint64_t seed, float *obs, struct error *error) {
  environment->guest.step = 0;
  enter(environment, GUEST_RESET);
  const int result = environment->kind->abi->reset(environment->self, seed, obs);
  leave(environment, GUEST_RESET);
  if (is_good(environment, result < 0 ? result : 0, obs, 0)) return STATUS_OK;
  char call[64];
  snprintf(call, sizeof call, "reset with seed %llu", (unsigned long long)seed);
  return result < 0 ? call_failed(environment, call, result, error) : check_obs(environment, call, obs, error);
}

static enum status scale_action(struct environment *environment, const float *action, struct error *error) {
  for (uint32_t i = 0; i < environment->act_dim; i++) {
    environment->scaled[i] = action_scaled(action[i], environment->action_low[i], environment->action_high[i]);
    if (!isfinite(action[i]))
      return fail(environment, STATUS_PEER, error, "step %llu: the policy's action is not finite: component %u is %g",
                  (unsigned long long)environment->guest.step, i, (double)action[i]);
  }
  return STATUS_OK;
}

static enum status refuse_step(const struct environment *environment, int result, const float *obs, double reward,
                               struct error *error) {
  char call[64];
  snprintf(call, sizeof call, "step %llu of the episode", (unsigned long long)environment->guest.step);
  if (result < 0) return call_failed(environment, call, result, error);
  if (result & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED))
    return fail(environment, STATUS_FAILED, error,
                "%s returned flags %d; known are CORSAC_TERMINATED (%d) and CORSAC_TRUNCATED (%d)", call, result,
                CORSAC_TERMINATED, CORSAC_TRUNCATED);
  if (!isfinite(reward) || !isfinite((float)reward)) // replay holds floats
    return fail(environment, STATUS_FAILED, error, "%s returned a reward that is not a finite float: %g", call, reward);
  return check_obs(environment, call, obs, error);
}

enum status environment_step(struct environment *environment, const float *action, float *obs, double *reward,
                             int *flags, struct error *error) {
  environment->guest.step++;
  enum status status = scale_action(environment, action, error);
  if (status != STATUS_OK) return status;
  *reward = 0;
  enter(environment, GUEST_STEP);
  *flags = environment->kind->abi->step(environment->self, environment->scaled, obs, reward);
  leave(environment, GUEST_STEP);
  if (is_good(environment, *flags, obs, *reward)) return STATUS_OK;
  return refuse_step(environment, *flags, obs, *reward, error);
}

bool environment_can_overlap(const struct environment *environment) { return environment->kind->abi->step_begin; }

enum status environment_step_begin(struct environment *environment, const float *action, struct error *error) {
  environment->guest.step++;
  enum status status = scale_action(environment, action, error);
  if (status != STATUS_OK) return status;
  enter(environment, GUEST_STEP_BEGIN);
  int result = environment->kind->abi->step_begin(environment->self, environment->scaled);
  leave(environment, GUEST_STEP_BEGIN);
  if (result >= 0) return STATUS_OK;
  char call[64];
  snprintf(call, sizeof call, "step %llu of the episode", (unsigned long long)environment->guest.step);
  return call_failed(environment, call, result, error);
}

enum status environment_step_end(struct environment *environment, float *obs, double *reward, int *flags,
                                 struct error *error) {
  *reward = 0;
  enter(environment, GUEST_STEP_END);
  *flags = environment->kind->abi->step_end(environment->self, obs, reward);
  leave(environment, GUEST_STEP_END);
  if (is_good(environment, *flags, obs, *reward)) return STATUS_OK;
  return refuse_step(environment, *flags, obs, *reward, error);
}

void environment_info(const struct environment *environment, double *values) {
  for (uint32_t i = 0; i < environment->info_dim; i++) values[i] = NAN; // what is not written is left out
  enter(environment, GUEST_INFO);
  environment->kind->abi->info(environment->self, values);
  leave(environment, GUEST_INFO);
}

// ---- state ----

bool environment_can_save(const struct environment *environment) {
  return environment->kind->abi->save && environment->kind->abi->load;
}

// A save that breaks its rules costs the exact resume, not the environment.
__attribute__((format(printf, 2, 3))) static enum status cannot_save(struct environment *environment,
                                                                     const char *format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  struct error why = {0};
  fail(environment, STATUS_FAILED, &why, "%s: a resume begins a new episode, as its running one cannot be saved", text);
  snprintf(environment->unsaved, sizeof environment->unsaved, "%.*s", (int)sizeof environment->unsaved - 1, why.text);
  return STATUS_OK;
}

enum status environment_save(struct environment *environment, struct buffer *state, bool *saved, struct error *error) {
  const struct corsac_env *abi = environment->kind->abi;
  struct error no_memory = {0};
  int64_t need = 0;
  (void)error;
  *saved = false;
  state->size = 0;
  if (!environment_can_save(environment)) return STATUS_OK;
  for (int attempt = 0; attempt < 2; attempt++) { // the first may only learn the size
    enter(environment, GUEST_SAVE);
    need = abi->save(environment->self, state->data, state->capacity);
    leave(environment, GUEST_SAVE);
    if (need == 0) return STATUS_OK;
    if (need < 0) {
      enter(environment, GUEST_ERROR);
      const char *reason = abi->error ? abi->error(environment->self) : NULL;
      leave(environment, GUEST_ERROR);
      return cannot_save(environment, "save returned %lld%s%.250s", (long long)need, reason && *reason ? ": " : "",
                         reason ? reason : "");
    }
    if ((uint64_t)need <= state->capacity) {
      state->size = (size_t)need;
      *saved = true;
      return STATUS_OK;
    }
    if ((uint64_t)need > WIRE_MAX_MESSAGE / 2)
      return cannot_save(environment, "save wants %lld bytes; a state may have %zu", (long long)need,
                         WIRE_MAX_MESSAGE / 2);
    if (attempt == 0 && buffer_reserve(state, (size_t)need, &no_memory) != STATUS_OK)
      return cannot_save(environment, "save wants %lld bytes: %.250s", (long long)need, no_memory.text);
  }
  return cannot_save(environment, "save asked for more bytes each time that it was called, now %lld", (long long)need);
}

enum status environment_load(struct environment *environment, const void *state, size_t size, struct error *error) {
  if (!environment_can_save(environment))
    return fail(environment, STATUS_MISMATCH, error, "there is a saved state of %zu bytes, but it has no load", size);
  enter(environment, GUEST_LOAD);
  int result = environment->kind->abi->load(environment->self, state, size);
  leave(environment, GUEST_LOAD);
  if (result < 0) {
    char call[64];
    snprintf(call, sizeof call, "load of %zu bytes", size);
    return call_failed(environment, call, result, error);
  }
  environment->guest.step = 0;
  return STATUS_OK;
}
