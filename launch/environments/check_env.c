// corsac check-env: runs the groups of rules, each in a process of its own, and reports.
#include "launch/environments/check_env_impl.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/printable.h"
#include "common/base/streams.h"
#include "common/config/cases.h"
#include "common/config/options.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "common/base/json.h"
#include "launch/cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const rule_names[RULES] = {
    [RULE_OPEN] = "table",
    [RULE_CREATE] = "create",
    [RULE_SPEC] = "spec",
    [RULE_RESET] = "reset",
    [RULE_STEP] = "step",
    [RULE_OBSERVATION] = "observation",
    [RULE_REWARD] = "reward",
    [RULE_FLAGS] = "flags",
    [RULE_AGENTS] = "agents",
    [RULE_INFO] = "info",
    [RULE_BUFFERS] = "buffers",
    [RULE_FINAL] = "last observation",
    [RULE_LENGTH] = "episode length",
    [RULE_REPEAT] = "repeatable",
    [RULE_FRESH] = "new instance",
    [RULE_PROCESS] = "new process",
    [RULE_INTERLEAVED] = "two instances",
    [RULE_SEEDS] = "seeds",
    [RULE_SAVE] = "save",
    [RULE_LOAD] = "load",
    [RULE_REFUSE] = "load of garbage",
    [RULE_HALVES] = "step in halves",
    [RULE_RESET_HALVES] = "reset in halves",
    [RULE_EPISODES_LEAK] = "growth, episodes",
    [RULE_INSTANCES_LEAK] = "growth, instances",
    [RULE_CASES] = "cases",
    [RULE_SPEED] = "speed",
    [RULE_ENDS] = "end",
};
static const char *name_rule(int rule) {
  return rule < RULE_CHANGES ? rule_names[rule] : guest_change_text((enum guest_change)(rule - RULE_CHANGES))->name;
}

static const char *const verdict_names[] = {"-", "skipped", "ok", "warning", "error"};

// A group runs in a fork of this process, or in a new program, which has other addresses and other bytes in its memory.
struct rule_group {
  void (*run)(struct check *check, const struct environment_kind *kind);
  bool new_program;
};
static const struct rule_group groups[] = {{check_episodes, false},    {check_repeats, false}, {check_process, true},
                                           {check_interleaved, false}, {check_state, false},   {check_refusals, false},
                                           {check_halves, false},      {check_growth, false},  {check_cases, false}};
enum { GROUPS = sizeof groups / sizeof *groups };

// The variable by which a new program gets "DESCRIPTOR GROUP": the memory of its findings, and the group that it runs.
#define GROUP_VARIABLE "CORSAC_CHECK_ENV_GROUP"

static void run_new_program(const struct checker *checker, int number) {
  char text[64];
  snprintf(text, sizeof text, "%d %d", checker->memory, number);
  char **argv = calloc((size_t)checker->argc + 3, sizeof *argv);
  char program[] = "corsac", command[] = "check-env";
  if (argv && fcntl(checker->memory, F_SETFD, 0) == 0 && setenv(GROUP_VARIABLE, text, 1) == 0 &&
      setenv("MALLOC_PERTURB_", "102", 1) == 0) {
    argv[0] = program;
    argv[1] = command;
    for (int i = 0; i < checker->argc; i++) argv[i + 2] = checker->argv[i];
    execv("/proc/self/exe", argv);
  }
  _exit(EXIT_FAILED);
}

// The environment ended the process. A crash is raised again: the process that watches sees it.
static void take_end(void *host, const struct guest_end *end) {
  struct check *check = host;
  if (end->crashed) {
    signal(end->signal, SIG_DFL);
    raise(end->signal);
  }
  check_note(check, RULE_ENDS, BROKEN, "%s: %s; an environment returns an error instead", check->call, end->how);
  check->done = true;
  _exit(EXIT_DONE);
}

// Notes the rules as good that every group of checks has found no fault with.
void check_note_faultless(struct check *check) {
  check_note(check, RULE_ENDS, GOOD, "it leaves the end of the process to its host");
  for (unsigned i = 0; i < GUEST_CHANGES; i++)
    check_note(check, RULE_CHANGES + i, GOOD, "it leaves %s alone", guest_change_text(i)->what);
}

// Runs in the group's process, which ends with it.
static void run_group(const struct checker *checker, const struct rule_group *group) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0); // processes that the environment starts end with this one
  struct check *check = checker->check;
  struct error error = {0};
  struct environment_kind kind;
  signals_install();
  guest_set_host(&(struct guest_host){.who = check, .ended = take_end, .mend_signals = signals_mend}, NULL);
  log_init(0, LOG_ERROR); // changes become findings, not warnings
  check->rule = RULE_OPEN;
  snprintf(check->call, sizeof check->call, "corsac_env");
  check->inside = true;
  const enum status status = environment_kind_open(&kind, checker->config.env, &checker->config, &error);
  check->inside = false;
  if (status != STATUS_OK) {
    check_note(check, RULE_OPEN, BROKEN, "%s", error.text);
  } else {
    check_note_changes(check);
    group->run(check, &kind);
    environment_kind_close(&kind);
  }
  check->done = true;
  _exit(EXIT_DONE);
}

bool checker_run_here(const struct checker *checker, int number, const struct environment_kind *kind) {
  struct check *check = checker->check;
  if (number >= GROUPS || (number > 0 && !check->usable)) return false;
  if (groups[number].new_program)
    check_note(check, RULE_PROCESS, SKIPPED, "ranks of mpirun's job cannot be started anew");
  else
    groups[number].run(check, kind);
  return true;
}

static void describe_end(const struct checker *checker, int code, bool hung) {
  struct check *check = checker->check;
  const char *where = check->inside ? "in " : "after ";
  if (hung)
    check_note(check, check->rule, BROKEN, "it hangs in %s: no answer for %g s (--timeout)", check->call,
               checker->timeout);
  else if (WIFSIGNALED(code))
    check_note(check, check->rule, BROKEN, "it crashed %s%s: signal %d, %s", where, check->call, WTERMSIG(code),
               strsignal(WTERMSIG(code)));
  else
    check_note(check, check->rule, BROKEN,
               "it ended the process %s%s: exit status %d; an environment returns an error instead", where, check->call,
               WEXITSTATUS(code));
}

// Waits for the group's process, and kills it when one call takes too long.
static enum status watch(const struct checker *checker, pid_t pid, struct error *error) {
  struct check *check = checker->check;
  uint64_t calls = check->calls;
  double since = clock_now();
  struct backoff backoff = {0};
  bool hung = false;
  int code;
  pid_t ended;
  while ((ended = waitpid(pid, &code, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
    if (calls != check->calls) calls = check->calls, since = clock_now();
    if (!hung && clock_now() - since > checker->timeout) {
      hung = true;
      kill(pid, SIGKILL);
    }
    backoff_wait(&backoff);
  }
  if (ended < 0) return error_set(error, STATUS_FAILED, "check-env: waitpid: %s", strerror(errno));
  kill(-pid, SIGKILL); // processes that it left behind, if any
  if (!check->done) describe_end(checker, code, hung);
  return STATUS_OK;
}

static enum status run_groups(const struct checker *checker, struct error *error) {
  struct check *check = checker->check;
  for (int i = 0; i < GROUPS && (i == 0 || check->usable); i++) {
    check->done = false;
    check->inside = false;
    snprintf(check->call, sizeof check->call, "the start of its process");
    fflush(NULL);
    const pid_t pid = fork();
    if (pid < 0) return error_set(error, STATUS_FAILED, "check-env: fork: %s", strerror(errno));
    if (pid == 0 && groups[i].new_program) run_new_program(checker, i);
    if (pid == 0) run_group(checker, &groups[i]);
    const enum status status = watch(checker, pid, error);
    if (status != STATUS_OK) return status;
  }
  if (check->usable) check_note_faultless(check);
  return STATUS_OK;
}

// --- the report ---

static int count(const struct check *check, enum verdict verdict) {
  int sum = 0;
  for (int i = 0; i < RULES; i++) sum += check->findings[i].verdict == verdict;
  return sum;
}

static void print_text(const struct checker *checker) {
  const struct check *check = checker->check;
  for (int i = 0; i < RULES; i++) {
    const struct finding *finding = &check->findings[i];
    if (finding->verdict == NOT_CHECKED) continue;
    char more[32] = "";
    if (finding->more && finding->verdict > GOOD) snprintf(more, sizeof more, " (and %u more)", finding->more);
    printable_print(streams_output(), "%-8s %-18s %s%s", verdict_names[finding->verdict], name_rule(i), finding->text,
                    more);
  }
  const int errors = count(check, BROKEN), warnings = count(check, WARNING), left = count(check, NOT_CHECKED);
  fprintf(streams_output(), "%s: %d error%s, %d warning%s, %d of %d rules kept", checker->config.env, errors,
          errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s", count(check, GOOD), RULES);
  if (left) fprintf(streams_output(), "; %d not checked because of the errors", left);
  putc('\n', streams_output());
}

static enum status print_json(const struct checker *checker, struct error *error) {
  const struct check *check = checker->check;
  json_t *findings = json_array();
  for (int i = 0; i < RULES; i++) {
    const struct finding *finding = &check->findings[i];
    const bool checked = finding->verdict != NOT_CHECKED;
    json_array_append_new(findings, json_pack("{s:s, s:s, s:o, s:I}", "rule", name_rule(i), "level",
                                              checked ? verdict_names[finding->verdict] : "not checked", "text",
                                              json_text(finding->text), "more", (json_int_t)finding->more));
  }
  return json_print(json_pack("{s:s, s:b, s:i, s:i, s:I, s:I, s:I, s:I, s:f, s:o}", "env", checker->config.env, "ok",
                              count(check, BROKEN) == 0, "errors", count(check, BROKEN), "warnings",
                              count(check, WARNING), "obs_dim", (json_int_t)check->obs_dim, "act_dim",
                              (json_int_t)check->act_dim, "agents", (json_int_t)check->agents, "max_episode_steps",
                              (json_int_t)check->max_episode_steps, "steps_per_s", check->steps_per_s, "findings",
                              findings),
                    error);
}

int checker_report(const struct checker *checker) {
  struct error error = {0};
  if (!checker->json)
    print_text(checker);
  else if (print_json(checker, &error) != STATUS_OK)
    return command_fail(&error);
  return count(checker->check, BROKEN) ? EXIT_FAILED : EXIT_DONE;
}

// --- the command ---

struct request {
  const char *env, *episodes, *timeout, *python, *mujoco_dir, *ranks_per_env;
  const char *action_low, *action_high, *gym_wrap, *gym_info, *channel, *channel_host;
  const char *create_timeout, *reset_timeout, *step_timeout, *scratch, *scratch_from, *scratch_keep;
  const char *cases, *cases_per;
  bool restart_each_episode;
};

// The longest call: a reset may have to wait for the end of a program, start it anew and reset it.
static double check_timeout(const struct config *config) {
  const double longest = config_longest_timeout(config), reset = config_call_timeout(config, CONFIG_RESET);
  return config->restart_each_episode ? reset + config_call_timeout(config, CONFIG_CREATE) + reset : longest;
}

static enum status read_request(int argc, char **argv, struct request *request, struct checker *checker,
                                struct error *error) {
  const struct argument known[] = {{"json", &checker->json, NULL},
                                   {"ranks-per-env", NULL, &request->ranks_per_env},
                                   {"episodes", NULL, &request->episodes},
                                   {"timeout", NULL, &request->timeout},
                                   {"python", NULL, &request->python},
                                   {"mujoco-dir", NULL, &request->mujoco_dir},
                                   {"action-low", NULL, &request->action_low},
                                   {"action-high", NULL, &request->action_high},
                                   {"gym-wrap", NULL, &request->gym_wrap},
                                   {"gym-info", NULL, &request->gym_info},
                                   {"create-timeout", NULL, &request->create_timeout},
                                   {"reset-timeout", NULL, &request->reset_timeout},
                                   {"step-timeout", NULL, &request->step_timeout},
                                   {"restart-each-episode", &request->restart_each_episode, NULL},
                                   {"scratch", NULL, &request->scratch},
                                   {"scratch-from", NULL, &request->scratch_from},
                                   {"scratch-keep", NULL, &request->scratch_keep},
                                   {"cases", NULL, &request->cases},
                                   {"cases-per", NULL, &request->cases_per},
                                   {"channel", NULL, &request->channel},
                                   {"channel-host", NULL, &request->channel_host}};
  enum status status =
      arguments_parse(argc, argv, "check-env", known, sizeof known / sizeof *known, &request->env, error);
  if (status != STATUS_OK) return status;
  if (!request->env)
    return error_set(error, STATUS_USAGE,
                     "check-env: say which environment: path/to/plugin.so[:args], or a name that `corsac envs` lists");
  options_defaults(&checker->config);
  const struct {
    const char *name, *value, *option;
  } values[] = {{"env", request->env, "check-env ENV"},
                {"env_timeout", request->timeout, "--timeout"},
                {"python", request->python, "--python"},
                {"mujoco_dir", request->mujoco_dir, "--mujoco-dir"},
                {"ranks_per_env", request->ranks_per_env, "--ranks-per-env"},
                {"action_low", request->action_low, "--action-low"},
                {"action_high", request->action_high, "--action-high"},
                {"gym_wrap", request->gym_wrap, "--gym-wrap"},
                {"gym_info", request->gym_info, "--gym-info"},
                {"create_timeout", request->create_timeout, "--create-timeout"},
                {"reset_timeout", request->reset_timeout, "--reset-timeout"},
                {"step_timeout", request->step_timeout, "--step-timeout"},
                {"restart_each_episode", request->restart_each_episode ? "true" : NULL, "--restart-each-episode"},
                {"scratch", request->scratch, "--scratch"},
                {"scratch_from", request->scratch_from, "--scratch-from"},
                {"scratch_keep", request->scratch_keep, "--scratch-keep"},
                {"cases", request->cases, "--cases"},
                {"cases_per", request->cases_per, "--cases-per"},
                {"channel", request->channel, "--channel"},
                {"channel_host", request->channel_host, "--channel-host"}};
  for (size_t i = 0; i < sizeof values / sizeof *values && status == STATUS_OK; i++)
    if (values[i].value)
      status = option_set(options_find(values[i].name), &checker->config, values[i].value, values[i].option, error);
  if (status == STATUS_OK) status = cases_load(&checker->config, error);
  if (status == STATUS_OK) status = options_check(&checker->config, error);
  if (status != STATUS_OK) return status;
  if (!request->timeout) checker->config.env_timeout = 60;
  checker->timeout = check_timeout(&checker->config);
  uint32_t episodes = 10;
  status = arguments_integer("episodes", request->episodes, 1, 1000000, &episodes, error);
  checker->check->episodes = episodes;
  return status;
}

// Makes the findings' memory, which processes share. A new program takes the memory that it got, and its *group; else
// *group is -1.
static enum status share_memory(struct checker *checker, int *number, struct error *error) {
  const char *passed = getenv(GROUP_VARIABLE);
  checker->memory = -1;
  *number = -1;
  if (!passed || sscanf(passed, "%d %d", &checker->memory, number) != 2 || *number < 0 || *number >= GROUPS) {
    *number = -1;
    checker->memory = memfd_create("corsac-check-env", MFD_CLOEXEC);
    if (checker->memory >= 0 && ftruncate(checker->memory, sizeof *checker->check) != 0) checker->memory = -1;
  }
  unsetenv(GROUP_VARIABLE);
  unsetenv("MALLOC_PERTURB_");
  if (checker->memory >= 0 && fcntl(checker->memory, F_SETFD, FD_CLOEXEC) == 0)
    checker->check = mmap(NULL, sizeof *checker->check, PROT_READ | PROT_WRITE, MAP_SHARED, checker->memory, 0);
  if (checker->check && checker->check != MAP_FAILED) return STATUS_OK;
  checker->check = NULL;
  return error_set(error, STATUS_MEMORY, "check-env: no shared memory for its findings: %s", strerror(errno));
}

int command_check_env(int argc, char **argv) {
  struct error error = {0};
  struct request request = {0};
  struct checker checker = {.argc = argc, .argv = argv};
  int number;
  const bool first = command_first_rank();
  streams_keep_output();
  enum status status = share_memory(&checker, &number, &error);
  if (status == STATUS_OK) status = read_request(argc, argv, &request, &checker, &error);
  if (status != STATUS_OK) return first ? command_fail(&error) : status_exit_code(status);
  if (checker.config.ranks_per_env > 1) return check_env_on_ranks(&checker);
  if (!first) return EXIT_DONE;
  if (number >= 0) run_group(&checker, &groups[number]);
  return run_groups(&checker, &error) == STATUS_OK ? checker_report(&checker) : command_fail(&error);
}
