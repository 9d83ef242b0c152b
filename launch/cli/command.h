// The subcommands. Each gets the arguments after its name and returns the process' exit status (EXIT_* of
// common/base/status.h). JSON goes to stdout, one object; everything else a person reads while working goes to stderr.
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

// Prints "corsac: message" on stderr and returns the status' exit code.
int command_fail(const struct error *error);
// Among several ranks of one start, one speaks. Known before MPI starts: the launcher's word is taken for it.
bool command_first_rank(void);
// The --help page of a subcommand: usage, what it does, options, examples. NULL: of the program.
void command_help_print(FILE *out, const char *name);
const char *command_help_name(size_t index); // of the pages, in their order; NULL: no more
#endif
