// corsac inspect: what a checkpoint holds, and whether it is whole.
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/printable.h"
#include "common/config/options.h"
#include "common/nn/networks.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "common/base/json.h"
#include "common/base/plural.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/storage/checkpoint_list.h"
#include "learner/storage/checkpoint_verify.h"
#include "learner/run/run_directory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LISTED = 1000 };

struct inspection {
  char file[FILE_PATH];
  bool has_head; // info was read
  struct checkpoint_info info;
  struct error error; // why the file is not ok
  bool of_run;        // `last` is the status of the run whose directory is inspected
  struct run_last_status last;
};

static void inspection_release(struct inspection *inspection) {
  checkpoint_info_release(&inspection->info);
  inspection->has_head = false;
}

// Fills the inspection from its file name.
static void inspect_file(struct inspection *inspection) {
  inspection->has_head = checkpoint_read_info(inspection->file, &inspection->info, &inspection->error) == STATUS_OK;
  if (inspection->has_head) checkpoint_verify(inspection->file, &inspection->error);
}

static bool is_ok(const struct inspection *inspection) { return inspection->error.status == STATUS_OK; }

static bool is_damaged(const struct inspection *inspection) { return checkpoint_is_damage(inspection->error.status); }

// The configuration of the file, or the defaults where it cannot be read.
static void read_config(const struct checkpoint_info *info, struct config *config) {
  options_defaults(config);
  if (info->config && options_parse_yaml(info->config, strlen(info->config), "", config, NULL) != STATUS_OK)
    options_defaults(config);
}

static enum status print_json(const struct inspection *inspection, struct error *error) {
  const struct checkpoint_info *info = &inspection->info;
  json_t *root = json_pack("{s:o, s:b}", "file", json_text(inspection->file), "ok", is_ok(inspection));
  struct config config;
  read_config(info, &config);
  json_t *head =
      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "format_version",
                json_count(info->format_version), "program_version", json_text(info->program_version), "env",
                json_text(info->environment), "obs_dim", json_count(info->obs_dim), "act_dim",
                json_count(info->act_dim), "history", json_count(config.history), "env_steps",
                json_count(info->env_steps), "updates", json_count(info->updates), "policy_version",
                json_count(info->policy_version), "exact", info->exact, "parameters", json_count(info->parameters),
                "replay_size", json_count(info->replay_size), "replay_capacity", json_count(info->replay_capacity));
  const char *key;
  json_t *value;
  json_object_foreach(head, key, value) json_object_set(root, key, inspection->has_head ? value : json_null());
  json_decref(head);
  if (inspection->of_run) json_object_set_new(root, "state", json_string(run_state_name(inspection->last.state)));
  if (!is_ok(inspection)) json_object_set_new(root, "error", json_text(inspection->error.text));
  return json_print(root, error);
}

// Names the environment where it is code outside of corsac: to use another person's file is to run that code.
static void print_command(const struct checkpoint_info *info) {
  struct config config;
  read_config(info, &config);
  if (strpbrk(config.env, ":/")) printf("  runs         %s (as eval, explain and --resume would)\n", config.env);
}

static void print_history(const struct checkpoint_info *info) {
  struct config config;
  char text[64];
  read_config(info, &config);
  const struct history history = history_of(&config, info->obs_dim, info->act_dim);
  if (history.length == 1) return;
  history_format(&history, text, sizeof text);
  printf("  sees         %s, %llu numbers\n", text, (unsigned long long)history_width(&history));
}

static void print_head(const struct checkpoint_info *info) {
  printf("  written      %s by corsac %s, format %u\n", info->created, info->program_version, info->format_version);
  printf("  environment  %s: obs_dim %u, act_dim %u\n", info->environment, info->obs_dim, info->act_dim);
  print_history(info);
  print_command(info);
  printf("  progress     %llu step%s, %llu update%s, %llu episode%s, policy version %llu\n",
         (unsigned long long)info->env_steps, plural(info->env_steps), (unsigned long long)info->updates,
         plural(info->updates), (unsigned long long)info->episodes, plural(info->episodes),
         (unsigned long long)info->policy_version);
  if (!isnan(info->eval_return)) printf("  evaluation   mean return %.2f\n", info->eval_return);
  printf("  parameters   %llu in the policy and the critics\n", (unsigned long long)info->parameters);
  if (info->replay_capacity)
    printf("  replay       %llu of %llu %s%s\n", (unsigned long long)info->replay_size,
           (unsigned long long)info->replay_capacity, info->replay_linked ? "observation" : "transition",
           plural(info->replay_capacity));
  else
    printf("  replay       none\n");
  if (!info->resumable)
    printf("  resume       not from this file: it holds a policy only\n");
  else
    printf("  resume       %s\n", info->exact ? "continues bit for bit" : "continues, but not bit for bit");
}

static void print_inspection(const struct inspection *inspection) {
  if (is_ok(inspection)) printable_print(stdout, "%s: good, every checksum agrees", inspection->file);
  if (is_ok(inspection)) print_head(&inspection->info);
}

static void print_line(const struct inspection *inspection) {
  const char *slash = strrchr(inspection->file, '/'), *name = slash ? slash + 1 : inspection->file;
  if (is_ok(inspection))
    printf("  %-24s %12llu steps  %s  good\n", name, (unsigned long long)inspection->info.env_steps,
           inspection->info.created);
  else
    printf("  %-24s %s: %s\n", name, is_damaged(inspection) ? "NOT GOOD" : "NOT READ", inspection->error.text);
}

// Goes through the run's checkpoints, newest first, and leaves in `newest` the one that a resume would take: the first
// that is not damaged, also where it cannot be read now (in use by another program, no permission). Where all are
// damaged it leaves the newest of all. list: prints a line for each checkpoint; otherwise the walk ends at the one that
// a resume would take, with a warning for each before it.
static enum status inspect_directory(const char *directory, bool list, struct inspection *newest, struct error *error) {
  uint64_t *steps = memory_alloc(MAX_LISTED, sizeof *steps, "the list of checkpoints", error);
  if (!steps) return STATUS_MEMORY;
  int count = checkpoint_list(directory, steps, MAX_LISTED, error);
  if (count == 0) error_set(error, STATUS_IO, "%s: there is no checkpoint (ckpt-*.h5) in this directory", directory);
  if (count > MAX_LISTED) count = MAX_LISTED;
  for (int i = 0; i < count && error->status == STATUS_OK && (list || i == 0 || is_damaged(newest)); i++) {
    struct inspection one = {0};
    if (checkpoint_list_path(one.file, directory, steps[i], error) != STATUS_OK) break;
    inspect_file(&one);
    if (list) print_line(&one);
    if (!list && is_damaged(&one)) log_warn("%s", one.error.text);
    if (i == 0 || (is_damaged(newest) && !is_damaged(&one))) {
      inspection_release(newest);
      *newest = one;
    } else {
      inspection_release(&one);
    }
  }
  memory_free(steps);
  return error->status;
}

static void list_best(const char *directory) {
  struct inspection best = {0};
  struct error error = {0};
  struct stat info;
  if (file_join(best.file, directory, "best.h5", &error) != STATUS_OK || stat(best.file, &info) != 0) return;
  inspect_file(&best);
  print_line(&best);
  inspection_release(&best);
}

// Prints the state of the run, where its directory tells it.
static void print_state(const struct run_last_status *last) {
  char words[2048];
  if (last->state == RUN_UNKNOWN) return;
  run_last_status_format(last, words, sizeof words);
  printf("  %s\n\n", words);
}

static enum status inspect(const char *path, bool json, struct inspection *inspection, struct error *error) {
  struct stat info;
  enum status status = STATUS_OK;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    snprintf(inspection->file, sizeof inspection->file, "%s", path); // until a checkpoint is found
    struct run_last_status last;
    run_last_status_read(path, &last);
    if (!json) print_state(&last);
    status = inspect_directory(path, !json, inspection, error);
    if (!json && status == STATUS_OK) list_best(path);
    if (!json && status == STATUS_OK) putchar('\n');
    if (status != STATUS_OK) inspection->error = *error;
    inspection->of_run = true; // after inspect_directory, which replaces the inspection
    inspection->last = last;
  } else if (strlen(path) < sizeof inspection->file) {
    snprintf(inspection->file, sizeof inspection->file, "%s", path);
    inspect_file(inspection);
  } else {
    return error_set(error, STATUS_USAGE, "inspect: the path has more than %d characters", FILE_PATH - 1);
  }
  if (json) {
    error_clear(error); // it is in the inspection
    return print_json(inspection, error);
  }
  print_inspection(inspection);
  return status;
}

int command_inspect(int argc, char **argv) {
  struct error error = {0};
  struct inspection inspection = {0};
  const char *path = NULL;
  bool json = false;
  const struct argument known[] = {{"json", &json, NULL}};
  if (arguments_parse(argc, argv, "inspect", known, sizeof known / sizeof *known, &path, &error) != STATUS_OK)
    return command_fail(&error);
  if (!path || !path[0]) {
    error_set(&error, STATUS_USAGE, "inspect: say what: corsac inspect RUN (a run directory), or a checkpoint file");
    return command_fail(&error);
  }
  inspect(path, json, &inspection, &error);
  inspection_release(&inspection);
  if (error.status != STATUS_OK) return command_fail(&error);
  return is_ok(&inspection) ? EXIT_DONE : command_fail(&inspection.error);
}
