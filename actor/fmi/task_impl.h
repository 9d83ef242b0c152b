// Reads the YAML of a task (task_yaml.c): keys, values, names of variables, each error with its line.
#ifndef CORSAC_ACTOR_FMI_TASK_IMPL_H
#define CORSAC_ACTOR_FMI_TASK_IMPL_H

#include "actor/fmi/task.h"

// Fills in what the file gives. What it leaves out stays as it is.
enum status task_read_yaml(struct task *task, const char *path, const struct description *description,
                           struct error *error);

#endif
