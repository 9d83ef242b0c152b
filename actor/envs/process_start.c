// What a child process is started with: its arguments, its output, its directory and its cores.
#include "actor/envs/process_impl.h"
#include "actor/envs/serve.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/cases.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

// --- scratch directories ---

// Joins directory/name into a new text, absolute. NULL: no memory, or too long.
static char *join(const char *directory, const char *name, struct error *error) {
  char path[FILE_PATH], absolute[FILE_PATH];
  if (*name == '/' || !*directory)
    snprintf(path, sizeof path, "%s", name);
  else if (file_join(path, directory, name, error) != STATUS_OK)
    return NULL;
  const char *found = file_path(path, absolute);
  char *text = memory_alloc(strlen(found) + 1, 1, "the path of a scratch directory", error);
  if (text) memcpy(text, found, strlen(found) + 1);
  return text;
}

enum status process_find_scratch(struct process *process, struct error *error) {
  const struct config *config = process->config;
  if (!config) return STATUS_OK;
  if (!*config->scratch && *config->scratch_from)
    return error_set(error, STATUS_USAGE,
                     "scratch_from %.300s has no effect without scratch: --scratch DIR says where its copies are",
                     config->scratch_from);
  if (!*config->scratch) return STATUS_OK;
  process->scratch = join(config->run_dir, config->scratch, error);
  if (!process->scratch) return STATUS_MEMORY;
  if (!*config->scratch_from) return STATUS_OK;
  process->scratch_from = join("", config->scratch_from, error);
  if (!process->scratch_from) return STATUS_MEMORY;
  const enum status status = file_tree_check_source(process->scratch_from, process->scratch, error);
  if (status == STATUS_OK) return status;
  const bool is_relative = *config->scratch_from != '/';
  return error_prefix(error, "scratch_from%s",
                      is_relative ? ", a path from the directory where this program was started" : "");
}

static enum scratch_keep keep_of(const struct process *process) {
  const char *keep = process->config->scratch_keep;
  return strcmp(keep, "never") == 0 ? SCRATCH_NEVER : strcmp(keep, "always") == 0 ? SCRATCH_ALWAYS : SCRATCH_FAILED;
}

static struct file_tree_waiting waiting_of(const struct instance *instance) {
  return (struct file_tree_waiting){instance->outer.waiting, instance->outer.who};
}

// The instance's name in the run directory: "3", "evaluation-3".
static void name_instance(const struct instance *instance, char *name, size_t size) {
  snprintf(name, size, "%s%llu", instance->evaluation ? "evaluation-" : "", (unsigned long long)instance->index);
}

static enum status make_scratch(struct instance *instance, struct error *error) {
  char name[48];
  const struct process *process = instance->process;
  if (!process->scratch) return STATUS_OK;
  name_instance(instance, name, sizeof name);
  return scratch_make(&instance->scratch, process->scratch, name, keep_of(process), waiting_of(instance), error);
}

// --- output ---

// Writes the path of the file for the child's output, or "".
static void find_log(const struct instance *instance, char *path, size_t size) {
  const char *run_dir = instance->process->config ? instance->process->config->run_dir : "";
  char name[48];
  snprintf(path, size, "%s/environments", run_dir);
  if (!*run_dir || (file_mkdir(path, 0777) != 0 && errno != EEXIST)) {
    *path = 0;
    return;
  }
  name_instance(instance, name, sizeof name);
  snprintf(path, size, "%s/environments/%s.log", run_dir, name);
}

// --- cores ---

// false: all of them.
static bool choose_cores(const struct instance *instance, cpu_set_t *chosen) {
  const struct process *process = instance->process;
  const uint64_t each = process->config ? process->config->child_cores : 0;
  cpu_set_t allowed;
  if (each == 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0) return false;
  const uint32_t slot = child_cores_slot(&process->place, instance->index, instance->evaluation);
  child_cores_choose(&allowed, slot, each, chosen);
  return true;
}

// --- the case ---

// Finds the case that is the same in all that the child will play: that of its environment, or of its only episode.
static bool find_case(const struct instance *instance, char line[CASES_LINE]) {
  const struct config *config = instance->process->config;
  if (!config || !cases_are_given(config)) return false;
  if (cases_per_episode(config) && !config->restart_each_episode) return false;
  cases_line(config, cases_find(config, instance->evaluation, instance->index, instance->episode), line);
  return true;
}

// --- the start ---

bool process_spawn(struct instance *instance, char *error, size_t size) {
  const struct process *process = instance->process;
  const bool is_served = serve_wanted(process->argv[0]);
  char log[CONFIG_TEXT + 128], index[24], path[FILE_PATH];
  char line[CASES_LINE], args[CASES_ARGS];
  const char *argv[PROCESS_ARGUMENTS + 3] = {NULL};
  const bool has_case = find_case(instance, line);
  struct error why = {0};
  memcpy(argv, process->argv, sizeof argv);
  if (is_served) {
    snprintf(index, sizeof index, "%llu", (unsigned long long)instance->index);
    argv[process->count] = index;
    argv[process->count + 1] = instance->evaluation ? "1" : "0";
  }
  if (is_served && has_case && !cases_per_episode(process->config)) {
    cases_join(argv[2], line, args);
    argv[2] = args;
  }
  if (make_scratch(instance, &why) != STATUS_OK) {
    snprintf(error, size, "%s", why.text);
    return false;
  }
  if (*instance->scratch.path && is_served) argv[1] = file_path(argv[1], path); // it is opened in the scratch directory
  find_log(instance, log, sizeof log);
  const bool relays = process->config && !is_served; // this program finds its memory
  struct process_start what = {.argv = argv,
                               .log = log,
                               .directory = instance->scratch.path,
                               .copy_of = process->scratch_from ? process->scratch_from : "",
                               .index = instance->index,
                               .evaluation = instance->evaluation,
                               .episode = instance->episode,
                               .env_steps = instance->env_steps,
                               .case_text = has_case ? line : NULL,
                               .channel = relays ? process->config->channel : "memory",
                               .host = relays ? process->config->channel_host : ""};
  what.has_cores = choose_cores(instance, &what.cores);
  instance->started_for = instance->episode;
  instance->has_played = false;
  if (process_child_start(&instance->child, &what, error, size)) return true;
  scratch_end(&instance->scratch, SCRATCH_NEVER, false, waiting_of(instance));
  return false;
}

void process_end(struct instance *instance, double seconds) {
  process_child_end(&instance->child, seconds, instance->outer);
  process_state_release(&instance->state);
  process_child_release(&instance->child);
  if (!*instance->scratch.path) return;
  scratch_end(&instance->scratch, keep_of(instance->process), instance->broken || instance->is_refused,
              waiting_of(instance));
}
