#include "actor/envs/process_impl.h"

#include "actor/envs/supervisor_log.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/config/cases.h"
#include "common/wire/message.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double CLOSE_SECONDS = 2;        // for a simulator to end by itself
static const double LAST_WORDS_SECONDS = 0.5; // for one that reported a failure: its last lines tell the most

// --- what to start ---

struct process *process_open(const char *const *argv, const struct config *config, struct error *error) {
  if (!argv[0] || !argv[1] || !*argv[1]) {
    error_set(error, STATUS_USAGE,
              "there is no command to run: --env 'exec:COMMAND', such as 'exec:./simulator input.dat'");
    return NULL;
  }
  struct process *process = memory_alloc(1, sizeof *process, "a child process", error);
  if (!process) return NULL;
  process->config = config;
  for (; argv[process->count]; process->count++) {
    if (process->count >= PROCESS_ARGUMENTS)
      error_set(error, STATUS_USAGE, "a child process has at most %d arguments", PROCESS_ARGUMENTS);
    else if (!(process->argv[process->count] = strdup(argv[process->count])))
      error_set(error, STATUS_MEMORY, "not enough memory for the arguments of a child process");
    else
      continue;
    process_close(process);
    return NULL;
  }
  if (process_find_scratch(process, error) == STATUS_OK) return process;
  process_close(process);
  return NULL;
}

void process_set_place(struct process *process, const struct process_place *place) { process->place = *place; }

void process_close(struct process *process) {
  if (!process) return;
  process_create_abandon(process);
  for (size_t i = 0; i < process->count; i++) free(process->argv[i]);
  memory_free(process->scratch);
  memory_free(process->scratch_from);
  memory_free(process);
}

// --- failures ---

void process_copy(void *to, const void *from, size_t size) {
  memcpy(to, from, size);
  atomic_signal_fence(memory_order_seq_cst); // the compiler may not read `from` again later
}

// Copies text with " | " in place of each end of a line, as supervisor_log_tail writes it.
static void join_lines(const char *text, char *line, size_t size) {
  size_t used = 0;
  for (; *text && used + 4 < size; text++) {
    const bool ends = *text == '\n';
    memcpy(line + used, ends ? " | " : text, ends ? 3 : 1);
    used += ends ? 3 : 1;
  }
  line[used] = 0;
}

// Whether a line begins at `at`, perhaps with the name of the library before it. *start: the line with that name.
static bool begins_line(char *tail, char *at, char **start) {
  static const char *const names[] = {"", "corsac_sim: ", "corsac: "};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const size_t length = strlen(names[i]);
    if ((size_t)(at - tail) < length || strncmp(at - length, names[i], length) != 0) continue;
    *start = at - length;
    if (*start == tail || (*start - tail >= 3 && strncmp(*start - 3, " | ", 3) == 0)) return true;
  }
  return false;
}

// Takes the line that says what the message says out of the child's last lines.
static void drop_repeated(const char *why, char *tail) {
  char said[2 * PROCESS_WHY], *start;
  join_lines(why, said, sizeof said);
  const size_t length = strlen(said), rest = strlen(tail);
  if (length == 0) return;
  if (rest < length && rest > SUPERVISOR_TAIL / 2 && strcmp(said + length - rest, tail) == 0) *tail = 0; // its end only
  for (char *at = tail; (at = strstr(at, said)); at++) {
    char *end = at + length;
    if (!begins_line(tail, at, &start) || (*end && strncmp(end, " | ", 3) != 0)) continue;
    if (*end)
      memmove(start, end + 3, strlen(end + 3) + 1);
    else
      start[start > tail ? -3 : 0] = 0;
    return;
  }
}

int process_fail(struct instance *instance, const char *format, ...) {
  if (instance->broken) return -1;
  instance->broken = true;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(instance->why, sizeof instance->why, format, arguments);
  va_end(arguments);
  process_child_end(&instance->child, 0, instance->outer);
  drop_repeated(instance->why, instance->child.report.tail);
  const size_t used = strlen(instance->why);
  if (*instance->child.report.tail)
    snprintf(instance->why + used, sizeof instance->why - used, "; the last it wrote: %s", instance->child.report.tail);
  return -1;
}

// What a program that ended without a failure should have done.
static const char *what_is_wrong(const struct instance *instance) {
  if (instance->child.channel->child_version == 0) return ", and had not called corsac_sim_open";
  if (!process_child_ended_well(&instance->child)) return "";
  if (instance->call == CONFIG_STEP)
    return " in the midst of an episode; one that plays one episode first ends it by the flags of a step";
  return instance->has_played ? "" : " and had not begun an episode";
}

int process_fail_ended(struct instance *instance) {
  char how[128] = "has ended";
  process_child_end(&instance->child, 0, instance->outer); // fetches the supervisor's last report
  const struct process_child *child = &instance->child;
  if (child->report.news == SUPERVISOR_ENDED) supervisor_describe(child->report.status, how, sizeof how);
  if (child->report.cause == SUPERVISOR_ALONE)
    return process_fail(
        instance,
        "the process ran without corsac: what started it (ssh, a container, sudo) did not pass " CHANNEL_VARIABLE
        " on to it; `corsac help remote` shows how");
  if (child->report.cause == SUPERVISOR_LOST) return process_fail(instance, "the connection to the simulator was lost");
  const uint32_t version = child->channel->child_version;
  if (version != 0 && version != CHANNEL_VERSION)
    return process_fail(instance,
                        "the process uses version %u of the channel, this program version %d: it has to be built with "
                        "this program's libcorsac_sim; the process %s",
                        version, CHANNEL_VERSION, how);
  return process_fail(instance, "the process %s%s", how, what_is_wrong(instance));
}

int process_fail_late(struct instance *instance) {
  static const struct config defaults = {.env_timeout = 600};
  const struct config *config = instance->process->config ? instance->process->config : &defaults;
  const char *what = !instance->child.channel->claimed     ? "call corsac_sim_open"
                     : instance->phase == PROCESS_ENDING   ? "end after its episode"
                     : instance->phase == PROCESS_STARTING ? "say what it is (corsac_sim_open)"
                                                           : "answer";
  const char *hint =
      instance->child.channel->claimed ? "" : ", or what it runs in does not let it get here (`corsac help remote`)";
  return process_fail(instance, "the process did not %s within %g s (%s)%s", what, instance->timeout,
                      config_call_option(config, instance->call), hint);
}

// --- requests ---

void process_limit(struct instance *instance, enum config_call call) {
  const struct config *config = instance->process->config;
  instance->call = call;
  instance->timeout = config ? config_call_timeout(config, call) : 600;
  instance->until = clock_now() + instance->timeout;
}

int process_take_answer(struct instance *instance, struct channel_answer *answer) {
  const struct channel_answer *said = &instance->child.channel->answer;
  process_copy(answer, said, offsetof(struct channel_answer, text));
  if (answer->status == CHANNEL_OK) return 0;
  process_copy(answer->text, said->text, sizeof answer->text);
  answer->text[sizeof answer->text - 1] = 0;
  if (answer->status == CHANNEL_FAILED) {
    process_child_end(&instance->child, LAST_WORDS_SECONDS, instance->outer);
    return process_fail(instance, "%s", *answer->text ? answer->text : "it gave no reason");
  }
  return process_fail(instance, "the process breaks the protocol: its answer has status %u", answer->status);
}

static int await_answer(struct instance *instance, struct channel_answer *answer) {
  if (instance->broken) return -1;
  switch (process_child_await(&instance->child, false, instance->until, instance->listener)) {
  case PROCESS_ENDED: return process_fail_ended(instance);
  case PROCESS_LATE: return process_fail_late(instance);
  case PROCESS_ANSWERED: break;
  }
  return process_take_answer(instance, answer);
}

static int ask(struct instance *instance, enum channel_request request, enum config_call call) {
  if (instance->broken) return -1;
  process_limit(instance, call);
  instance->kept = 0;
  process_child_ask(&instance->child, request);
  return 0;
}

// --- create ---

// Takes over what the child says of itself. Bounds and names are checked by environment_create.
static int take_spec(struct instance *instance) {
  struct channel *channel = instance->child.channel;
  struct channel_spec *spec = &instance->spec;
  process_copy(spec, &channel->spec, sizeof *spec);
  if (spec->obs_dim == 0 || spec->obs_dim > CHANNEL_MAX_DIM || spec->act_dim == 0 || spec->act_dim > CHANNEL_MAX_DIM ||
      spec->info_dim > CHANNEL_MAX_INFO)
    return process_fail(
        instance,
        "the process set obs_dim to %u, act_dim to %u, info_dim to %u; they have to be 1 to %d, 1 to %d, "
        "0 to %d",
        spec->obs_dim, spec->act_dim, spec->info_dim, CHANNEL_MAX_DIM, CHANNEL_MAX_DIM, CHANNEL_MAX_INFO);
  if (!channel_has_room(spec))
    return process_fail(instance,
                        "the process set agents to %u, with obs_dim %u and act_dim %u: at most %d, and %d "
                        "numbers of all of them",
                        spec->agents, spec->obs_dim, spec->act_dim, CHANNEL_MAX_AGENTS, CHANNEL_MAX_DIM);
  instance->agents = spec->agents > 1 ? spec->agents : 1;
  const struct config *config = instance->process->config;
  if (config && cases_per_episode(config) && !(spec->flags & CHANNEL_TAKES_CASE))
    return process_fail(instance,
                        "cases_per: it has no function set_case, by which it would get the case of each episode; add "
                        "it, or give each environment a case: --cases-per environment");
  spec->name[sizeof spec->name - 1] = 0;
  for (uint32_t i = 0; i < spec->info_dim; i++) {
    spec->info_names[i][sizeof spec->info_names[i] - 1] = 0;
    instance->info_names[i] = spec->info_names[i];
  }
  const size_t size = spec->act_dim * sizeof(double);
  struct error why = {0};
  instance->bounds = memory_alloc(2 * (size_t)spec->act_dim, sizeof(double), "the bounds of a process' actions", &why);
  if (instance->agents > 1) instance->agent_flags = memory_alloc(instance->agents, 1, "the agents of a process", &why);
  if (!instance->bounds || (instance->agents > 1 && !instance->agent_flags))
    return process_fail(instance, "%s", why.text);
  process_copy(instance->bounds, channel->action_low, size);
  process_copy(instance->bounds + spec->act_dim, channel->action_high, size);
  return 0;
}

static void destroy(void *self);

// While one instance is waited for, resets of the others go on.
static void wait_and_advance(void *self) {
  struct instance *instance = self;
  process_advance(instance->process, instance);
  if (instance->outer.waiting) instance->outer.waiting(instance->outer.who);
}

// Starts the child of a new instance. NULL: it cannot be started.
static struct instance *begin_create(struct process *process, struct process_listener listener,
                                     const struct corsac_env_config *config, char *error, size_t error_size) {
  struct error why = {0};
  struct instance *instance = memory_alloc(1, sizeof *instance, "a child process", &why);
  if (!instance) {
    snprintf(error, error_size, "%s", why.text);
    return NULL;
  }
  instance->process = process;
  instance->outer = listener;
  instance->listener = (struct process_listener){wait_and_advance, instance};
  instance->index = config->index;
  instance->evaluation = config->evaluation != 0;
  instance->episode = config->episode;
  instance->env_steps = config->env_steps;
  process_limit(instance, CONFIG_CREATE);
  if (process_spawn(instance, error, error_size)) return instance;
  memory_free(instance);
  return NULL;
}

void process_create_begin(struct process *process, struct process_listener listener,
                          const struct corsac_env_config *config) {
  struct error why; // process_create meets it again, and says it
  struct instance *instance = begin_create(process, listener, config, why.text, sizeof why.text);
  if (!instance) return;
  instance->next = process->begun;
  process->begun = instance;
}

// Takes the instance out of those that are begun. NULL: it is not.
static struct instance *take_begun(struct process *process, const struct corsac_env_config *config) {
  struct instance **link = &process->begun;
  while (*link && ((*link)->index != config->index || (*link)->evaluation != (config->evaluation != 0)))
    link = &(*link)->next;
  struct instance *instance = *link;
  if (!instance) return NULL;
  *link = instance->next;
  instance->next = NULL;
  return instance;
}

void process_create_abandon(struct process *process) {
  for (struct instance *instance = process->begun, *next; instance; instance = next) {
    next = instance->next;
    destroy(instance);
  }
  process->begun = NULL;
}

void *process_create(struct process *process, struct process_listener listener, const struct corsac_env_config *config,
                     struct corsac_env_spec *spec, char *error, size_t error_size) {
  struct instance *instance = take_begun(process, config);
  if (!instance) instance = begin_create(process, listener, config, error, error_size);
  if (!instance) return NULL;
  struct channel_answer answer;
  if (await_answer(instance, &answer) != 0 || take_spec(instance) != 0) {
    snprintf(error, error_size, "%s", instance->why);
    destroy(instance);
    return NULL;
  }
  spec->obs_dim = instance->spec.obs_dim;
  spec->act_dim = instance->spec.act_dim;
  spec->max_episode_steps = instance->spec.max_episode_steps;
  spec->action_low = instance->bounds;
  spec->action_high = instance->bounds + spec->act_dim;
  spec->info_dim = instance->spec.info_dim;
  spec->info_names = instance->info_names;
  spec->info_rules = instance->spec.info_rules;
  spec->agents = instance->agents;
  return instance;
}

// A child that fails, or has not come back from a call, is not asked.
static bool may_end_by_itself(const struct instance *instance) {
  const struct process_child *child = &instance->child;
  return !instance->broken && (!child->asked || instance->phase == PROCESS_ENDING || child->closing > 0);
}

void process_destroy_begin(void *self) {
  struct instance *instance = self;
  process_forget_reset(instance);
  if (may_end_by_itself(instance)) process_child_close(&instance->child);
}

static void destroy(void *self) {
  struct instance *instance = self;
  process_forget_reset(instance);
  process_end(instance, may_end_by_itself(instance) ? CLOSE_SECONDS : 0);
  memory_free(instance->bounds);
  memory_free(instance->agent_flags);
  memory_free(instance);
}

// --- steps ---

void process_take_obs(struct instance *instance, float *obs) {
  const struct channel *channel = instance->child.channel;
  process_copy(obs, channel->obs, (size_t)instance->agents * instance->spec.obs_dim * sizeof *obs);
  if (instance->agents > 1) process_copy(instance->agent_flags, channel->agent_flags, instance->agents);
}

static void agent_flags(void *self, uint8_t *flags) {
  const struct instance *instance = self;
  memcpy(flags, instance->agent_flags, instance->agents);
}

static int reset(void *self, uint64_t seed, float *obs) {
  return process_reset_begin(self, seed) != 0 ? -1 : process_reset_end(self, obs);
}

static int step_begin(void *self, const float *action) {
  struct instance *instance = self;
  if (instance->broken) return -1;
  memcpy(instance->child.channel->action, action, (size_t)instance->agents * instance->spec.act_dim * sizeof *action);
  return ask(instance, CHANNEL_STEP, CONFIG_STEP);
}

static int step_end(void *self, float *obs, double *reward) {
  struct instance *instance = self;
  struct channel_answer answer;
  if (await_answer(instance, &answer) != 0) return -1;
  if (answer.flags & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED))
    return process_fail(instance, "the process sent flags %d; they are CORSAC_TERMINATED, CORSAC_TRUNCATED, both or 0",
                        (int)answer.flags);
  const struct channel *channel = instance->child.channel;
  process_take_obs(instance, obs);
  process_copy(instance->info, channel->info, instance->spec.info_dim * sizeof *instance->info);
  if (instance->agents > 1)
    process_copy(reward, channel->agent_reward, instance->agents * sizeof *reward);
  else
    *reward = answer.reward;
  return answer.flags;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  return step_begin(self, action) != 0 ? -1 : step_end(self, obs, reward);
}

void process_refuse(void *self) { ((struct instance *)self)->is_refused = true; }

pid_t process_pid(void *self) { return process_child_opener(&((struct instance *)self)->child); }

static const char *reason(void *self) { return ((struct instance *)self)->why; }

// --- state ---

_Static_assert(CHANNEL_MAX_STATE == WIRE_MAX_MESSAGE / 2, "environment_save takes as much as libcorsac_sim gives");

// Gives the state that was saved. What the caller has no room for is kept for its next call, so that a simulator which
// writes files for a save does so once.
static int64_t deliver(struct instance *instance, size_t saved, void *buffer, size_t size) {
  if (saved > 0 && saved <= size) memcpy(buffer, instance->state.data, saved); // buffer may be NULL
  instance->kept = saved <= size ? 0 : saved;
  return (int64_t)saved;
}

// The reason is for env_process.error, which environment_save asks.
static int64_t save_failed(struct instance *instance, int64_t result) {
  process_copy(instance->why, instance->child.channel->answer.text, CHANNEL_TEXT);
  instance->why[CHANNEL_TEXT - 1] = 0;
  return result;
}

static int64_t save(void *self, void *buffer, size_t size) {
  struct instance *instance = self;
  struct channel *channel = instance->child.channel;
  struct channel_answer answer = {0};
  if (instance->broken || !(instance->spec.flags & CHANNEL_CAN_SAVE)) return 0;
  if (instance->kept > 0) return deliver(instance, instance->kept, buffer, size);
  *instance->why = 0;                             // of an earlier save
  for (int attempt = 0; attempt < 3; attempt++) { // the first attempt may only tell the size
    channel->state_capacity = instance->state.capacity;
    if (ask(instance, CHANNEL_SAVE, CONFIG_OTHER) != 0 || await_answer(instance, &answer) != 0) return 0;
    if ((int64_t)answer.state_size < 0) return save_failed(instance, (int64_t)answer.state_size);
    if (answer.state_size > WIRE_MAX_MESSAGE / 2) break; // environment_save refuses the size
    if (answer.state_size <= instance->state.capacity)
      return deliver(instance, (size_t)answer.state_size, buffer, size);
    if (!process_state_reserve(&instance->state, instance->child.file, (size_t)answer.state_size)) {
      snprintf(instance->why, sizeof instance->why, "no room for its state: %s", strerror(errno));
      return -1;
    }
  }
  return (int64_t)answer.state_size; // too large, or larger each time: environment_save refuses it
}

static int load(void *self, const void *buffer, size_t size) {
  struct instance *instance = self;
  struct channel_answer answer;
  if (instance->broken) return -1;
  if (!(instance->spec.flags & CHANNEL_CAN_SAVE)) return process_fail(instance, "the process cannot load a state");
  if (!process_state_reserve(&instance->state, instance->child.file, size))
    return process_fail(instance, "no room for a state of %zu bytes: %s", size, strerror(errno));
  if (size > 0) memcpy(instance->state.data, buffer, size);
  instance->child.channel->state_capacity = instance->state.capacity;
  instance->child.channel->state_size = size;
  memcpy(instance->child.channel->case_text, instance->case_text, sizeof instance->case_text);
  instance->has_played = true;
  return ask(instance, CHANNEL_LOAD, CONFIG_OTHER) != 0 ? -1 : await_answer(instance, &answer);
}

static void info(void *self, double *values) {
  const struct instance *instance = self;
  memcpy(values, instance->info, instance->spec.info_dim * sizeof *values);
}

// --- the name of a command ---

// Whether this word (with a version behind it, "python3.11") starts another program, and so is not the simulator.
static bool is_launcher(const char *word, size_t length) {
  static const char *const launchers[] = {"python", "bash", "sh",   "env",    "exec", "nice",
                                          "julia",  "perl", "ruby", "octave", "time", "Rscript"};
  while (length > 0 && strchr("0123456789.", word[length - 1])) length--;
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
    if (strlen(launchers[i]) == length && strncmp(word, launchers[i], length) == 0) return true;
  return false;
}

static const char *last_command(const char *command) {
  const char *last = command;
  for (const char *c = command; *c; c++)
    if (*c == ';' || (*c == '&' && c[1] == '&')) last = c + (*c == ';' ? 1 : 2);
  return last;
}

void process_command_name(const char *command, char *name, size_t size) {
  static const char space[] = " \t\n\"'";
  const char *found = "", *next = last_command(command);
  size_t length = 0;
  for (bool launched = false; *(next += strspn(next, space));) {
    const char *word = next, *end = word + strcspn(word, space);
    const bool is_assignment = memchr(word, '=', (size_t)(end - word));
    const bool is_option = launched && *word == '-';
    next = end;
    for (const char *c = word; c < end; c++)
      if (*c == '/') word = c + 1;
    if (is_assignment || is_option || word == end) continue;
    found = word;
    length = (size_t)(end - word);
    if (!is_launcher(word, length)) break;
    launched = true;
  }
  snprintf(name, size, "%.*s", (int)length, found);
  for (char *c = name; *c; c++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-", *c)) *c = '_';
  if (!*name) snprintf(name, size, "exec");
}

// --- the table of functions ---

const struct corsac_env env_process = {.abi = CORSAC_ENV_ABI,
                                       .size = sizeof(struct corsac_env),
                                       .name = "process",
                                       .reset = reset,
                                       .step = step,
                                       .destroy = destroy,
                                       .error = reason,
                                       .save = save,
                                       .load = load,
                                       .step_begin = step_begin,
                                       .step_end = step_end,
                                       .info = info,
                                       .reset_begin = process_reset_begin,
                                       .reset_end = process_reset_end,
                                       .progress = process_progress,
                                       .set_case = process_set_case,
                                       .agent_flags = agent_flags};
