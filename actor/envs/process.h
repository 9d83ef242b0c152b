// Environments in child processes: exec:COMMAND (a simulator with its own main loop), an isolated plugin, and whatever
// else speaks through libcorsac_sim. A child that dies, hangs, or sends what makes no sense is a failure of its
// environment and says so; nothing that it does reaches the actor.
#ifndef CORSAC_ACTOR_ENVS_PROCESS_H
#define CORSAC_ACTOR_ENVS_PROCESS_H

#include "common/base/status.h"
#include "common/config/config.h"
#include "common/env/env.h"

struct environment_kind;
struct process; // what to start

// The ABI of every kind of child. Its instances come from process_create; save says 0 bytes where the child cannot.
extern const struct corsac_env env_process;

// argv (copied), NULL at its end:   "exec", COMMAND           /bin/sh -c COMMAND
//                                   "argv", PROGRAM, ...      as they are, looked up in PATH
//                                   "plugin", PATH, ARGS      this program, which loads the plugin
// What a child writes to stdout and stderr goes to <run_dir>/environments/<index>.log (evaluation-<index>.log), or to
// stderr where there is no such directory. Fails with STATUS_USAGE (nothing to run) or STATUS_MEMORY.
struct process *process_open(const char *const *argv, const struct config *config, struct error *error);
void process_close(struct process *process); // NULL is fine

// struct environment_kind.create for a kind with kind->process. Waits until the child has said what it is, at most
// env_timeout.
void *process_create(const struct environment_kind *kind, const struct corsac_env_config *config,
                     struct corsac_env_spec *spec, char *error, size_t error_size);

#endif
