#include "launch/runs/run_set.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>
#include <string.h>

enum { NAMED = 3 }; // how many differences a label names

enum status run_set_read(const char *command, const char *const *paths, size_t count, bool empty, struct run_set *runs,
                         struct error *error) {
  if (count == 0)
    return error_set(error, STATUS_USAGE, "%s: say of what: corsac %s RUN... (run directories); see `corsac help %s`",
                     command, command, command);
  runs->run = memory_alloc(count, sizeof *runs->run, "the runs", error);
  enum status status = runs->run ? STATUS_OK : STATUS_MEMORY;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    struct run *run = &runs->run[runs->count];
    status = run_read(paths[i], run, error);
    if (status != STATUS_OK) break;
    if (empty || run->metrics.rows > 0) {
      runs->count++;
      continue;
    }
    run_release(run);
    if (count > 1) log_warn("%s: left out, its metrics.csv has no rows yet", paths[i]);
  }
  if (status == STATUS_OK && runs->count == 0)
    status = error_set(error, STATUS_FAILED,
                       "%s: %.800s: metrics.csv has no rows yet, so there is nothing to draw; "
                       "--log-every of train says how often one is written",
                       command, paths[0]);
  if (status == STATUS_OK) run_set_group(runs);
  if (status != STATUS_OK) run_set_release(runs);
  return status;
}

void run_set_release(struct run_set *runs) {
  for (size_t i = 0; i < runs->count; i++) run_release(&runs->run[i]);
  memory_free(runs->run);
  *runs = (struct run_set){0};
}

// --- groups ---

// Whether runs of one group may differ in this option: the seed, where and how long the run trains, and its reports.
static bool is_of_one_run(const struct option *option) {
  static const char *const names[] = {"seed",    "env_steps",       "max_hours",  "backend",
                                      "python",  "learner_threads", "mujoco_dir", "min_actors",
                                      "channel", "channel_host"};
  if (option->rule == OPTION_INVOCATION || strcmp(option->group, "reports") == 0) return true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(option->name, names[i]) == 0) return true;
  return strcmp(option->name, "log_level") == 0;
}

static bool differs(const struct option *option, const struct config *a, const struct config *b) {
  if (option->type == OPTION_LINES)
    return strcmp((const char *)a + option->offset, (const char *)b + option->offset) != 0;
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

void run_set_group(struct run_set *runs) {
  runs->groups = 0;
  for (size_t i = 0; i < runs->count; i++) {
    struct run *run = &runs->run[i];
    run->group = runs->groups;
    for (size_t j = 0; j < i && run->group == runs->groups; j++)
      if (is_same_group(run, &runs->run[j])) run->group = runs->run[j].group;
    runs->groups += run->group == runs->groups;
  }
}

size_t run_set_size(const struct run_set *runs, size_t group) {
  size_t size = 0;
  for (size_t i = 0; i < runs->count; i++) size += runs->run[i].group == group;
  return size;
}

bool run_set_has_bands(const struct run_set *runs) { return runs->count > runs->groups; }

void run_set_label(const struct run_set *runs, size_t group, char label[RUN_LABEL]) {
  const struct run *own = NULL;
  size_t used = 0, named = 0;
  for (size_t i = 0; i < runs->count && !own; i++)
    if (runs->run[i].group == group) own = &runs->run[i];
  label[0] = '\0';
  if (!own) return;
  for (size_t i = 0; i < options_count(); i++) {
    const struct option *option = options_at(i);
    bool among = false;
    for (size_t j = 0; j < runs->count; j++) among |= differs(option, &own->config, &runs->run[j].config);
    if (!among || is_of_one_run(option)) continue;
    char value[CONFIG_TEXT + 64];
    option_get(option, &own->config, value, sizeof value);
    for (char *end = value; (end = strchr(end, '\n')); end++) *end = ';'; // lines on one line
    const bool plain = strcmp(option->name, "env") == 0;                  // its value needs no name
    if (++named > NAMED || used >= RUN_LABEL) continue;
    used += (size_t)snprintf(label + used, RUN_LABEL - used, "%s%s%s%.60s", named > 1 ? ", " : "",
                             plain ? "" : option->name, plain ? "" : " ", value);
  }
  if (named > NAMED && used < RUN_LABEL) snprintf(label + used, RUN_LABEL - used, ", and %zu more", named - NAMED);
  if (named == 0) snprintf(label, RUN_LABEL, "%.200s", own->config.env);
}
