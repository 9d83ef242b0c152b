// What is to be learned with an FMU: actions, observations, reward, times, start values. A YAML file says it; what the
// file leaves out comes from the FMU's description.
#ifndef CORSAC_ACTOR_FMI_TASK_H
#define CORSAC_ACTOR_FMI_TASK_H

#include "actor/fmi/description.h"
#include "common/base/status.h"

struct task_entry {
  char *name;                          // as the file has it
  char *text;                          // the start value of a string; or NULL
  const struct fmi_variable *variable; // of the description
  double low, high;                    // bounds of an action, range of a varied value; low: a start value
  size_t line;
};

struct task_list {
  struct task_entry *entries; // (count)
  size_t count;
  bool given; // the file has it
};

struct task {
  double start_time, step_size, stop_time, tolerance;               // stop_time, tolerance: NAN where there is none
  double substeps;                                                  // calls of the FMU in a step of the environment
  bool fresh, isolate;                                              // fresh: an instance of its own for each episode
  struct task_list actions, observations, start, vary, info, names; // names: what other lists may call a variable
  char *reward, *terminated;                                        // a variable or an expression; terminated: or NULL
  size_t reward_line, terminated_line;                              // 0: not in the file
  uint32_t max_steps;                                               // 0: the episodes have no limit
};

// path NULL: there is no file. `fmu` is what messages call the FMU. STATUS_USAGE: the message has file and line, and
// what would be right. The task refers to the description. Release it also after a failure.
enum status task_read(struct task *task, const char *path, const char *fmu, const struct description *description,
                      struct error *error);
void task_release(struct task *task);

// NULL: neither `names` nor the description has it.
const struct fmi_variable *task_find(const struct task *task, const struct description *description, const char *name);

#endif
