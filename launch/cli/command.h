// The subcommands. Each gets the arguments after its name and returns the exit status of the process (EXIT_* in
// common/base/status.h). Results go to stdout, JSON as one object; progress and messages go to stderr.
#ifndef CORSAC_LAUNCH_CLI_COMMAND_H
#define CORSAC_LAUNCH_CLI_COMMAND_H

#include "common/base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

int command_train(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_export(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_envs(int argc, char **argv);
int command_options(int argc, char **argv);
int command_recipes(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_cluster(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_check_env(int argc, char **argv);
int command_new_env(int argc, char **argv);
int command_plot(int argc, char **argv);
int command_report(int argc, char **argv);

// corsac help [NAME], --man [NAME], --completion, --commands, --topics.
int command_help(int argc, char **argv);

// Prints "corsac: message" on stderr and returns the status' exit code.
int command_fail(const struct error *error);

// Whether this process is the first rank of its job, which alone prints where several ranks run the same command. MPI
// need not have started: the launcher's environment variables tell.
bool command_first_rank(void);

// The names of the commands that have a page of help, in their order; NULL after the last.
const char *command_help_name(size_t index);

// A command's page: usage, what it does, options, examples. NULL: there is no such command. Of `train` the options
// follow, which command_help_print takes from their table.
const char *command_help_text(const char *name);

// Prints a command's page; NULL: the program's.
void command_help_print(FILE *out, const char *name);

#endif
