// The calls of check-env. Before a call its buffers are filled with a pattern and guarded on both sides; after it the
// results are judged.
#include "actor/action_limits.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "common/base/random.h"
#include "common/config/cases.h"
#include "common/wire/message.h"
#include "launch/environments/check_env_probe.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GUARD = PROBE_GUARD, REASON = 512 };
// A NaN that no computation gives: a value that still has these bits was not written.
static const uint32_t POISON = 0x7fa5c0de;

void check_note(struct check *check, enum rule rule, enum verdict verdict, const char *format, ...) {
  struct finding *finding = &check->findings[rule];
  if (verdict < finding->verdict) return;
  if (verdict == finding->verdict && finding->text[0]) {
    finding->more++;
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(finding->text, sizeof finding->text, format, arguments);
  va_end(arguments);
  finding->verdict = verdict;
  finding->more = 0;
}

void probe_begin_call(struct probe *probe, enum guest_function function, const char *name) {
  struct check *check = probe->check;
  if (probe->step > 0)
    snprintf(check->call, sizeof check->call, "%s, step %" PRIu64 " of episode %" PRIu64, name, probe->step,
             probe->episode);
  else
    snprintf(check->call, sizeof check->call, "%s (episode %" PRIu64 ")", name, probe->episode);
  check->calls++;
  check->inside = true;
  probe->guest.episode = probe->episode;
  probe->guest.step = probe->step;
  probe->function = function;
  guest_enter(&probe->guest, function);
}

void check_note_changes(struct check *check) {
  const unsigned changes = guest_changes();
  for (unsigned i = 0; changes && i < GUEST_CHANGES; i++) {
    const struct guest_change_text *text = guest_change_text(i);
    if (changes & 1u << i)
      check_note(check, RULE_CHANGES + i, WARNING, "%s changed %s, which corsac %s: otherwise %s", check->call,
                 text->what, text->is_kept ? "works around" : "sets back after the call", text->breaks);
  }
  guest_forget_changes();
}

void probe_end_call(struct probe *probe) {
  guest_leave(probe->function);
  probe->check->inside = false;
  probe->check->calls++;
  check_note_changes(probe->check);
}

static void fill(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) memcpy(values + i, &POISON, sizeof POISON);
}

bool probe_is_poison(const float *value) { return memcmp(value, &POISON, sizeof POISON) == 0; }

static bool guards_hold(const float *guarded, size_t count) {
  for (size_t i = 0; i < GUARD; i++)
    if (!probe_is_poison(guarded + i) || !probe_is_poison(guarded + GUARD + count + i)) return false;
  return true;
}

// --- create and destroy ---

// Takes the bounds as the host does, with the options action_low and action_high.
static bool bounds_are_right(struct probe *probe, const struct corsac_env_spec *spec) {
  struct check *check = probe->check;
  struct error why = {0};
  if (!spec->action_low || !spec->action_high) {
    check_note(check, RULE_SPEC, BROKEN, "create set no %s: it has to point to %u doubles, valid until destroy",
               spec->action_low ? "action_high" : "action_low", spec->act_dim);
    return false;
  }
  probe->bounds = memory_alloc(2 * (size_t)spec->act_dim, sizeof(double), "the bounds of actions", &why);
  if (probe->bounds &&
      action_limits_find(probe->kind->config, spec, probe->bounds, probe->bounds + spec->act_dim, &why) == STATUS_OK)
    return true;
  check_note(check, RULE_SPEC, BROKEN, "%s", why.text);
  return false;
}

static bool is_info_name(const char *name) {
  static const char *const letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  const size_t length = name ? strlen(name) : 0;
  return length > 0 && length < WIRE_INFO_NAME && strspn(name, letters) == length;
}

// Whether the named values can be asked for.
static bool info_is_right(struct probe *probe, const struct corsac_env_spec *spec) {
  struct check *check = probe->check;
  if (spec->info_dim == 0) {
    if (probe->kind->plugin && probe->kind->abi->info)
      check_note(check, RULE_INFO, WARNING,
                 "it has the member info, but create set no info_dim: no values are asked for");
    return true;
  }
  if (spec->info_dim > CORSAC_MAX_INFO || !spec->info_names || !probe->kind->abi->info) {
    check_note(check, RULE_INFO, BROKEN,
               "create set info_dim to %u; it may be up to %d, and needs info_names and the "
               "member info",
               spec->info_dim, CORSAC_MAX_INFO);
    return false;
  }
  for (uint32_t i = 0; spec->info_rules && i < spec->info_dim; i++) {
    if (spec->info_rules[i] <= CORSAC_INFO_MAX) continue;
    check_note(check, RULE_INFO, BROKEN,
               "the rule of value %u is %d; known are CORSAC_INFO_MEAN (0), CORSAC_INFO_LAST (1) and CORSAC_INFO_MAX "
               "(2)",
               i, spec->info_rules[i]);
    return false;
  }
  for (uint32_t i = 0; i < spec->info_dim; i++) {
    const char *name = spec->info_names[i];
    uint32_t k = 0;
    while (k < i && is_info_name(name) && strcmp(name, spec->info_names[k]) != 0) k++;
    if (k == i && is_info_name(name)) continue;
    check_note(check, RULE_INFO, BROKEN,
               "the name of value %u is \"%.40s\"; it has to differ from the others and have 1 to "
               "%d characters of a-z, 0-9 and _",
               i, name ? name : "", WIRE_INFO_NAME - 1);
    return false;
  }
  return true;
}

static bool spec_is_right(struct probe *probe, const struct corsac_env_spec *spec) {
  struct check *check = probe->check;
  const struct {
    const char *name;
    uint32_t value;
  } dims[] = {{"obs_dim", spec->obs_dim}, {"act_dim", spec->act_dim}};
  for (size_t i = 0; i < 2; i++)
    if (dims[i].value == 0 || dims[i].value > WIRE_MAX_DIM) {
      check_note(check, RULE_SPEC, BROKEN, "create set %s to %u; it has to be 1 to %d", dims[i].name, dims[i].value,
                 WIRE_MAX_DIM);
      return false;
    }
  if (!bounds_are_right(probe, spec) || !info_is_right(probe, spec)) return false;
  if (spec->agents > 1)
    check_note(check, RULE_SPEC, GOOD, "obs_dim %u, act_dim %u of each of %u agents, bounds finite and low < high",
               spec->obs_dim, spec->act_dim, spec->agents);
  check_note(check, RULE_SPEC, GOOD, "obs_dim %u, act_dim %u, bounds finite and low < high", spec->obs_dim,
             spec->act_dim);
  return true;
}

static uint32_t count_cases(const struct environment_kind *kind) {
  return kind->config ? cases_count(kind->config) : 0;
}

// The args of an instance, as actor/environment.c finds them.
static const char *find_args(const struct probe *probe, char joined[CASES_ARGS]) {
  const struct environment_kind *kind = probe->kind;
  char line[CASES_LINE];
  if (count_cases(kind) == 0 || cases_per_episode(kind->config) || kind->process) return kind->args;
  cases_line(kind->config, probe->case_index, line);
  cases_join(kind->args, line, joined);
  return joined;
}

static bool call_create(struct probe *probe, uint64_t index, struct corsac_env_spec *spec) {
  char joined[CASES_ARGS];
  struct {
    struct corsac_env_spec spec;
    unsigned char guard[GUARD];
  } guarded = {.spec = {.size = sizeof *spec}};
  const struct corsac_env_config config = {
      .size = sizeof config, .id = probe->kind->id, .args = find_args(probe, joined), .index = index, .comm = -1};
  char reason[REASON + GUARD] = "";
  memset(guarded.guard, 0xa5, GUARD);
  memset(reason + REASON, 0x5a, GUARD);
  probe_begin_call(probe, GUEST_CREATE, "create");
  probe->self = probe->kind->create ? probe->kind->create(probe->kind, &config, &guarded.spec, reason, REASON)
                                    : probe->kind->abi->create(&config, &guarded.spec, reason, REASON);
  probe_end_call(probe);
  bool spec_over = false, reason_over = false;
  for (size_t i = 0; i < GUARD; i++) {
    spec_over |= guarded.guard[i] != 0xa5;
    reason_over |= reason[REASON + i] != 0x5a;
  }
  if (spec_over)
    check_note(probe->check, RULE_BUFFERS, BROKEN, "create wrote beyond the spec, which ends after spec->size bytes");
  if (reason_over)
    check_note(probe->check, RULE_BUFFERS, BROKEN, "create wrote more into error than error_size, %d bytes", REASON);
  reason[REASON - 1] = '\0';
  *spec = guarded.spec;
  if (!probe->self)
    check_note(probe->check, RULE_CREATE, BROKEN, "create returned NULL: %s",
               *reason ? reason : "and wrote no reason into error");
  return probe->self;
}

bool probe_create(struct probe *probe, struct check *check, const struct environment_kind *kind, uint64_t index) {
  *probe = (struct probe){
      .check = check, .kind = kind, .over = true, .guest = {.name = environment_kind_name(kind), .index = index}};
  struct corsac_env_spec spec;
  const uint32_t cases = count_cases(kind);
  if (cases > 0) probe->case_index = (uint32_t)(index % cases);
  probe->failed = !call_create(probe, index, &spec) || !spec_is_right(probe, &spec);
  if (!probe->failed) probe->failed = !probe_agents_create(probe, spec.agents);
  if (probe->failed) return false;
  const size_t obs_dim = (size_t)probe->agents * spec.obs_dim, act_dim = (size_t)probe->agents * spec.act_dim;
  probe->obs_dim = (uint32_t)obs_dim;
  probe->act_dim = (uint32_t)act_dim;
  probe->max_episode_steps = spec.max_episode_steps;
  probe->info_dim = spec.info_dim;
  probe->info_names = spec.info_names;
  probe->low = probe->bounds;
  probe->high = probe->bounds + spec.act_dim;
  probe->obs_guarded = memory_alloc(obs_dim + 2 * GUARD, sizeof(float), "an observation", NULL);
  probe->action_guarded = memory_alloc(act_dim + 2 * GUARD, sizeof(float), "an action", NULL);
  probe->failed = !probe->obs_guarded || !probe->action_guarded;
  if (probe->failed) {
    check_note(check, RULE_CREATE, BROKEN, "there is no memory for an observation of %u components", spec.obs_dim);
    return false;
  }
  fill(probe->obs_guarded, obs_dim + 2 * GUARD);
  fill(probe->action_guarded, act_dim + 2 * GUARD);
  probe->obs = probe->obs_guarded + GUARD;
  probe->action = probe->action_guarded + GUARD;
  return true;
}

void probe_destroy(struct probe *probe) {
  if (probe->self) {
    probe->step = 0;
    probe_begin_call(probe, GUEST_DESTROY, "destroy");
    probe->kind->abi->destroy(probe->self);
    probe_end_call(probe);
  }
  probe_agents_release(probe);
  memory_free(probe->bounds);
  memory_free(probe->obs_guarded);
  memory_free(probe->action_guarded);
  *probe = (struct probe){.check = probe->check, .kind = probe->kind};
}

// --- episodes ---

uint64_t probe_seed(uint64_t training_seed, uint64_t episode) {
  struct random random = random_stream(training_seed, RANDOM_RESET, 0, episode);
  return random_u64(&random);
}

const char *probe_reason(struct probe *probe) {
  const struct corsac_env *abi = probe->kind->abi;
  if (!abi->error) return "";
  probe_begin_call(probe, GUEST_ERROR, "error");
  const char *reason = abi->error(probe->self);
  probe_end_call(probe);
  return reason ? reason : "";
}

static void describe_call(const struct probe *probe, char *text, size_t size, const char *call) {
  if (probe->step)
    snprintf(text, size, "%s %" PRIu64 " of episode %" PRIu64, call, probe->step, probe->episode);
  else
    snprintf(text, size, "%s (episode %" PRIu64 ")", call, probe->episode);
}

static bool judge_obs(struct probe *probe, const char *where) {
  for (uint32_t i = 0; i < probe->obs_dim; i++) {
    if (isfinite(probe->obs[i])) continue;
    if (probe_is_poison(&probe->obs[i]))
      check_note(probe->check, RULE_OBSERVATION, BROKEN,
                 "%s: component %u of obs was not written; all %u have to be, by reset and by each step", where, i,
                 probe->obs_dim);
    else
      check_note(probe->check, RULE_OBSERVATION, BROKEN, "%s: component %u of obs is %g; it has to be finite", where, i,
                 (double)probe->obs[i]);
    return false;
  }
  return true;
}

static bool judge_reward(struct probe *probe, const char *where) {
  if (memcmp(&probe->reward, &PROBE_REWARD_POISON, sizeof PROBE_REWARD_POISON) == 0)
    check_note(probe->check, RULE_REWARD, BROKEN, "%s: *reward was not written", where);
  else if (!isfinite(probe->reward) || !isfinite((float)probe->reward))
    check_note(probe->check, RULE_REWARD, BROKEN, "%s: the reward is %g; it has to be a finite float", where,
               probe->reward);
  else
    return true;
  return false;
}

static bool judge_numbers(struct probe *probe, enum rule rule, const char *where) {
  if (probe->agents > 1) return probe_agents_judge(probe, where, rule == RULE_STEP);
  const bool good = judge_obs(probe, where);
  return rule == RULE_STEP ? judge_reward(probe, where) && good : good;
}

// Judges what a call wrote and returned. The probe has failed where no further call can work with it.
static bool judge(struct probe *probe, enum rule rule, const char *call, int result) {
  char where[128];
  describe_call(probe, where, sizeof where, call);
  if (!guards_hold(probe->obs_guarded, probe->obs_dim))
    check_note(probe->check, RULE_BUFFERS, BROKEN, "%s wrote outside of obs, which has %u floats", where,
               probe->obs_dim);
  if (!guards_hold(probe->action_guarded, probe->act_dim))
    check_note(probe->check, RULE_BUFFERS, BROKEN, "%s wrote around the action, which it may only read", where);
  if (result < 0) {
    const char *reason = probe_reason(probe);
    check_note(probe->check, rule, BROKEN, "%s failed: it returned %d: %s", where, result,
               *reason ? reason : "it gave no reason; the optional member error can");
    return !(probe->failed = true);
  }
  if (probe->agents > 1) probe_agents_ask(probe);
  bool good = judge_numbers(probe, rule, where);
  if (rule == RULE_STEP) {
    if (result & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED)) {
      check_note(probe->check, RULE_FLAGS, BROKEN,
                 "%s returned %d; known are CORSAC_TERMINATED (%d), CORSAC_TRUNCATED (%d), both, or 0", where, result,
                 CORSAC_TERMINATED, CORSAC_TRUNCATED);
      good = false;
    }
  }
  if (!good) probe->failed = true;
  return good;
}

// Tells the environment its case. Negative: it refused it.
static int set_case(struct probe *probe) {
  const struct corsac_env *abi = probe->kind->abi;
  char line[CASES_LINE];
  if (count_cases(probe->kind) == 0 || !abi->set_case) return 0;
  cases_line(probe->kind->config, probe->case_index, line);
  probe_begin_call(probe, GUEST_PROGRESS, "set_case");
  const int result = abi->set_case(probe->self, line);
  probe_end_call(probe);
  return result;
}

bool probe_reset(struct probe *probe, uint64_t seed, bool halves) {
  if (probe->failed) return false;
  const struct corsac_env *abi = probe->kind->abi;
  probe->episode++;
  probe->step = 0;
  probe->flags = 0;
  probe->reward = 0;
  fill(probe->obs_guarded, probe->obs_dim + 2 * GUARD);
  if (abi->progress) {
    probe_begin_call(probe, GUEST_PROGRESS, "progress");
    abi->progress(probe->self, probe->episode - 1, probe->steps);
    probe_end_call(probe);
  }
  int result = set_case(probe);
  if (result < 0) return judge(probe, RULE_CASES, "set_case", result);
  if (halves && abi->reset_begin) {
    probe_begin_call(probe, GUEST_RESET_BEGIN, "reset_begin");
    result = abi->reset_begin(probe->self, seed);
    probe_end_call(probe);
    if (result >= 0) {
      probe_begin_call(probe, GUEST_RESET_END, "reset_end");
      result = abi->reset_end(probe->self, probe->obs);
      probe_end_call(probe);
    }
  } else {
    probe_begin_call(probe, GUEST_RESET, "reset");
    result = abi->reset(probe->self, seed, probe->obs);
    probe_end_call(probe);
  }
  probe->over = false;
  return judge(probe, RULE_RESET, halves && abi->reset_begin ? "reset_begin and reset_end" : "reset", result);
}

bool probe_step(struct probe *probe, bool halves) {
  if (probe->failed) return false;
  const struct corsac_env *abi = probe->kind->abi;
  double guarded[3], *reward = probe->agents > 1 ? probe_agents_begin(probe) : &guarded[1];
  for (size_t i = 0; i < 3; i++) memcpy(&guarded[i], &PROBE_REWARD_POISON, sizeof(double));
  probe->step++;
  probe->steps++;
  fill(probe->obs_guarded, probe->obs_dim + 2 * GUARD);
  int result;
  if (halves && abi->step_begin) {
    probe_begin_call(probe, GUEST_STEP_BEGIN, "step_begin");
    result = abi->step_begin(probe->self, probe->action);
    probe_end_call(probe);
    if (result >= 0) {
      probe_begin_call(probe, GUEST_STEP_END, "step_end");
      result = abi->step_end(probe->self, probe->obs, reward);
      probe_end_call(probe);
    }
  } else {
    probe_begin_call(probe, GUEST_STEP, "step");
    result = abi->step(probe->self, probe->action, probe->obs, reward);
    probe_end_call(probe);
  }
  probe->reward = guarded[1];
  probe->flags = result;
  probe->over = result > 0 || probe->step == probe->max_episode_steps;
  if (memcmp(&guarded[0], &PROBE_REWARD_POISON, sizeof(double)) != 0 ||
      memcmp(&guarded[2], &PROBE_REWARD_POISON, sizeof(double)) != 0)
    check_note(probe->check, RULE_BUFFERS, BROKEN, "step wrote around *reward, which is one double");
  return judge(probe, RULE_STEP, halves && abi->step_begin ? "step_begin and step_end" : "step", result);
}

void probe_info(struct probe *probe) {
  if (probe->info_dim == 0) return;
  double values[CORSAC_MAX_INFO + GUARD];
  for (size_t i = 0; i < CORSAC_MAX_INFO + GUARD; i++) memcpy(&values[i], &PROBE_REWARD_POISON, sizeof(double));
  probe_begin_call(probe, GUEST_INFO, "info");
  probe->kind->abi->info(probe->self, values);
  probe_end_call(probe);
  for (size_t i = 0; i < CORSAC_MAX_INFO + GUARD; i++) {
    if (memcmp(&values[i], &PROBE_REWARD_POISON, sizeof(double)) == 0) continue;
    if (i < probe->info_dim)
      probe->informed |= 1u << i;
    else
      check_note(probe->check, RULE_INFO, BROKEN, "info wrote more than the %u values of info_dim", probe->info_dim);
  }
}

static float inside(double value, double low, double high) {
  float rounded = (float)value;
  if ((double)rounded > high) rounded = nextafterf((float)high, -INFINITY);
  if ((double)rounded < low) rounded = nextafterf((float)low, INFINITY);
  return rounded;
}

void probe_draw(struct probe *probe, enum actions actions, uint64_t seed, uint64_t t) {
  struct random random = random_stream(seed, RANDOM_WARMUP, 0, t);
  for (uint32_t i = 0; i < probe->act_dim; i++) {
    const uint32_t k = i % (probe->act_dim / probe->agents); // the bounds are those of each agent
    const double low = probe->low[k], high = probe->high[k], u = random_uniform(&random);
    double share = actions == ACTIONS_LOW ? 0 : actions == ACTIONS_HIGH ? 1 : u;
    if (actions == ACTIONS_CORNERS) share = u < 0.5 ? 0 : 1;
    probe->action[i] = inside(low + share * (high - low), low, high);
  }
}

// --- state ---

int64_t probe_save(struct probe *probe, void *buffer, size_t size) {
  probe_begin_call(probe, GUEST_SAVE, "save");
  const int64_t need = probe->kind->abi->save(probe->self, buffer, size);
  probe_end_call(probe);
  return need;
}

int probe_load(struct probe *probe, const void *buffer, size_t size) {
  char name[64];
  const int refused = set_case(probe);
  if (refused < 0) return refused;
  snprintf(name, sizeof name, "load of %zu byte%s", size, plural(size));
  probe_begin_call(probe, GUEST_LOAD, name);
  const int result = probe->kind->abi->load(probe->self, buffer, size);
  probe_end_call(probe);
  return result;
}
