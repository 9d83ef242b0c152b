#include "actor/environment_impl.h"

#include "common/base/plural.h"
#include "common/config/cases.h"
#include "common/nn/action_range.h"
#include "common/wire/message.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- messages ---

enum status environment_fail(const struct environment *environment, enum status status, struct error *error,
                             const char *format, ...) {
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

// For a call that returned a negative number. The message has the environment's own reason, if it gives one.
static enum status call_failed(const struct environment *environment, const char *call, int result,
                               struct error *error) {
  const struct corsac_env *abi = environment->kind->abi;
  enter(environment, GUEST_ERROR);
  const char *reason = abi->error ? abi->error(environment->self) : NULL;
  leave(environment, GUEST_ERROR);
  if (reason && *reason) return environment_fail(environment, STATUS_FAILED, error, "%s failed: %s", call, reason);
  return environment_fail(environment, STATUS_FAILED, error, "%s failed: it returned %d and gave no reason", call,
                          result);
}

// --- create ---

static bool has_cases(const struct environment_kind *kind) { return kind->config && cases_are_given(kind->config); }

// The args of an instance: those of --env, and the case that is its own. A child process gets its case from
// process_create.
static const char *find_args(struct environment *environment, char joined[CASES_ARGS]) {
  const struct environment_kind *kind = environment->kind;
  const struct guest *guest = &environment->guest;
  char line[CASES_LINE];
  if (!has_cases(kind) || cases_per_episode(kind->config)) return kind->args;
  environment->case_index = cases_find(kind->config, guest->evaluation, guest->index, guest->episode);
  if (kind->process) return kind->args;
  cases_line(kind->config, environment->case_index, line);
  cases_join(kind->args, line, joined);
  return joined;
}

bool environment_fits(const struct environment *environment, bool evaluation, uint64_t episode) {
  const struct config *config = environment->kind->config;
  return !has_cases(environment->kind) || cases_per_episode(config) ||
         cases_find(config, evaluation, environment->guest.index, episode) == environment->case_index;
}

enum status environment_create(struct environment *environment, const struct environment_kind *kind, uint64_t index,
                               bool evaluation, struct error *error) {
  const struct guest guest = {.index = index, .evaluation = evaluation};
  enum status status = environment_create_for(environment, kind, &guest, 0, error);
  if (status != STATUS_OK || environment->agents == 1) return status;
  status = environment_fail(environment, STATUS_USAGE, error,
                            "it has %u agents, and this command is for environments of one", environment->agents);
  environment_destroy(environment);
  return status;
}

// What the instance is told.
static struct corsac_env_config describe(const struct environment_kind *kind, const struct guest *guest,
                                         uint64_t env_steps) {
  return (struct corsac_env_config){.size = sizeof(struct corsac_env_config),
                                    .id = kind->id,
                                    .args = kind->args,
                                    .index = guest->index,
                                    .evaluation = guest->evaluation,
                                    .comm = -1,
                                    .episode = guest->episode,
                                    .env_steps = env_steps};
}

void environment_create_begin(const struct environment_kind *kind, const struct guest *guest, uint64_t env_steps) {
  if (!kind->create_begin) return;
  struct environment environment = {.kind = kind, .guest = *guest};
  environment.guest.name = environment_kind_name(kind);
  const struct corsac_env_config config = describe(kind, guest, env_steps);
  enter(&environment, GUEST_CREATE);
  kind->create_begin(kind, &config);
  leave(&environment, GUEST_CREATE);
}

void environment_create_abandon(const struct environment_kind *kind) {
  if (kind->create_abandon) kind->create_abandon(kind);
}

enum status environment_create_for(struct environment *environment, const struct environment_kind *kind,
                                   const struct guest *guest, uint64_t env_steps, struct error *error) {
  *environment = (struct environment){.kind = kind, .guest = *guest, .env_steps = env_steps};
  environment->guest.name = environment_kind_name(kind);
  environment->guest.is_outside = kind->create_begin != NULL;
  char joined[CASES_ARGS];
  struct corsac_env_config config = describe(kind, guest, env_steps);
  config.args = find_args(environment, joined);
  struct corsac_env_spec spec = {.size = sizeof spec};
  char reason[512] = "";
  enter(environment, GUEST_CREATE);
  void *self = kind->create ? kind->create(kind, &config, &spec, reason, sizeof reason)
                            : kind->abi->create(&config, &spec, reason, sizeof reason);
  leave(environment, GUEST_CREATE);
  reason[sizeof reason - 1] = '\0';
  if (!self)
    return environment_fail(environment, STATUS_FAILED, error, "create failed: %s",
                            *reason ? reason : "it returned NULL and gave no reason");
  environment->self = self;
  const enum status status = environment_take_spec(environment, &spec, error);
  if (status != STATUS_OK) environment_destroy(environment);
  return status;
}

void environment_destroy_begin(struct environment *environment) {
  if (!environment->self || !environment->kind->destroy_begin) return;
  enter(environment, GUEST_DESTROY);
  environment->kind->destroy_begin(environment->self);
  leave(environment, GUEST_DESTROY);
}

void environment_destroy(struct environment *environment) {
  if (environment->self) {
    enter(environment, GUEST_DESTROY);
    environment->kind->abi->destroy(environment->self);
    leave(environment, GUEST_DESTROY);
  }
  environment_agents_release(environment);
  memory_free(environment->scaled);
  memory_free(environment->bounds);
  *environment = (struct environment){0};
}

// --- episodes ---

static enum status check_obs(const struct environment *environment, const char *call, const float *obs,
                             struct error *error) {
  for (uint32_t i = 0; i < environment->obs_dim; i++)
    if (!isfinite(obs[i]))
      return environment_fail(environment, STATUS_FAILED, error,
                              "%s returned an observation that is not finite: component %u is %g", call, i,
                              (double)obs[i]);
  return STATUS_OK;
}

// A cheap environment's step takes less time than finding the words for a message. So this looks whether anything is
// wrong, and only then check_obs or refuse_step finds what.
static bool is_good(const struct environment *environment, int result, const float *obs, double reward) {
  float zero = 0 * (float)reward; // 0 times a number that is not finite is NaN
  for (uint32_t i = 0; i < environment->obs_dim; i++) zero += 0 * obs[i];
  return zero == 0 && !(result & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED));
}

// What an environment returns with numbers that the host refuses is a failure that its own code does not know of.
static void tell_refused(const struct environment *environment) {
  if (environment->kind->refused) environment->kind->refused(environment->self);
}

static enum status take_reset(struct environment *environment, uint64_t seed, int result, float *obs,
                              struct error *error) {
  const bool several = environment->agents > 1;
  if (!several && is_good(environment, result < 0 ? result : 0, obs, 0)) return STATUS_OK;
  char call[64];
  snprintf(call, sizeof call, "reset with seed %llu", (unsigned long long)seed);
  if (result < 0) return call_failed(environment, call, result, error);
  const enum status status =
      several ? environment_agents_take_reset(environment, call, obs, error) : check_obs(environment, call, obs, error);
  if (status != STATUS_OK) tell_refused(environment);
  return status;
}

// Within the guarded call: an instance of several agents says who of them is there.
static void ask_agents(struct environment *environment, int result) {
  if (environment->agents > 1 && result >= 0) environment_agents_ask(environment);
}

// Tells the instance the case of its episode, if there are cases and it wants to know.
static enum status set_case(struct environment *environment, struct error *error) {
  const struct environment_kind *kind = environment->kind;
  const struct guest *guest = &environment->guest;
  if (!has_cases(kind) || !kind->abi->set_case) return STATUS_OK;
  char line[CASES_LINE], call[CASES_NAME + 24];
  const uint32_t index = cases_find(kind->config, guest->evaluation, guest->index, guest->episode);
  cases_line(kind->config, index, line);
  enter(environment, GUEST_PROGRESS);
  const int result = kind->abi->set_case(environment->self, line);
  leave(environment, GUEST_PROGRESS);
  if (result >= 0) return STATUS_OK;
  snprintf(call, sizeof call, "set_case to %.*s", (int)strcspn(line, " "), line);
  return call_failed(environment, call, result, error);
}

// Prepares a reset, whether it is made whole or in halves.
static enum status prepare_reset(struct environment *environment, struct error *error) {
  const struct corsac_env *abi = environment->kind->abi;
  environment->guest.step = environment->frames_left = 0;
  if (abi->progress) {
    enter(environment, GUEST_PROGRESS);
    abi->progress(environment->self, environment->guest.episode, environment->env_steps);
    leave(environment, GUEST_PROGRESS);
  }
  return set_case(environment, error);
}

enum status environment_reset(struct environment *environment, uint64_t seed, float *obs, struct error *error) {
  const enum status status = prepare_reset(environment, error);
  if (status != STATUS_OK) return status;
  enter(environment, GUEST_RESET);
  const int result = environment->kind->abi->reset(environment->self, seed, obs);
  ask_agents(environment, result);
  leave(environment, GUEST_RESET);
  return take_reset(environment, seed, result, obs, error);
}

enum status environment_reset_begin(struct environment *environment, uint64_t seed, struct error *error) {
  const enum status status = prepare_reset(environment, error);
  if (status != STATUS_OK) return status;
  enter(environment, GUEST_RESET_BEGIN);
  const int result = environment->kind->abi->reset_begin(environment->self, seed);
  leave(environment, GUEST_RESET_BEGIN);
  if (result >= 0) return STATUS_OK;
  char call[64];
  snprintf(call, sizeof call, "reset with seed %llu", (unsigned long long)seed);
  return call_failed(environment, call, result, error);
}

enum status environment_reset_end(struct environment *environment, uint64_t seed, float *obs, struct error *error) {
  enter(environment, GUEST_RESET_END);
  const int result = environment->kind->abi->reset_end(environment->self, obs);
  ask_agents(environment, result);
  leave(environment, GUEST_RESET_END);
  return take_reset(environment, seed, result, obs, error);
}

// A step that failed, or whose flags are not known.
static enum status refuse_flags(const struct environment *environment, const char *call, int result,
                                struct error *error) {
  if (result < 0) return call_failed(environment, call, result, error);
  tell_refused(environment);
  return environment_fail(environment, STATUS_FAILED, error,
                          "%s returned flags %d; known are CORSAC_TERMINATED (%d) and CORSAC_TRUNCATED (%d)", call,
                          result, CORSAC_TERMINATED, CORSAC_TRUNCATED);
}

static enum status scale_one(struct environment *environment, const float *action, float *scaled, struct error *error) {
  for (uint32_t i = 0; i < environment->act_dim; i++) {
    scaled[i] = action_scaled(action[i], environment->action_low[i], environment->action_high[i]);
    if (!isfinite(action[i]))
      return environment_fail(environment, STATUS_PEER, error,
                              "step %llu: the policy's action is not finite: component %u is %g",
                              (unsigned long long)environment->guest.step, i, (double)action[i]);
  }
  return STATUS_OK;
}

static enum status scale_action(struct environment *environment, const float *action, struct error *error) {
  if (environment->agents == 1) return scale_one(environment, action, environment->scaled, error);
  const size_t dim = environment->act_dim;
  enum status status = STATUS_OK;
  environment_agents_begin(environment);
  for (uint32_t j = 0; j < environment->agents && status == STATUS_OK; j++)
    status = scale_one(environment, action + j * dim, environment->scaled + j * dim, error);
  return status;
}

// What one step of an instance of several agents gave.
static enum status take_agents_frame(struct environment *environment, float *obs, double *reward, int flags,
                                     struct error *error) {
  const int unknown = flags & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED);
  char call[64];
  bool changed = false;
  snprintf(call, sizeof call, "step %llu of the episode", (unsigned long long)environment->guest.step);
  const enum status status =
      unknown ? STATUS_FAILED : environment_agents_take_frame(environment, call, obs, reward, &changed, error);
  environment->frames_left = status != STATUS_OK || flags || changed ? 0 : environment->frames_left - 1;
  if (unknown) return refuse_flags(environment, call, flags, error);
  if (status != STATUS_OK) tell_refused(environment);
  return status;
}

static enum status refuse_step(const struct environment *environment, int result, const float *obs, double reward,
                               struct error *error) {
  char call[64];
  snprintf(call, sizeof call, "step %llu of the episode", (unsigned long long)environment->guest.step);
  if (result & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED)) return refuse_flags(environment, call, result, error);
  tell_refused(environment);
  if (!isfinite(reward) || !isfinite((float)reward)) // replay stores floats
    return environment_fail(environment, STATUS_FAILED, error, "%s returned a reward that is not a finite float: %g",
                            call, reward);
  return check_obs(environment, call, obs, error);
}

// Checks what one step of the environment gave, and adds its reward to the sum.
static enum status take_frame(struct environment *environment, float *obs, double frame_reward, double *reward,
                              int flags, struct error *error) {
  if (environment->agents > 1) return take_agents_frame(environment, obs, reward, flags, error);
  *reward = environment->frames_left == environment->frame_skip ? frame_reward : *reward + frame_reward;
  environment->frames_left = flags ? 0 : environment->frames_left - 1;
  if (is_good(environment, flags, obs, *reward)) return STATUS_OK;
  environment->frames_left = 0;
  return refuse_step(environment, flags, obs, *reward, error);
}

// Where the rewards of one step go.
static double *frame_rewards(const struct environment *environment, double *single) {
  if (environment->agents == 1) return single;
  memset(environment->frame_reward, 0, environment->agents * sizeof *environment->frame_reward);
  return environment->frame_reward;
}

enum status environment_step(struct environment *environment, const float *action, float *obs, double *reward,
                             int *flags, struct error *error) {
  environment->guest.step++;
  enum status status = scale_action(environment, action, error);
  if (status != STATUS_OK) return status;
  environment->frames_left = environment->frame_skip;
  do {
    double frame_reward = 0;
    enter(environment, GUEST_STEP);
    *flags = environment->kind->abi->step(environment->self, environment->scaled, obs,
                                          frame_rewards(environment, &frame_reward));
    ask_agents(environment, *flags);
    leave(environment, GUEST_STEP);
    status = take_frame(environment, obs, frame_reward, reward, *flags, error);
  } while (status == STATUS_OK && environment_step_goes_on(environment));
  return status;
}

enum status environment_step_begin(struct environment *environment, const float *action, struct error *error) {
  if (!environment_step_goes_on(environment)) {
    environment->guest.step++;
    const enum status status = scale_action(environment, action, error);
    if (status != STATUS_OK) return status;
    environment->frames_left = environment->frame_skip;
  }
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
  double frame_reward = 0;
  enter(environment, GUEST_STEP_END);
  *flags = environment->kind->abi->step_end(environment->self, obs, frame_rewards(environment, &frame_reward));
  ask_agents(environment, *flags);
  leave(environment, GUEST_STEP_END);
  return take_frame(environment, obs, frame_reward, reward, *flags, error);
}

void environment_info(const struct environment *environment, double *values) {
  for (uint32_t i = 0; i < environment->info_dim; i++) values[i] = NAN; // a value that is not written is left out
  enter(environment, GUEST_INFO);
  environment->kind->abi->info(environment->self, values);
  leave(environment, GUEST_INFO);
}

// --- state ---

bool environment_can_save(const struct environment *environment) {
  return environment->kind->abi->save && environment->kind->abi->load;
}

// A save that breaks the rules costs the exact resume, not the environment.
__attribute__((format(printf, 2, 3))) static bool cannot_save(struct environment *environment, const char *format,
                                                              ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  struct error why = {0};
  environment_fail(environment, STATUS_FAILED, &why,
                   "%s: its running episode cannot be saved, so a resume begins a new one", text);
  snprintf(environment->unsaved, sizeof environment->unsaved, "%.*s", (int)sizeof environment->unsaved - 1, why.text);
  return false;
}

static bool save_failed(struct environment *environment, int64_t result) {
  const struct corsac_env *abi = environment->kind->abi;
  enter(environment, GUEST_ERROR);
  const char *reason = abi->error ? abi->error(environment->self) : NULL;
  leave(environment, GUEST_ERROR);
  return cannot_save(environment, "save returned %lld%s%.250s", (long long)result, reason && *reason ? ": " : "",
                     reason ? reason : "");
}

bool environment_save(struct environment *environment, struct buffer *state) {
  struct error no_memory = {0};
  int64_t need = 0;
  state->size = 0;
  if (!environment_can_save(environment)) return false;
  for (int attempt = 0; attempt < 2; attempt++) { // the first attempt may only tell the size
    enter(environment, GUEST_SAVE);
    need = environment->kind->abi->save(environment->self, state->data, state->capacity);
    leave(environment, GUEST_SAVE);
    if (need == 0) return false;
    if (need < 0) return save_failed(environment, need);
    if ((uint64_t)need <= state->capacity) {
      state->size = (size_t)need;
      return true;
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
    return environment_fail(environment, STATUS_MISMATCH, error,
                            "there is a saved state of %zu byte%s, but it has no load", size, plural(size));
  const enum status status = set_case(environment, error);
  if (status != STATUS_OK) return status;
  enter(environment, GUEST_LOAD);
  int result = environment->kind->abi->load(environment->self, state, size);
  leave(environment, GUEST_LOAD);
  if (result < 0) {
    char call[64];
    snprintf(call, sizeof call, "load of %zu byte%s", size, plural(size));
    return call_failed(environment, call, result, error);
  }
  environment->guest.step = environment->frames_left = 0;
  return STATUS_OK;
}
