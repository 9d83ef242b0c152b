// Environments in child processes: exec:COMMAND (a simulator with its own main loop), a plugin with --isolate,
// gym:ID and FMUs. The child talks through libcorsac_sim, or is this program with the plugin or the FMU in it
// (actor/envs/serve.c). A child that dies, hangs, or sends invalid numbers fails its environment, with a text; it
// cannot harm the actor.
#ifndef CORSAC_ACTOR_ENVS_PROCESS_H
#define CORSAC_ACTOR_ENVS_PROCESS_H

#include "actor/envs/child_cores.h"
#include "actor/envs/process_child.h"
#include "common/base/status.h"
#include "common/config/config.h"
#include "common/env/env.h"

struct process;

// The functions of every instance in a child process, except create: that is process_create. save returns 0 where the
// child cannot save.
extern const struct corsac_env env_process;

// What to start: argv (copied), with NULL at its end:
//
//   "exec", COMMAND           /bin/sh -c COMMAND
//   "argv", PROGRAM, ...      the program with these arguments; it is looked up in PATH
//   "plugin", PATH, ARGS      this program, which loads the plugin
//   "fmi", DIRECTORY, TASK    this program, which loads the unpacked FMU
//
// What a child writes to stdout and stderr goes to <run_dir>/environments/<index>.log (evaluation-<index>.log), or to
// stderr where there is no such directory. Fails with STATUS_USAGE (nothing to run, or the options of scratch
// directories do not fit) or STATUS_MEMORY.
struct process *process_open(const char *const *argv, const struct config *config, struct error *error);

// NULL is fine.
void process_close(struct process *process);

// Says which cores the children get, where the option child_cores wants that. Call it before the first create.
void process_set_place(struct process *process, const struct process_place *place);

// Counts the instance as failed, since the host refused what it sent.
void process_refuse(void *self);

// Begins to end the instance, whose destroy then waits, so that several end at once.
void process_destroy_begin(void *self);

// The process that plays the instance's episodes now, or 0 where it cannot be seen from here.
pid_t process_pid(void *self);

// Starts the child of an instance and does not wait for it, so that the children of several instances start at once.
// process_create then waits for that child, at most create_timeout from here on. Where it cannot be started,
// process_create tries again and says why.
void process_create_begin(struct process *process, struct process_listener listener,
                          const struct corsac_env_config *config);

// Ends the children that process_create_begin has started and process_create has not asked for.
void process_create_abandon(struct process *process);

// Starts a child, unless process_create_begin has, and waits, at most create_timeout, until it has sent its spec.
// listener is called in this and every later wait. NULL: it failed, and `error` says why.
void *process_create(struct process *process, struct process_listener listener, const struct corsac_env_config *config,
                     struct corsac_env_spec *spec, char *error, size_t error_size);

// The name of the simulator in a COMMAND of exec: the last component of the program's path. Interpreters, launchers,
// their options and assignments of variables are skipped; of `cd case && ./solver` it is the last command's.
void process_command_name(const char *command, char *name, size_t size);
#endif
