#include "actor/fmi/task.h"

#include "actor/fmi/task_impl.h"
#include "common/base/action_bounds.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct fmi_variable *task_find(const struct task *task, const struct description *description, const char *name) {
  for (size_t i = 0; i < task->names.count; i++)
    if (task->names.entries[i].variable && strcmp(task->names.entries[i].name, name) == 0)
      return task->names.entries[i].variable;
  return description_find(description, name);
}

// --- what the file leaves out ---

// All variables of a causality that are numbers.
static enum status take_all(struct task_list *list, const struct description *description, enum fmi_causality causality,
                            const char *without, struct error *error) {
  if (list->given) return STATUS_OK;
  list->entries = calloc(description->count + 1, sizeof *list->entries);
  if (!list->entries) return error_set(error, STATUS_MEMORY, "not enough memory for a task");
  for (size_t i = 0; i < description->count; i++) {
    const struct fmi_variable *variable = &description->variables[i];
    if (variable->causality != causality || variable->type >= FMI_NUMBERS || variable->count == 0 ||
        (without && strcmp(variable->name, without) == 0))
      continue;
    char *name = strdup(variable->name);
    if (!name) return error_set(error, STATUS_MEMORY, "not enough memory for a task");
    list->entries[list->count++] = (struct task_entry){.name = name, .variable = variable, .low = NAN, .high = NAN};
  }
  return STATUS_OK;
}

static enum status take_reward(struct task *task, const struct description *description, struct error *error) {
  const struct fmi_variable *variable = description_find(description, "reward");
  if (task->reward) return STATUS_OK;
  if (!variable || variable->causality != FMI_OUTPUT)
    return error_set(error, STATUS_USAGE,
                     "there is no reward: the FMU has no output named reward, so a task file says it, as in "
                     "\"reward: -(h - 1)^2\"; corsac new-env --lang fmu writes one to begin with");
  task->reward = strdup("reward");
  return task->reward ? STATUS_OK : error_set(error, STATUS_MEMORY, "not enough memory for a task");
}

// --- checks ---

static enum status check_actions(struct task *task, struct error *error) {
  for (size_t i = 0; i < task->actions.count; i++) {
    struct task_entry *entry = &task->actions.entries[i];
    const bool given = !isnan(entry->low), is_switch = entry->variable->type == FMI_BOOLEAN;
    if (!given) {
      entry->low = is_switch ? 0 : entry->variable->low;
      entry->high = is_switch ? 1 : entry->variable->high;
    }
    if (entry->variable->causality != FMI_INPUT && entry->variable->causality != FMI_PARAMETER)
      return error_set(error, STATUS_USAGE, "actions: \"%.100s\" is no input of the FMU", entry->name);
    if (isnan(entry->low) || isnan(entry->high))
      return error_set(error, STATUS_USAGE,
                       "actions: the FMU has no min and max of \"%.100s\", so the task file gives its bounds, as in "
                       "\"actions: {%.100s: [-1, 1]}\"",
                       entry->name, entry->name);
    if (!action_bounds_are_good(entry->low, entry->high))
      return error_set(error, STATUS_USAGE, "actions: the bounds of \"%.100s\" are [%g, %g]; " ACTION_BOUNDS_RULE,
                       entry->name, entry->low, entry->high);
  }
  if (task->actions.count > 0) return STATUS_OK;
  return error_set(error, STATUS_USAGE, "actions: there are none; they are inputs of the FMU that are numbers");
}

static enum status check_settable(const struct task_list *list, const char *key, struct error *error) {
  for (size_t i = 0; i < list->count; i++)
    if (list->entries[i].variable->constant || list->entries[i].variable->causality == FMI_INDEPENDENT)
      return error_set(error, STATUS_USAGE, "%s: \"%.100s\" is constant in the FMU", key, list->entries[i].name);
  return STATUS_OK;
}

static enum status check_times(struct task *task, struct error *error) {
  if (isnan(task->step_size))
    return error_set(error, STATUS_USAGE,
                     "step_size: the FMU suggests none, so the task file gives it, as in \"step_size: 0.1\"");
  if (!(task->step_size > 0)) return error_set(error, STATUS_USAGE, "step_size: %g has to be > 0", task->step_size);
  if (!(task->substeps >= 1) || task->substeps > 1e6 || task->substeps != floor(task->substeps))
    return error_set(error, STATUS_USAGE, "substeps: %g has to be a whole number from 1 on", task->substeps);
  if (isnan(task->stop_time)) return STATUS_OK;
  const double steps = floor((task->stop_time - task->start_time) / task->step_size + 0.5);
  if (!(steps >= 1) || steps > UINT32_MAX)
    return error_set(error, STATUS_USAGE, "stop_time: from %g to %g there are %g steps of %g; it has to be 1 or more",
                     task->start_time, task->stop_time, steps, task->step_size);
  task->max_steps = (uint32_t)steps;
  return STATUS_OK;
}

static enum status complete(struct task *task, const struct description *description, struct error *error) {
  enum status status = take_all(&task->actions, description, FMI_INPUT, NULL, error);
  if (status == STATUS_OK) status = take_reward(task, description, error);
  if (status == STATUS_OK) status = take_all(&task->observations, description, FMI_OUTPUT, task->reward, error);
  if (status == STATUS_OK) status = check_actions(task, error);
  if (status == STATUS_OK) status = check_settable(&task->start, "start", error);
  if (status == STATUS_OK) status = check_settable(&task->vary, "vary", error);
  if (status == STATUS_OK) status = check_times(task, error);
  if (status == STATUS_OK && task->observations.count == 0)
    status = error_set(error, STATUS_USAGE, "observations: there are none; the FMU has no outputs that are numbers");
  return status;
}

enum status task_read(struct task *task, const char *path, const char *fmu, const struct description *description,
                      struct error *error) {
  *task = (struct task){.start_time = isnan(description->start_time) ? 0 : description->start_time,
                        .stop_time = description->stop_time,
                        .step_size = description->step_size,
                        .tolerance = description->tolerance,
                        .substeps = 1,
                        .isolate = true};
  const enum status status = path ? task_read_yaml(task, path, description, error) : STATUS_OK;
  if (status != STATUS_OK) return status;
  struct error own = {0};
  if (complete(task, description, &own) == STATUS_OK) return STATUS_OK;
  return error_set(error, own.status, "%s: %s", path ? path : fmu, own.text);
}

static void release_list(struct task_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    free(list->entries[i].name);
    free(list->entries[i].text);
  }
  free(list->entries);
}

void task_release(struct task *task) {
  release_list(&task->actions);
  release_list(&task->observations);
  release_list(&task->start);
  release_list(&task->vary);
  release_list(&task->info);
  release_list(&task->names);
  free(task->reward);
  free(task->terminated);
  *task = (struct task){0};
}
