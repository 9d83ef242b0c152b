#include "launch/runs/run.h"

#include "common/base/file.h"
#include "learner/run/run_directory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMED = 3 }; // differences that a label names

enum status run_read(const char *path, struct run *record, struct error *error) {
  *record = (struct run){0};
  struct stat info;
  char config[FILE_PATH];
  if (stat(path, &info) != 0)
    return error_set(error, STATUS_USAGE, "%.1000s: cannot be read: %s; give the directory of a run", path,
                     strerror(errno));
  if (!S_ISDIR(info.st_mode))
    return error_set(error, STATUS_USAGE, "%.1000s: is no directory; give the directory of a run (--run-dir of train)",
                     path);
  snprintf(record->path, sizeof record->path, "%s", path);
  for (size_t length = strlen(record->path); length > 1 && record->path[length - 1] == '/';)
    record->path[--length] = '\0';
  enum status status = file_join(config, record->path, "config.yaml", error);
  if (status != STATUS_OK) return status;
  if (stat(config, &info) != 0)
    return error_set(error, STATUS_USAGE, "%.1000s: holds no config.yaml, so it is no run's directory", path);
  options_defaults(&record->config);
  status = options_read_yaml(config, &record->config, error);
  return status == STATUS_OK ? metrics_table_read(record->path, &record->metrics, error) : status;
}

void run_release(struct run *record) { metrics_table_release(&record->metrics); }

// What may differ between runs of one configuration: the seed, where and how long, and what is told of it.
static bool is_of_one_run(const struct option *option) {
  static const char *const names[] = {"seed",   "env_steps",       "max_hours",  "backend",
                                      "python", "learner_threads", "mujoco_dir", "min_actors"};
  if (option->rule == OPTION_INVOCATION || strcmp(option->group, "reports") == 0) return true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(option->name, names[i]) == 0) return true;
  return strcmp(option->name, "log_level") == 0;
}

static bool differs(const struct option *option, const struct config *a, const struct config *b) {
  char left[CONFIG_TEXT + 64], right[CONFIG_TEXT + 64];
  option_get(option, a, left, sizeof left);
  option_get(option, b, right, sizeof right);
  return strcmp(left, right) != 0;
}

static bool is_same_group(const struct run *a, const struct run *b) {
  for (size_t i = 0; i < options_count(); i++)
    if (!is_of_one_run(options_at(i)) && differs(options_at(i), &a->config, &b->config)) return false;
  return true;
}

size_t run_group(struct run *records, size_t count) {
  size_t groups = 0;
  for (size_t i = 0; i < count; i++) {
    records[i].group = groups;
    for (size_t j = 0; j < i && records[i].group == groups; j++)
      if (is_same_group(&records[i], &records[j])) records[i].group = records[j].group;
    groups += records[i].group == groups;
  }
  return groups;
}

void run_label(const struct run *records, size_t count, size_t group, char label[RUN_LABEL]) {
  const struct run *own = NULL;
  size_t used = 0, named = 0;
  for (size_t i = 0; i < count && !own; i++)
    if (records[i].group == group) own = &records[i];
  label[0] = '\0';
  if (!own) return;
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    bool among = false;
    for (size_t j = 0; j < count; j++) among |= differs(option, &own->config, &records[j].config);
    if (!among || is_of_one_run(option)) continue;
    char value[CONFIG_TEXT + 64];
    option_get(option, &own->config, value, sizeof value);
    const bool plain = strcmp(option->name, "env") == 0;
    if (++named > NAMED || used >= RUN_LABEL) continue;
    used += (size_t)snprintf(label + used, RUN_LABEL - used, "%s%s%s%.60s", named > 1 ? ", " : "",
                             plain ? "" : option->name, plain ? "" : " ", value);
  }
  if (named > NAMED && used < RUN_LABEL) snprintf(label + used, RUN_LABEL - used, ", and %zu more", named - NAMED);
  if (named == 0) snprintf(label, RUN_LABEL, "%.200s", own->config.env);
}
