#include "actor/envs/process.h"

#include "actor/envs/process_state.h"
#include "actor/envs/serve.h"
#include "actor/envs/supervisor_log.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/wire/message.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_ARGUMENTS = 32, PATH_SIZE = CONFIG_TEXT + 64, WHY_SIZE = 704 };
static const double CLOSE_SECONDS = 2;        // for a simulator to end by itself
static const double LAST_WORDS_SECONDS = 0.5; // for one that reported a failure: its last lines tell the most

struct process {
  const struct config *config; // not owned, or NULL
  size_t count;
  char *argv[MAX_ARGUMENTS + 3]; // with room for index, evaluation and NULL
};

struct instance {
  const struct process *process; // not owned
  struct process_listener listener;
  struct process_child child;
  struct process_state state;
  double timeout, until; // s: of every request; when the one under way is late
  bool broken;           // a request failed: the child is ended, and every later request fails
  char why[WHY_SIZE];
  struct channel_spec spec;                 // a checked copy
  double *bounds;                           // (2 x act_dim)
  double info[CHANNEL_MAX_INFO];            // of the last step
  const char *info_names[CHANNEL_MAX_INFO]; // they point into spec
};

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
    if (process->count >= MAX_ARGUMENTS)
      error_set(error, STATUS_USAGE, "a child process has at most %d arguments", MAX_ARGUMENTS);
    else if (!(process->argv[process->count] = strdup(argv[process->count])))
      error_set(error, STATUS_MEMORY, "not enough memory for the arguments of a child process");
    else
      continue;
    process_close(process);
    return NULL;
  }
  return process;
}

void process_close(struct process *process) {
  if (!process) return;
  for (size_t i = 0; i < process->count; i++) free(process->argv[i]);
  memory_free(process);
}

// --- failures ---

// The child may write into the channel at any time. So everything is copied first; the copy is checked, and used.
static void copy_from_child(void *to, const void *from, size_t size) {
  memcpy(to, from, size);
  atomic_signal_fence(memory_order_seq_cst); // the compiler may not read `from` again later
}

// Breaks the instance: ends its child, whose last lines go into the message.
__attribute__((format(printf, 2, 3))) static int fail(struct instance *instance, const char *format, ...) {
  if (instance->broken) return -1;
  instance->broken = true;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(instance->why, sizeof instance->why, format, arguments);
  va_end(arguments);
  process_child_end(&instance->child, 0);
  const size_t used = strlen(instance->why);
  if (*instance->child.report.tail)
    snprintf(instance->why + used, sizeof instance->why - used, "; the last it wrote: %s", instance->child.report.tail);
  return -1;
}

static int fail_ended(struct instance *instance) {
  char how[128] = "has ended";
  process_child_end(&instance->child, 0); // fetches the supervisor's last report
  const struct process_child *child = &instance->child;
  if (child->report.news == SUPERVISOR_ENDED) supervisor_describe(child->report.status, how, sizeof how);
  if (child->report.cause == SUPERVISOR_ALONE)
    return fail(
        instance,
        "the process ran without corsac: what started it (ssh, a container, sudo) did not pass " CHANNEL_VARIABLE
        " on to it; `corsac help remote` shows how");
  if (child->report.cause == SUPERVISOR_LOST) return fail(instance, "the connection to the simulator was lost");
  const uint32_t version = child->channel->child_version;
  if (version != 0 && version != CHANNEL_VERSION)
    return fail(instance,
                "the process uses version %u of the channel, this program version %d: it has to be built with this "
                "program's libcorsac_sim; the process %s",
                version, CHANNEL_VERSION, how);
  return fail(instance, "the process %s%s", how, version == 0 ? ", and had not called corsac_sim_open" : "");
}

static int await_answer(struct instance *instance, struct channel_answer *answer) {
  if (instance->broken) return -1;
  switch (process_child_await(&instance->child, instance->until, instance->listener)) {
  case PROCESS_ENDED: return fail_ended(instance);
  case PROCESS_LATE:
    return instance->child.channel->claimed
               ? fail(instance, "the process did not answer within %g s (env_timeout)", instance->timeout)
               : fail(instance,
                      "the process did not call corsac_sim_open within %g s (env_timeout), or what it runs in does not "
                      "let it get here (`corsac help remote`)",
                      instance->timeout);
  case PROCESS_ANSWERED: break;
  }
  const struct channel_answer *said = &instance->child.channel->answer;
  copy_from_child(answer, said, offsetof(struct channel_answer, text));
  if (answer->status == CHANNEL_OK) return 0;
  copy_from_child(answer->text, said->text, sizeof answer->text);
  answer->text[sizeof answer->text - 1] = 0;
  if (answer->status == CHANNEL_FAILED) {
    process_child_end(&instance->child, LAST_WORDS_SECONDS);
    return fail(instance, "%s", *answer->text ? answer->text : "it gave no reason");
  }
  return fail(instance, "the process breaks the protocol: its answer has status %u", answer->status);
}

static int ask(struct instance *instance, enum channel_request request) {
  if (instance->broken) return -1;
  instance->until = clock_now() + instance->timeout;
  process_child_ask(&instance->child, request);
  return 0;
}

// --- create ---

// Writes the path of the file for the child's output, or "".
static void find_log(const struct process *process, const struct corsac_env_config *config, char *path, size_t size) {
  const char *run_dir = process->config ? process->config->run_dir : "";
  snprintf(path, size, "%s/environments", run_dir);
  if (!*run_dir || (file_mkdir(path, 0777) != 0 && errno != EEXIST)) {
    *path = 0;
    return;
  }
  snprintf(path, size, "%s/environments/%s%llu.log", run_dir, config->evaluation ? "evaluation-" : "",
           (unsigned long long)config->index);
}

static bool start(struct instance *instance, const struct corsac_env_config *config, char *error, size_t error_size) {
  const struct process *process = instance->process;
  char log[PATH_SIZE], index[24], evaluation[4];
  const char *argv[MAX_ARGUMENTS + 3] = {NULL};
  memcpy(argv, process->argv, sizeof argv);
  if (serve_wanted(argv[0])) {
    snprintf(index, sizeof index, "%llu", (unsigned long long)config->index);
    snprintf(evaluation, sizeof evaluation, "%d", config->evaluation ? 1 : 0);
    argv[process->count] = index;
    argv[process->count + 1] = evaluation;
  }
  find_log(process, config, log, sizeof log);
  const bool relays = process->config && !serve_wanted(argv[0]); // this program finds its memory
  const struct process_start what = {.argv = argv,
                                     .log = log,
                                     .index = config->index,
                                     .evaluation = config->evaluation ? 1 : 0,
                                     .channel = relays ? process->config->channel : "memory",
                                     .host = relays ? process->config->channel_host : ""};
  return process_child_start(&instance->child, &what, error, error_size);
}

// Takes over what the child says of itself. Bounds and names are checked by environment_create.
static int take_spec(struct instance *instance) {
  struct channel *channel = instance->child.channel;
  struct channel_spec *spec = &instance->spec;
  copy_from_child(spec, &channel->spec, sizeof *spec);
  if (spec->obs_dim == 0 || spec->obs_dim > CHANNEL_MAX_DIM || spec->act_dim == 0 || spec->act_dim > CHANNEL_MAX_DIM ||
      spec->info_dim > CHANNEL_MAX_INFO)
    return fail(instance,
                "the process set obs_dim to %u, act_dim to %u, info_dim to %u; they have to be 1 to %d, 1 to %d, "
                "0 to %d",
                spec->obs_dim, spec->act_dim, spec->info_dim, CHANNEL_MAX_DIM, CHANNEL_MAX_DIM, CHANNEL_MAX_INFO);
  spec->name[sizeof spec->name - 1] = 0;
  for (uint32_t i = 0; i < spec->info_dim; i++) {
    spec->info_names[i][sizeof spec->info_names[i] - 1] = 0;
    instance->info_names[i] = spec->info_names[i];
  }
  const size_t size = spec->act_dim * sizeof(double);
  struct error why = {0};
  instance->bounds = memory_alloc(2 * (size_t)spec->act_dim, sizeof(double), "the bounds of a process' actions", &why);
  if (!instance->bounds) return fail(instance, "%s", why.text);
  copy_from_child(instance->bounds, channel->action_low, size);
  copy_from_child(instance->bounds + spec->act_dim, channel->action_high, size);
  return 0;
}

static void destroy(void *self);

void *process_create(const struct process *process, struct process_listener listener,
                     const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                     size_t error_size) {
  struct error why = {0};
  struct instance *instance = memory_alloc(1, sizeof *instance, "a child process", &why);
  if (!instance) {
    snprintf(error, error_size, "%s", why.text);
    return NULL;
  }
  instance->process = process;
  instance->listener = listener;
  instance->timeout = process->config ? process->config->env_timeout : 600;
  instance->until = clock_now() + instance->timeout;
  if (!start(instance, config, error, error_size)) {
    memory_free(instance);
    return NULL;
  }
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
  return instance;
}

static void destroy(void *self) {
  struct instance *instance = self;
  if (!instance->broken) process_child_end(&instance->child, instance->child.asked ? 0 : CLOSE_SECONDS);
  process_state_release(&instance->state);
  process_child_release(&instance->child);
  memory_free(instance->bounds);
  memory_free(instance);
}

// --- episodes ---

static int reset(void *self, uint64_t seed, float *obs) {
  struct instance *instance = self;
  struct channel_answer answer;
  if (instance->broken) return -1;
  instance->child.channel->seed = seed;
  if (ask(instance, CHANNEL_RESET) != 0 || await_answer(instance, &answer) != 0) return -1;
  copy_from_child(obs, instance->child.channel->obs, instance->spec.obs_dim * sizeof *obs);
  return 0;
}

static int step_begin(void *self, const float *action) {
  struct instance *instance = self;
  if (instance->broken) return -1;
  memcpy(instance->child.channel->action, action, instance->spec.act_dim * sizeof *action);
  return ask(instance, CHANNEL_STEP);
}

static int step_end(void *self, float *obs, double *reward) {
  struct instance *instance = self;
  struct channel_answer answer;
  if (await_answer(instance, &answer) != 0) return -1;
  if (answer.flags & ~(CORSAC_TERMINATED | CORSAC_TRUNCATED))
    return fail(instance, "the process sent flags %d; they are CORSAC_TERMINATED, CORSAC_TRUNCATED, both or 0",
                (int)answer.flags);
  const struct channel *channel = instance->child.channel;
  copy_from_child(obs, channel->obs, instance->spec.obs_dim * sizeof *obs);
  copy_from_child(instance->info, channel->info, instance->spec.info_dim * sizeof *instance->info);
  *reward = answer.reward;
  return answer.flags;
}

static int step(void *self, const float *action, float *obs, double *reward) {
  return step_begin(self, action) != 0 ? -1 : step_end(self, obs, reward);
}

static const char *reason(void *self) { return ((struct instance *)self)->why; }

// --- state ---

static int64_t save(void *self, void *buffer, size_t size) {
  struct instance *instance = self;
  struct channel *channel = instance->child.channel;
  struct channel_answer answer = {0};
  if (instance->broken || !(instance->spec.flags & CHANNEL_CAN_SAVE)) return 0;
  for (int attempt = 0; attempt < 3; attempt++) { // the first attempt may only tell the size
    channel->state_capacity = instance->state.capacity;
    if (ask(instance, CHANNEL_SAVE) != 0 || await_answer(instance, &answer) != 0) return 0;
    if (answer.state_size > WIRE_MAX_MESSAGE / 2) break; // environment_save refuses the size
    if (answer.state_size <= instance->state.capacity) {
      if (answer.state_size <= size) memcpy(buffer, instance->state.data, (size_t)answer.state_size);
      return (int64_t)answer.state_size;
    }
    if (!process_state_reserve(&instance->state, instance->child.file, (size_t)answer.state_size)) return -errno;
  }
  return (int64_t)answer.state_size; // invalid, or larger each time: environment_save refuses it
}

static int load(void *self, const void *buffer, size_t size) {
  struct instance *instance = self;
  struct channel_answer answer;
  if (instance->broken) return -1;
  if (!(instance->spec.flags & CHANNEL_CAN_SAVE)) return fail(instance, "the process cannot load a state");
  if (!process_state_reserve(&instance->state, instance->child.file, size))
    return fail(instance, "no room for a state of %zu bytes: %s", size, strerror(errno));
  memcpy(instance->state.data, buffer, size);
  instance->child.channel->state_capacity = instance->state.capacity;
  instance->child.channel->state_size = size;
  return ask(instance, CHANNEL_LOAD) != 0 ? -1 : await_answer(instance, &answer);
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
                                       .info = info};
